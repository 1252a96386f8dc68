/** Connection and request counters of a server, as in nginx. */

/** Plain data, sent between workers and master. */
export interface Counts {
  /** Accepted connections. */
  readonly accepted: number;
  /** Connections that were served, without those rejected by a limit. */
  readonly handled: number;
  /** Requests of which at least part was received. */
  readonly requests: number;
  /** Open connections. */
  readonly active: number;
  /** Of the open connections, those reading a request head. */
  readonly reading: number;
  /** Of the open connections, those handling or answering a request, and tunnels. */
  readonly writing: number;
  /** Of the open connections, those without data since they were opened or since the last response. */
  readonly waiting: number;
}

/** State of a connection. */
export type ConnectionState = typeof CLOSING | typeof READING | typeof WRITING | typeof WAITING;
/** Closing, or discarding the rest of a body. */
export const CLOSING = 0;
export const READING = 1;
export const WRITING = 2;
export const WAITING = 3;

/** Initial counts. */
export const NO_COUNTS: Counts = {
  accepted: 0,
  handled: 0,
  requests: 0,
  active: 0,
  reading: 0,
  writing: 0,
  waiting: 0,
};

/** Adds the counts of two processes. */
export function sum(a: Counts, b: Counts): Counts {
  return {
    accepted: a.accepted + b.accepted,
    handled: a.handled + b.handled,
    requests: a.requests + b.requests,
    active: a.active + b.active,
    reading: a.reading + b.reading,
    writing: a.writing + b.writing,
    waiting: a.waiting + b.waiting,
  };
}

/** Counters of one server, updated by it and its connections. */
export class ConnectionCounts {
  accepted = 0;
  handled = 0;
  requests = 0;
  active = 0;
  private readonly byState: [number, number, number, number] = [0, 0, 0, 0];
  private others: Counts = NO_COUNTS;
  private ask: (() => Promise<Counts>) | null = null;

  /** Moves a connection to another state. */
  move(from: ConnectionState, to: ConnectionState): void {
    this.byState[from]--;
    this.byState[to]++;
  }

  /** Counts of this server. */
  own(): Counts {
    const { accepted, handled, requests, active, byState } = this;
    return {
      accepted,
      handled,
      requests,
      active,
      reading: byState[READING],
      writing: byState[WRITING],
      waiting: byState[WAITING],
    };
  }

  /**
   * Includes other workers: `ask` returns the sum of their counts (and of their predecessors'), without this one. If it
   * fails the last known sum is used.
   */
  share(ask: () => Promise<Counts>): void {
    this.ask = ask;
  }

  /** Sets the last known counts of the other workers. */
  hear(others: Counts): void {
    this.others = others;
  }

  /** Counts of all workers, as far as known without waiting. */
  known(): Counts {
    return sum(this.own(), this.others);
  }

  /** Current counts of all workers; synchronous if this is the only one. */
  now(): Counts | Promise<Counts> {
    const { ask } = this;
    if (ask === null) return this.known();
    return ask().then(
      (others) => {
        this.others = others;
        return this.known();
      },
      () => this.known(),
    );
  }
}

/** State of one connection in the counts of its server. */
export class CountedState {
  private state: ConnectionState = CLOSING;

  constructor(private readonly counts: ConnectionCounts) {}

  set(state: ConnectionState): void {
    this.counts.move(this.state, state);
    this.state = state;
  }

  /** Counts a request: part of its head has arrived. */
  reading(): void {
    if (this.state === READING) return;
    this.set(READING);
    this.counts.requests++;
  }
}

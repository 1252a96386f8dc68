/** How many connections and requests a server had and has, as nginx counts them. */

/** Plain data: what a worker can tell its master. */
export interface Counts {
  /** Connections that came. */
  readonly accepted: number;
  /** Those of them that were served: not where there were too many. */
  readonly handled: number;
  /** Requests of which something came. */
  readonly requests: number;
  /** Connections that are open now. */
  readonly active: number;
  /** Of these: the head of a request is being read. */
  readonly reading: number;
  /** Of these: a request is being handled or answered, or a tunnel is open. */
  readonly writing: number;
  /** Of these: nothing has come since they were opened, or since the last answer. */
  readonly waiting: number;
}

/** What a connection is doing. */
export type ConnectionState = typeof CLOSING | typeof READING | typeof WRITING | typeof WAITING;
/** Closing, or throwing away what is left of a body. */
export const CLOSING = 0;
export const READING = 1;
export const WRITING = 2;
export const WAITING = 3;

/** Nothing yet. */
export const NO_COUNTS: Counts = {
  accepted: 0,
  handled: 0,
  requests: 0,
  active: 0,
  reading: 0,
  writing: 0,
  waiting: 0,
};

/** Adds what two processes have counted. */
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

/** The counts of one server; it and its connections keep them. */
export class ConnectionCounts {
  accepted = 0;
  handled = 0;
  requests = 0;
  active = 0;
  private readonly standing: [number, number, number, number] = [0, 0, 0, 0];
  private others: Counts = NO_COUNTS;
  private ask: (() => Promise<Counts>) | null = null;

  /** A connection does something else now. */
  move(from: ConnectionState, to: ConnectionState): void {
    this.standing[from]--;
    this.standing[to]++;
  }

  /** What this server has counted. */
  own(): Counts {
    const { accepted, handled, requests, active, standing } = this;
    return {
      accepted,
      handled,
      requests,
      active,
      reading: standing[READING],
      writing: standing[WRITING],
      waiting: standing[WAITING],
    };
  }

  /**
   * Other workers serve as well: `ask` gives the sum of what they (and those before them) have counted, this one left out.
   * Where it fails the sum before holds.
   */
  share(ask: () => Promise<Counts>): void {
    this.ask = ask;
  }

  /** What the other workers had counted some time ago. */
  hear(others: Counts): void {
    this.others = others;
  }

  /** Of all workers, as far as it is known at once. */
  known(): Counts {
    return sum(this.own(), this.others);
  }

  /** Of all workers, as it is now: at once where this is the only one. */
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

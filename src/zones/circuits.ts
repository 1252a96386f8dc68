/**
 * Circuits: failures by key in a sliding period, and the states that follow from them. The contents of the zones of circuit
 * breakers (one circuit for an upstream or location) and of outlier ejection (a circuit for each peer).
 *
 * A closed circuit admits and counts requests. An open one admits none until its time has elapsed; then it is half-open and
 * admits a number of probes: it closes if all of them succeed, and opens again at the first failure.
 */
import { SlidingWindow } from './sliding-window.js';
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

export type CircuitState = 'closed' | 'open' | 'half_open';

/** When a circuit opens, and for how long. Plain data, part of each question. Times in ms. */
export interface CircuitRules {
  readonly window: number;
  /** Failures within the window that open it; 0: not evaluated. */
  readonly failures: number;
  /** Share of failures that opens it, 0 to 1; 0: not evaluated. */
  readonly ratio: number;
  /** Events within the window from which the share counts. */
  readonly min: number;
  readonly open: number;
  /** Maximum multiple of `open` for repeated openings: the second in a row lasts twice as long, and so on. */
  readonly growth: number;
  /** Probes that must succeed; 0: the circuit closes when its time has elapsed. */
  readonly probes: number;
  /** Circuits of the zone that may be open at once. */
  readonly maxOpen: number;
}

/** State of a circuit for its users. */
export interface CircuitNews {
  readonly key: string;
  readonly state: CircuitState;
  /** Remaining time for which the circuit is open, ms. */
  readonly left: number;
}

/** Answer about a circuit. */
export interface CircuitAnswer extends CircuitNews {
  /** Whether the question has changed the state; true in exactly one answer to one process. */
  readonly changed: boolean;
  /** Events and failures within the window when it opened. */
  readonly events: number;
  readonly failures: number;
}

/** Whether a request may pass. */
export interface Admission extends CircuitAnswer {
  readonly admitted: 'passed' | 'probe' | 'refused';
}

/** State of a circuit, independent of the clock. */
export interface CircuitSnapshot extends CircuitNews {
  readonly window: number;
  readonly events: number;
  readonly failures: number;
  readonly openings: number;
}

/** The probes of one half-open phase; a probe that ends without a result is replaced by another. */
export class ProbeRound {
  inFlight = 0;
  succeeded = 0;

  give(): void {
    this.inFlight--;
  }
}

class Circuit {
  state: CircuitState = 'closed';
  /** Time until which the circuit is open, ms. */
  until = 0;
  /** Number of consecutive openings. */
  openings = 0;
  round = new ProbeRound();
  /** Counts at the time of opening. */
  events = 0;
  failures = 0;

  constructor(
    readonly key: string,
    public window: SlidingWindow,
  ) {}

  /** Whether the circuit is in its initial state and can be dropped. */
  idle(now: number): boolean {
    return this.state === 'closed' && this.window.total(now) === 0;
  }
}

/** Number of circuits in a zone above which idle ones are dropped, because addresses of peers may change. */
const MAX_IDLE = 1000;

export class Circuits {
  private readonly circuits = new Map<string, Circuit>();
  private readonly users = new ZoneUsers<readonly CircuitNews[]>();

  /** Number of open circuits. */
  get open(): number {
    let open = 0;
    for (const { state } of this.circuits.values()) if (state === 'open') open++;
    return open;
  }

  /** Decides on a request; a probe is held in the answer's round. */
  admit(key: string, rules: CircuitRules, now: number): { readonly admission: Admission; readonly round: ProbeRound } {
    const circuit = this.circuit(key, rules, now);
    const changed = this.elapse(circuit, rules, now);
    const { round } = circuit;
    let admitted: Admission['admitted'] = circuit.state === 'closed' ? 'passed' : 'refused';
    if (circuit.state === 'half_open' && round.inFlight + round.succeeded < rules.probes) {
      admitted = 'probe';
      round.inFlight++;
    }
    const { state, events, failures } = circuit;
    return { admission: { key, state, left: timeLeft(circuit, now), changed, events, failures, admitted }, round };
  }

  /**
   * Counts the results of requests: `events` of which `failures` have failed. While it is not closed only results of probes
   * count: other requests began before.
   */
  report(
    key: string,
    rules: CircuitRules,
    events: number,
    failures: number,
    round: ProbeRound | null,
    now: number,
  ): CircuitAnswer {
    const circuit = this.circuit(key, rules, now);
    let changed = this.elapse(circuit, rules, now);
    if (circuit.state === 'closed') {
      circuit.window.add(events, failures, now);
      if (failures > 0 || rules.ratio > 0) changed = this.openIfFailing(circuit, rules, now) || changed;
    } else if (circuit.state === 'half_open' && round === circuit.round) {
      if (failures > 0) this.openCircuit(circuit, rules, now);
      else if (++round.succeeded >= rules.probes) this.closeCircuit(circuit, now);
      changed = circuit.state !== 'half_open' || changed;
    }
    return answer(circuit, changed, now);
  }

  /** Subscribes the owner to changes, starting with the circuits that are not closed. */
  watch(owner: NotifiedUser, zone: number, now: number): void {
    this.users.add(owner, zone);
    const known = [...this.circuits.values()].filter(({ state }) => state !== 'closed');
    owner.notify(
      zone,
      known.map((circuit) => newsOf(circuit, now)),
    );
  }

  unwatch(owner: NotifiedUser, zone: number): void {
    this.users.delete(owner, zone);
  }

  snapshot(now: number): CircuitSnapshot[] {
    return [...this.circuits.values()].map((circuit) => ({
      ...newsOf(circuit, now),
      window: circuit.window.length,
      events: circuit.window.total(now),
      failures: circuit.window.markedTotal(now),
      openings: circuit.openings,
    }));
  }

  /** Adds the circuits of another backend. */
  restore(circuits: readonly CircuitSnapshot[], now: number): void {
    for (const { key, state, left, window, events, failures, openings } of circuits) {
      if (this.circuits.has(key)) continue;
      const circuit = new Circuit(key, new SlidingWindow(window));
      circuit.window.add(events, failures, now);
      // Probes of the other backend cannot report here.
      circuit.state = state === 'half_open' ? 'open' : state;
      circuit.until = now + left;
      circuit.openings = openings;
      this.circuits.set(key, circuit);
    }
  }

  private circuit(key: string, { window }: CircuitRules, now: number): Circuit {
    let circuit = this.circuits.get(key);
    if (circuit === undefined) {
      if (this.circuits.size >= MAX_IDLE) this.forget(now);
      this.circuits.set(key, (circuit = new Circuit(key, new SlidingWindow(window))));
    }
    // A reload may have changed it.
    if (circuit.window.length !== window) circuit.window = new SlidingWindow(window);
    return circuit;
  }

  private forget(now: number): void {
    for (const [key, circuit] of this.circuits) if (circuit.idle(now)) this.circuits.delete(key);
  }

  /** Ends the open state of a circuit if its time has elapsed; returns whether the state has changed. */
  private elapse(circuit: Circuit, rules: CircuitRules, now: number): boolean {
    if (circuit.state !== 'open' || now < circuit.until) return false;
    if (rules.probes === 0) this.closeCircuit(circuit, now);
    else {
      circuit.state = 'half_open';
      circuit.round = new ProbeRound();
      this.announce(circuit, now);
    }
    return true;
  }

  /** Opens the circuit if there are too many failures; returns whether it did. */
  private openIfFailing(circuit: Circuit, rules: CircuitRules, now: number): boolean {
    const { failures, ratio, min, maxOpen } = rules;
    const failed = circuit.window.markedTotal(now);
    const events = circuit.window.total(now);
    const tooMany = failures > 0 && failed >= failures;
    const tooLarge = ratio > 0 && failed > 0 && events >= min && failed >= ratio * events;
    if (!(tooMany || tooLarge) || !this.mayOpen(rules, maxOpen, now)) return false;
    circuit.events = events;
    circuit.failures = failed;
    this.openCircuit(circuit, rules, now);
    return true;
  }

  private mayOpen(rules: CircuitRules, maxOpen: number, now: number): boolean {
    if (this.open < maxOpen) return true;
    // The open time of other circuits may have elapsed without a question about them.
    for (const other of this.circuits.values()) if (rules.probes === 0) this.elapse(other, rules, now);
    return this.open < maxOpen;
  }

  private openCircuit(circuit: Circuit, { open, growth }: CircuitRules, now: number): void {
    const isRepeated = circuit.openings > 0 && now - circuit.until < open * Math.min(circuit.openings, growth);
    circuit.openings = isRepeated ? circuit.openings + 1 : 1;
    circuit.state = 'open';
    circuit.until = now + open * Math.min(circuit.openings, growth);
    circuit.window.clear();
    this.announce(circuit, now);
  }

  private closeCircuit(circuit: Circuit, now: number): void {
    circuit.state = 'closed';
    circuit.window.clear();
    this.announce(circuit, now);
  }

  private announce(circuit: Circuit, now: number): void {
    this.users.notifyAll([newsOf(circuit, now)]);
  }
}

function timeLeft({ state, until }: Circuit, now: number): number {
  return state === 'open' ? Math.max(0, until - now) : 0;
}

function newsOf(circuit: Circuit, now: number): CircuitNews {
  return { key: circuit.key, state: circuit.state, left: timeLeft(circuit, now) };
}

function answer(circuit: Circuit, changed: boolean, now: number): CircuitAnswer {
  const { key, state, events, failures } = circuit;
  return { key, state, left: timeLeft(circuit, now), changed, events, failures };
}

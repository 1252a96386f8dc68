/** Passage of a request through its circuit breakers: admission, and the report of its result. */
import { StateKey } from '../program/state-key.js';
import { newTicket } from '../zones/tickets.js';
import type { Admitted, Breaker } from './breaker.js';
import { counts } from './failure-types.js';

/** The passage of a request to an upstream, for the variables. */
export const BREAKER_PASS = new StateKey<BreakerPass>('breaker pass', 'request');

/** Result of a request: none yet, a success, or a failure. */
type Result = 'none' | 'succeeded' | 'failed';

/** Shared by requests that were refused without consulting a breaker, because it is known to be open. */
const NO_PROBES: number[] = [];
const NO_RESULTS: Result[] = [];

export class BreakerPass {
  /** The breaker that has refused the request; null for none. */
  refusedBy: Breaker | null = null;
  private isProbe = false;
  /** Tickets of probes by position of the breaker; 0 for none. */
  private probes: number[] = NO_PROBES;
  private results: Result[] = NO_RESULTS;
  private over = false;

  /** `breakers`: that of the location first. */
  constructor(readonly breakers: readonly Breaker[]) {}

  /** Refuses the request because that breaker is known to be open. */
  refuse(by: Breaker): void {
    this.refusedBy = by;
    by.refusals++;
    this.over = true;
  }

  /** `$upstream_breaker_status`. */
  get status(): string {
    if (this.refusedBy !== null) return 'REFUSED';
    return this.isProbe ? 'PROBE' : 'PASSED';
  }

  /** `$upstream_breaker_state`: of the first breaker that is not closed. */
  get state(): string {
    return this.breakers.find(({ state }) => state !== 'closed')?.state ?? 'closed';
  }

  /** Asks the breakers, sets `refusedBy` if one refuses, and calls `then`: synchronously, unless another process decides. */
  enter(then: () => void): void {
    this.probes = [];
    this.results = [];
    this.ask(0, then);
  }

  private ask(first: number, then: () => void): void {
    for (let i = first; i < this.breakers.length; i++) {
      const breaker = this.breakers[i] as Breaker; // within the list
      if (breaker.passes) {
        this.probes[i] = 0;
        this.results[i] = 'none';
        continue;
      }
      const ticket = newTicket();
      const answer = breaker.admit(ticket);
      if (answer instanceof Promise) {
        this.probes[i] = ticket;
        void answer.then((admitted) => {
          // The request has already ended and returned its ticket.
          if (this.over) return;
          if (this.decide(i, admitted, ticket)) this.ask(i + 1, then);
          else then();
        });
        return;
      }
      if (!this.decide(i, answer, ticket)) break;
    }
    then();
  }

  /** Applies an answer; returns whether the request may pass. */
  private decide(i: number, admitted: Admitted, ticket: number): boolean {
    const isProbe = admitted === 'probe';
    this.isProbe ||= isProbe;
    this.probes[i] = isProbe ? ticket : 0;
    this.results[i] = 'none';
    if (admitted !== 'refused') return true;
    this.refusedBy = this.breakers[i] ?? null;
    if (this.refusedBy !== null) this.refusedBy.refusals++;
    this.end();
    return false;
  }

  /** Reports the result to each breaker: whether its types of failure include one of `types`, or the status, if any. */
  report(types: number, status: number): void {
    if (this.over) return;
    for (let i = 0; i < this.breakers.length; i++) {
      const breaker = this.breakers[i] as Breaker; // within the list
      const before = this.results[i];
      const failed = counts(breaker.settings.failures, types, status);
      // A response that began well may fail later.
      if (before === 'failed' || (before === 'succeeded' && !failed)) continue;
      const probe = this.probes[i] ?? 0;
      this.probes[i] = 0;
      this.results[i] = failed ? 'failed' : 'succeeded';
      breaker.report(failed, before === 'succeeded', probe);
    }
  }

  /** Ends the request: a probe without a result is replaced by another. */
  end(): void {
    if (this.over) return;
    this.over = true;
    for (let i = 0; i < this.breakers.length; i++) {
      const probe = this.probes[i] ?? 0;
      if (probe !== 0) this.breakers[i]?.circuits.giveBack(probe);
    }
  }
}

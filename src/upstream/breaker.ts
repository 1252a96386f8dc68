/** A circuit breaker: refuses the requests of an upstream or location while too many of them fail. */

import type { ErrorLog } from '../logging/error-log.js';
import type { Admission, CircuitAnswer, CircuitNews, CircuitRules, CircuitState } from '../zones/circuits.js';
import type { ZoneBackend } from '../zones/zone.js';
import { type CircuitObserver, CircuitUser } from './circuit-user.js';
import type { CountedFailures } from './failure-types.js';

/** Parameters of `circuit_breaker`. Plain data. */
export interface BreakerSettings {
  readonly rules: CircuitRules;
  readonly failures: CountedFailures;
  /** Status of the response to refused requests. */
  readonly status: number;
}

export type Admitted = Admission['admitted'];

export class Breaker implements CircuitObserver {
  /** State as far as this process knows it. */
  state: CircuitState = 'closed';
  readonly circuits: CircuitUser;
  /** Log line of a refused request. */
  readonly refusal: string;
  /** The breakers of requests for which it is the only one. */
  readonly alone: readonly Breaker[] = [this];
  /** Requests that it has refused in this process. */
  refusals = 0;
  /** Time on the clock of `performance.now()` until which it is open. */
  private until = 0;

  constructor(
    /** Subject of log lines: `upstream "backend"`. */
    readonly subject: string,
    readonly settings: BreakerSettings,
    backend: ZoneBackend,
    private readonly errorLog: ErrorLog,
  ) {
    this.circuits = new CircuitUser(backend, this);
    this.refusal = `circuit breaker of ${subject} refuses request`;
  }

  /** Whether the breaker is known to be open: that cannot change before its `open` time has elapsed. */
  get refuses(): boolean {
    return this.state === 'open' && performance.now() < this.until;
  }

  /** Whether the breaker is known to be closed: all changes are announced to this process. */
  get passes(): boolean {
    return this.state === 'closed' && this.circuits.informed;
  }

  /**
   * Decides whether to admit a request; the ticket holds a probe. Another process is asked only when the `open` time has
   * elapsed, because it announces all other changes.
   */
  admit(ticket: number): Admitted | Promise<Admitted> {
    const { circuits } = this;
    if (this.refuses) return 'refused';
    if (this.passes) return 'passed';
    const answer = circuits.admit(KEY, this.settings.rules, ticket);
    return answer instanceof Promise ? answer.then(({ admitted }) => admitted) : answer.admitted;
  }

  /** Reports the result of a request. `counted`: it was reported before as a success. `probe`: ticket of a probe, or 0. */
  report(failed: boolean, counted: boolean, probe: number): void {
    this.circuits.report(KEY, this.settings.rules, counted ? 0 : 1, failed ? 1 : 0, probe);
  }

  circuitIs({ state, left }: CircuitNews): void {
    this.state = state;
    this.until = performance.now() + left;
  }

  circuitChanged({ state, events, failures, left }: CircuitAnswer, probe: boolean): void {
    const breaker = `circuit breaker of ${this.subject}`;
    if (state === 'closed') this.errorLog.write('notice', `${breaker} closes`);
    else if (state === 'half_open') this.errorLog.write('notice', `${breaker} is half-open, probes are admitted`);
    else {
      const { ratio, window } = this.settings.rules;
      const of = ratio > 0 ? ` of ${events}` : '';
      const cause = probe ? 'again: a probe failed' : `: ${failures}${of} requests failed within ${window} ms`;
      this.errorLog.write(
        'warn',
        `${breaker} opens${probe ? ' ' : ''}${cause}, requests are refused for ${Math.round(left)} ms`,
      );
    }
  }
}

/** The zone of a breaker has one circuit. */
const KEY = 'requests';

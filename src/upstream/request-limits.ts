/** Limits of a request over all its tries: circuit breakers, the total timeout, the delays between tries. */

import type { HttpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import { now, type Scheduled, schedule, unschedule } from '../net/deadlines.js';
import { logError } from '../program/error-context.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Breaker } from './breaker.js';
import { BREAKER_PASS, BreakerPass } from './breaker-pass.js';
import type { UpstreamFailure } from './failure.js';
import { typesOfFailure, typesOfStatus } from './failure-types.js';
import type { Upstream } from './upstream.js';

/** Breaker of a location. */
export const LOCATION_BREAKER = new SettingsKey<Breaker | null>('circuit breaker', null);

/** Total time of the tries of a request in ms; 0: unlimited. */
export const UPSTREAM_TIMEOUT = new SettingsKey('upstream timeout', 0);

/** Delays before further tries. Plain data; times in ms. */
export interface BackoffSettings {
  /** Before the second try; each further one is twice as long. */
  readonly first: number;
  readonly max: number;
  /** Share of a delay that is random, 0 to 1. */
  readonly jitter: number;
}

export const RETRY_BACKOFF = new SettingsKey<BackoffSettings | null>('retry backoff', null);

/**
 * Returns the status for a request that a breaker known to be open refuses; 0 if none is open. Refused requests cause no
 * further work.
 */
export function refusalStatus(x: HttpExchange, { breaker }: Upstream): number {
  const own = x.location.settings.get(LOCATION_BREAKER);
  let by: Breaker | null = null;
  if (own?.refuses === true) by = own;
  // The location's breaker is asked first, because it may admit a probe.
  else if (own === null && breaker?.refuses === true) by = breaker;
  if (by === null) return 0;
  const pass = new BreakerPass(own === null || breaker === null ? by.alone : [own, breaker]);
  pass.refuse(by);
  x.setState(BREAKER_PASS, pass);
  logError(x, 'info', by.refusal);
  return by.settings.status;
}

/** The request. */
export interface LimitedRequest {
  /** Called when the breakers have admitted the request. */
  admitted(): void;
  /** Called when a breaker has refused the request; `status`: that of the response. */
  refused(status: number): void;
  /** Called when the delay before the next try has elapsed. */
  retry(): void;
  /** Called when the total time has elapsed. */
  expired(): void;
}

export class RequestLimits implements Scheduled {
  deadline = 0;
  slot = 0;
  private tries = 0;
  private timer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly x: HttpExchange,
    private readonly owner: LimitedRequest,
    private readonly pass: BreakerPass | null,
    private timeout: number,
    private readonly backoff: BackoffSettings | null,
  ) {}

  /** Limits of a request; null if there are none. */
  static of(x: HttpExchange, upstream: Upstream, owner: LimitedRequest): RequestLimits | null {
    const { settings } = x.location;
    const own = settings.get(LOCATION_BREAKER);
    const { breaker } = upstream;
    const timeout = settings.get(UPSTREAM_TIMEOUT);
    const backoff = settings.get(RETRY_BACKOFF);
    if (own === null && breaker === null && timeout === 0 && backoff === null) return null;
    let pass: BreakerPass | null = null;
    if (own !== null || breaker !== null) {
      pass = new BreakerPass([own, breaker].filter((each) => each !== null));
      x.setState(BREAKER_PASS, pass);
    }
    return new RequestLimits(x, owner, pass, timeout, backoff);
  }

  /** Asks the breakers. */
  enter(): void {
    const { pass, owner } = this;
    if (pass === null) owner.admitted();
    else pass.enter(() => this.decided(pass.refusedBy));
  }

  private decided(refusedBy: Breaker | null): void {
    if (refusedBy === null) {
      this.owner.admitted();
      return;
    }
    logError(this.x, 'info', refusedBy.refusal);
    this.owner.refused(refusedBy.settings.status);
  }

  /** Starts the total time, with the first try. */
  start(): void {
    if (this.timeout > 0 && this.slot === 0) schedule(this, now() + this.timeout);
  }

  timedOut(): void {
    this.owner.expired();
  }

  /** Stops the total time: the response is an event stream, which has no end. */
  stopTimeout(): void {
    this.timeout = 0;
    unschedule(this);
  }

  /** Called when a response is passed on. */
  answered(status: number): void {
    const upgrade = this.x.headers.indexOf(Field.Upgrade) >= 0 && status !== 101;
    this.pass?.report(typesOfStatus(status, upgrade), status);
  }

  /** Called when the request has failed and is not tried again. */
  failed(failure: UpstreamFailure): void {
    const types = typesOfFailure(failure);
    // Failures of this host or of the client do not count as failures of the upstream.
    if (types !== 0) this.pass?.report(types, 0);
  }

  /** Delays the next try; returns false if there is no delay. Only a connection that failed is tried again later. */
  delayRetry({ retry }: UpstreamFailure): boolean {
    const { backoff } = this;
    if (backoff === null || retry !== 'always') return false;
    const delay = Math.min(backoff.max, backoff.first * 2 ** this.tries++);
    this.timer = setTimeout(() => this.owner.retry(), delay * (1 - backoff.jitter * Math.random()));
    return true;
  }

  /** Ends the request. */
  end(): void {
    unschedule(this);
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.pass?.end();
  }
}

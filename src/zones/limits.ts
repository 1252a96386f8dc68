/** Operations behind `limit_conn` and `limit_req`: all limits of a request are decided together. */
import { KeyCounts } from './key-counts.js';
import type { Operation } from './operation.js';
import type { Held } from './owner.js';
import { RequestRates } from './request-rates.js';

/** A limit for a key of a zone: at most `max` concurrent requests. */
export interface ConnectionLimit {
  readonly zone: number;
  readonly key: string;
  readonly max: number;
}

export interface ConnectionQuestion {
  /** The counts are held under this number until `giveBack` receives it. */
  readonly ticket: number;
  readonly limits: readonly ConnectionLimit[];
}

export interface ConnectionAnswer {
  /** `unavailable`: the store of the zone does not respond, and its zone refuses all requests then. */
  readonly result: 'taken' | 'limit' | 'memory' | 'unavailable' | 'unanswered';
  /** Index of the limit that refused; -1 for none. */
  readonly refusedBy: number;
}

export const TAKEN: ConnectionAnswer = { result: 'taken', refusedBy: -1 };

/** Counts a request in all its zones, or in none if one of them refuses. */
export const takeConnections: Operation<ConnectionQuestion, ConnectionAnswer> = {
  name: 'limit_conn take',
  fallback: { result: 'unanswered', refusedBy: -1 },
  run(owner, { ticket, limits }) {
    const held: Held[] = [];
    for (let i = 0; i < limits.length; i++) {
      const { zone, key, max } = limits[i] as ConnectionLimit;
      const counts = owner.zone(zone, KeyCounts);
      if (counts === undefined) continue;
      const result = counts.take(key, max);
      if (result !== 'taken') {
        for (const taken of held) taken.in.give(taken.key);
        return { result, refusedBy: i };
      }
      held.push({ in: counts, key });
    }
    owner.hold(ticket, held);
    return TAKEN;
  },
};

/** A rate for a key of a zone. All numbers in thousandths of a request; `rate` per second. */
export interface RateLimit {
  readonly zone: number;
  readonly key: string;
  readonly rate: number;
  readonly burst: number;
  /** Excess up to which a request is not delayed; very large: never delayed. */
  readonly delay: number;
  /** Cost; default: that of one request. */
  readonly cost?: number;
}

export interface RateQuestion {
  readonly limits: readonly RateLimit[];
}

export interface RateAnswer {
  /** `unavailable`: the store of the zone does not respond, and its zone refuses all requests then. */
  readonly result: 'passed' | 'delayed' | 'beyond' | 'memory' | 'unavailable' | 'unanswered';
  /** Thousandths of a request, for the log message. */
  readonly excess: number;
  /** Index of the limit in the log message; -1 for none. */
  readonly limitIndex: number;
  /** ms. */
  readonly delay: number;
}

export const PASSED: RateAnswer = { result: 'passed', excess: 0, limitIndex: -1, delay: 0 };

/** Counts a request in all its zones and returns its delay, or counts it in none if one of them refuses. */
export const countRequest: Operation<RateQuestion, RateAnswer> = {
  name: 'limit_req count',
  fallback: { result: 'unanswered', excess: 0, limitIndex: -1, delay: 0 },
  run(owner, { limits }) {
    const now = owner.now;
    for (let i = 0; i < limits.length; i++) {
      const { zone, key, rate, burst, cost } = limits[i] as RateLimit;
      const check = owner.zone(zone, RequestRates)?.check(key, rate, burst, now, cost);
      if (check === undefined || check.result === 'within') continue;
      return { result: check.result, excess: check.excess, limitIndex: i, delay: 0 };
    }
    let answer = PASSED;
    // From the last to the first, as in nginx: of several limits with the same delay the last one is logged.
    for (let i = limits.length - 1; i >= 0; i--) {
      const limit = limits[i] as RateLimit;
      const excess = owner.zone(limit.zone, RequestRates)?.account(limit.key, limit.rate, now, limit.cost) ?? 0;
      if (excess <= limit.delay) continue;
      const delay = Math.floor(((excess - limit.delay) * 1000) / limit.rate);
      if (delay > answer.delay) answer = { result: 'delayed', excess, limitIndex: i, delay };
    }
    return answer;
  },
};

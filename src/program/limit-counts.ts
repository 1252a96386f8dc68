/** Decisions of limits by zone, for metrics and the console. */
import type { Compiler, Shared } from './module.js';

/** Results of a limit, as nginx's `$limit_req_status` names them. */
export type LimitResult = 'passed' | 'delayed' | 'rejected' | 'delayed_dry_run' | 'rejected_dry_run';

/** Numbers of requests in this process. */
export type LimitCounts = Record<LimitResult, number>;

/** The counts of one zone. */
export interface CountedLimit {
  /** Directive: `limit_req`, `limit_conn`. */
  readonly limit: string;
  readonly zone: string;
  readonly counts: LimitCounts;
}

const KEY = 'counts of limits';

/** The counts of all zones; one object for all tables of the process. */
export function countedLimits(shared: Shared, previous: Shared | null = null): Map<string, CountedLimit> {
  return shared.get<Map<string, CountedLimit>>(KEY) ?? shared.set(KEY, previous?.get(KEY) ?? new Map());
}

/** Counts of the requests to which the zone of a limit applies. */
export function limitCounts({ shared, previous }: Compiler, limit: string, zone: string): LimitCounts {
  const all = countedLimits(shared, previous);
  const key = `${limit} ${zone}`;
  let known = all.get(key);
  if (known === undefined) {
    const counts = { passed: 0, delayed: 0, rejected: 0, delayed_dry_run: 0, rejected_dry_run: 0 };
    all.set(key, (known = { limit, zone, counts }));
  }
  return known.counts;
}

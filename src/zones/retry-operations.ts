/** Operations behind `retry_budget`. */
import type { Operation } from './operation.js';
import { RetryCounts, type RetrySnapshot } from './retry-counts.js';

/** Reports requests and further tries to the other users of the zone. */
export const reportRetries: Operation<{ readonly zone: number } & RetrySnapshot, null> = {
  name: 'retries report',
  fallback: null,
  run(owner, { zone, ...report }) {
    owner.zone(zone, RetryCounts)?.report(owner, zone, report, owner.now);
    return null;
  },
};

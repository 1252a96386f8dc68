/** Operations behind `status_zone` of `resolver`. */
import type { Operation } from './operation.js';
import { ResolverCounts, type ResolverStatistics } from './resolver-counts.js';

/** Adds events. */
export const countResolutions: Operation<
  { readonly zone: number; readonly events: Partial<ResolverStatistics> },
  null
> = {
  name: 'resolver count',
  fallback: null,
  run(owner, { zone, events }) {
    owner.zone(zone, ResolverCounts)?.add(events);
    return null;
  },
};

/** Reads the statistics; null if the backend does not respond. `reset`: they start again at 0. */
export const readResolutions: Operation<{ readonly zone: number; readonly reset: boolean }, ResolverStatistics | null> =
  {
    name: 'resolver read',
    fallback: null,
    run(owner, { zone, reset }) {
      const state = owner.zone(zone, ResolverCounts);
      const counts = state?.snapshot() ?? null;
      if (reset) state?.reset();
      return counts;
    },
  };

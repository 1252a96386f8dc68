/** Operations on metrics. */
import { type MetricIncrease, type MetricTotal, MetricTotals } from './metric-totals.js';
import type { Operation } from './operation.js';

/** Adds the counts of a process since its last report. */
export const addMetrics: Operation<
  { readonly zone: number; readonly limit: number; readonly increases: readonly MetricIncrease[] },
  null
> = {
  name: 'metrics add',
  fallback: null,
  run(owner, { zone, limit, increases }) {
    owner.zone(zone, MetricTotals)?.add(increases, limit);
    return null;
  },
};

/** Returns the totals of all processes; null if the zone is not open or its backend does not respond. */
export const readMetrics: Operation<
  { readonly zone: number; readonly families: readonly string[] | null },
  readonly MetricTotal[] | null
> = {
  name: 'metrics read',
  fallback: null,
  run: (owner, { zone, families }) => owner.zone(zone, MetricTotals)?.read(families) ?? null,
};

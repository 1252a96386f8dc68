/** Results of requests, limits and API keys from the metrics of all workers, with the quantiles of the last minute. */
import { toText } from '../diagnostics/byte-string.js';
import { LIMITED, REQUEST_DURATION, REQUESTS } from '../metrics/families.js';
import { USAGE_FAMILIES, usageEntries } from '../metrics/usage.js';
import type { UsageEntry } from '../metrics/usage-entry.js';
import type { MetricTotal } from '../zones/metric-totals.js';
import type { RequestTotals } from './overview.js';
import type { LimitState, RequestFigures } from './state.js';

/** Metric families from which the results are computed. */
export const RESULT_FAMILIES = [REQUESTS, REQUEST_DURATION, LIMITED, ...USAGE_FAMILIES];

/** Maximum number of API keys in an overview. */
const MAX_USAGE = 100;

/** ms over which quantiles are computed. */
const WINDOW = 60_000;
/** ms between two snapshots at least. */
const MIN_INTERVAL = 900;

interface Snapshot {
  readonly time: number;
  /** Requests by bucket of their duration. */
  readonly buckets: readonly number[];
}

export class RequestResults {
  private snapshots: readonly Snapshot[] = [];

  /** The results at a time, ms; quantiles refer to the earlier calls within the last minute. */
  totals(totals: readonly MetricTotal[], time: number): RequestTotals {
    const { bounds } = REQUEST_DURATION;
    const buckets = new Array<number>(bounds.length + 1).fill(0);
    const statuses = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
    for (const { family, labels, values } of totals) {
      if (family === REQUESTS.name) {
        const group = `${(labels[REQUESTS.labels.indexOf('code')] ?? '').charAt(0)}xx`;
        if (Object.hasOwn(statuses, group)) statuses[group as keyof typeof statuses] += values[0] ?? 0;
      } else if (family === REQUEST_DURATION.name) {
        for (const i of buckets.keys()) buckets[i] = (buckets[i] ?? 0) + (values[i] ?? 0);
      }
    }
    // The newest one before the window is its beginning.
    const first = this.snapshots.findLastIndex((each) => each.time <= time - WINDOW);
    const within = this.snapshots.slice(Math.max(0, first));
    const [before] = within;
    const last = within.at(-1);
    this.snapshots = last !== undefined && time - last.time < MIN_INTERVAL ? within : [...within, { time, buckets }];
    const recent = buckets.map((count, i) => Math.max(0, count - (before?.buckets[i] ?? 0)));
    return { statuses, latency: latencyOf(recent, bounds) };
  }
}

function latencyOf(buckets: readonly number[], bounds: readonly number[]): RequestFigures['latency'] {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const quantile = (share: number): number => quantileOf(buckets, bounds, share * total);
  return { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) };
}

/** Interpolates within a bucket, as Prometheus does; beyond the last bound its value is returned. */
function quantileOf(buckets: readonly number[], bounds: readonly number[], rank: number): number {
  let count = 0;
  for (const [i, size] of buckets.entries()) {
    if (count + size < rank || size === 0) {
      count += size;
      continue;
    }
    const upper = bounds[i];
    const lower = bounds[i - 1] ?? 0;
    if (upper === undefined) return lower;
    return Math.round((lower + ((upper - lower) * (rank - count)) / size) * 10) / 10;
  }
  return bounds.at(-1) ?? 0;
}

/** Decisions of each limit and zone. */
export function limitStates(totals: readonly MetricTotal[]): LimitState[] {
  const found = new Map<string, { zone: string; kind: string; passed: number; delayed: number; rejected: number }>();
  for (const { family, labels, values } of totals) {
    if (family !== LIMITED.name) continue;
    const [kind = '', zone = '', result = ''] = labels;
    const key = `${kind} ${zone}`;
    const limit = found.get(key) ?? { zone: toText(zone), kind, passed: 0, delayed: 0, rejected: 0 };
    found.set(key, limit);
    limit[result === 'delayed' || result === 'rejected' ? result : 'passed'] += values[0] ?? 0;
  }
  return [...found.values()];
}

/** Use of API keys. */
export function usageStates(totals: readonly MetricTotal[]): UsageEntry[] {
  const requestsOf = ({ requests: { allowed, limited, forbidden } }: UsageEntry): number =>
    allowed + limited + forbidden;
  return usageEntries(totals)
    .sort((a, b) => requestsOf(b) - requestsOf(a))
    .slice(0, MAX_USAGE);
}

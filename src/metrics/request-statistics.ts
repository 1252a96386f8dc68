/** Requests of all workers with quantiles of their durations, for the console. */
import { REQUEST_DURATION, REQUESTS } from './families.js';
import type { Recording } from './recording.js';

/** Time over which quantiles are computed, ms. */
const WINDOW = 60_000;

/** Plain data. */
export interface RequestFigures {
  /** Numbers of requests since the start, by class of their status. */
  readonly statuses: Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>;
  /** Durations of the last minute in ms; null if there was no request. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number } | null;
}

/** Numbers of requests by bucket of their duration, over all locations. */
interface DurationCounts {
  readonly time: number;
  readonly counts: readonly number[];
}

/** Reads figures of requests repeatedly; one per process, so that a reload does not interrupt the window. */
export class RequestStatistics {
  /** Oldest first. */
  private history: DurationCounts[] = [];

  /** Null if the master process does not respond. */
  async read(recording: Recording): Promise<RequestFigures | null> {
    const collected = await recording.collect([REQUESTS, REQUEST_DURATION]);
    if (collected === null) return null;
    const statuses = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
    const counts = new Array<number>(REQUEST_DURATION.bounds.length + 1).fill(0);
    const codeAt = REQUESTS.labels.indexOf('code');
    for (const { family, labels, values } of collected.totals) {
      if (family === REQUEST_DURATION.name) {
        for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] ?? 0) + (values[i] ?? 0);
      } else if (family === REQUESTS.name) {
        const name = `${labels[codeAt]?.[0] ?? ''}xx`;
        if (Object.hasOwn(statuses, name)) statuses[name as keyof typeof statuses] += values[0] ?? 0;
      }
    }
    return { statuses, latency: this.latency(counts) };
  }

  private latency(counts: readonly number[]): RequestFigures['latency'] {
    const time = performance.now();
    const { history } = this;
    while (history.length > 1 && time - (history[1]?.time ?? 0) > WINDOW) history.shift();
    // The first reading has no earlier one: it is about all requests so far.
    const before = history[0]?.counts ?? [];
    history.push({ time, counts });
    const recent = counts.map((count, i) => count - (before[i] ?? 0));
    const at = (share: number): number => quantile(REQUEST_DURATION.bounds, recent, share);
    return recent.some((count) => count > 0) ? { p50: at(0.5), p90: at(0.9), p99: at(0.99) } : null;
  }
}

/**
 * Quantile of values that were counted in buckets, interpolated within the bucket as by Prometheus; the highest bound if it is
 * beyond. `share` from 0 to 1.
 */
export function quantile(bounds: readonly number[], counts: readonly number[], share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rank = share * total;
  let below = 0;
  for (const [i, upper] of bounds.entries()) {
    const count = counts[i] ?? 0;
    if (count > 0 && below + count >= rank) {
      const lower = bounds[i - 1] ?? 0;
      return lower + ((upper - lower) * Math.max(0, rank - below)) / count;
    }
    below += count;
  }
  return bounds.at(-1) ?? 0;
}

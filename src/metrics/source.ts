/** Sources of metrics other than requests: objects with counts of their own, and gauges. */
import type { Shared } from '../program/module.js';
import type { ZoneBackend } from '../zones/zone.js';
import type { Family } from './family.js';
import type { Metrics } from './metrics.js';

/** Current value of a gauge in this process, or a count that all workers share, with its labels. */
export type MetricRow = readonly [family: Family, value: number, ...labels: readonly string[]];

/** Metrics of one subject. */
export interface MetricSource {
  /** Starts to record counts of this process; called when the table is in force. */
  attach?(shared: Shared, metrics: Metrics): void;
  /** Stops; called when the table is no longer in force. */
  detach?(): void;
  /** Gauges of this process. */
  gauges?(shared: Shared, metrics: Metrics): readonly MetricRow[];
  /** Counts and gauges that all workers share, read by one of them. */
  shared?(shared: Shared, zones: ZoneBackend): Promise<readonly MetricRow[]>;
}

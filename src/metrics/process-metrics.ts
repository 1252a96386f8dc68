/** Metrics of the proxy as a whole: its version, its configuration and its workers. */
import { VERSION } from '../http/software.js';
import type { ProcessCounts } from '../program/process-link.js';
import type { MetricTotal } from '../zones/metric-totals.js';
import { BUILD_INFO, GENERATION, LAST_RELOAD, LOADED_AT, RELOADS, RESTARTS, WORKERS } from './families.js';
import type { Family } from './family.js';
import type { GaugeValue } from './series.js';

interface ProcessState {
  /** Null if the process that owns the configuration does not answer. */
  readonly counts: ProcessCounts | null;
  /** Number of workers that have reported. */
  readonly workers: number;
  readonly generation: number;
}

export function processMetrics({ counts, workers, generation }: ProcessState): {
  readonly totals: readonly MetricTotal[];
  readonly gauges: readonly GaugeValue[];
} {
  const total = (family: Family, value: number, ...labels: string[]): MetricTotal => {
    return { family: family.name, labels, values: [value] };
  };
  const gauge = (family: Family, value: number, ...labels: string[]): GaugeValue => {
    return { family: family.name, labels, value };
  };
  return {
    totals:
      counts === null
        ? []
        : [
            total(RELOADS, counts.reloads, 'success'),
            total(RELOADS, counts.refused, 'refused'),
            total(RESTARTS, counts.restarts),
          ],
    gauges: [
      gauge(BUILD_INFO, 1, VERSION, process.version),
      gauge(GENERATION, generation),
      ...(counts === null
        ? []
        : [gauge(LOADED_AT, counts.loadedAt / 1000), gauge(LAST_RELOAD, counts.succeeded ? 1 : 0)]),
      gauge(WORKERS, workers),
    ],
  };
}

/** Sources of metrics other than requests: objects that count by themselves, and gauges of the present. */
import { sharedCounts } from '../exchange/open-connections.js';
import type { Shared } from '../program/module.js';
import { workerNumber } from '../program/worker-number.js';
import {
  ACCEPTED,
  CONNECTIONS,
  CPU,
  EXTERNAL,
  GENERATIONS,
  HANDLED,
  HEAP_SIZE,
  HEAP_USED,
  IN_FLIGHT,
  RECEIVED_REQUESTS,
  RESIDENT,
} from './families.js';
import type { Family } from './family.js';
import type { Metrics } from './metrics.js';

/** Present value of a gauge in this process, with its labels. */
export type GaugeRow = readonly [family: Family, value: number, ...labels: readonly string[]];

/** Metrics of one subject in this process. */
export interface MetricSource {
  /** Starts to record counts; called when the table is in force. */
  attach?(shared: Shared, metrics: Metrics): void;
  gauges(shared: Shared, metrics: Metrics): readonly GaugeRow[];
}

const connections: MetricSource = {
  attach(shared, metrics) {
    const counts = sharedCounts(shared);
    if (counts === null) return;
    metrics.sample(ACCEPTED, [], () => counts.accepted);
    metrics.sample(HANDLED, [], () => counts.handled);
    metrics.sample(RECEIVED_REQUESTS, [], () => counts.requests);
  },
  gauges(shared) {
    const counts = sharedCounts(shared)?.own();
    if (counts === undefined) return [];
    return [
      [CONNECTIONS, counts.active, 'open'],
      [CONNECTIONS, counts.waiting, 'idle'],
      [IN_FLIGHT, counts.reading, 'reading'],
      [IN_FLIGHT, counts.writing, 'handling'],
    ];
  },
};

const worker: MetricSource = {
  attach(_shared, metrics) {
    const number = String(workerNumber());
    metrics.sample(CPU, [number, 'user'], () => process.cpuUsage().user / 1e6);
    metrics.sample(CPU, [number, 'system'], () => process.cpuUsage().system / 1e6);
  },
  gauges(_shared, { tables }) {
    const number = String(workerNumber());
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    return [
      [GENERATIONS, tables, number],
      [RESIDENT, rss, number],
      [HEAP_USED, heapUsed, number],
      [HEAP_SIZE, heapTotal, number],
      [EXTERNAL, external, number],
    ];
  },
};

export const workerSources: readonly MetricSource[] = [connections, worker];

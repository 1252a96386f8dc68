/** All sources of metrics other than requests. */
import { sharedCounts } from '../exchange/open-connections.js';
import { droppedWrites } from '../logging/dropped-writes.js';
import { handshakes } from '../net/tls-handshakes.js';
import { countedLimits, type LimitResult } from '../program/limit-counts.js';
import { workerNumber } from '../program/worker-number.js';
import { zoneMemory } from '../program/zone-memory.js';
import { storesOf } from '../program/zone-stores.js';
import { usedCertificates } from '../tls/used-certificates.js';
import { eventStreamCounts } from '../upstream/event-stream-settings.js';
import {
  ACCEPTED,
  CERTIFICATE_EXPIRY,
  CONNECTIONS,
  CPU,
  DROPPED_WRITES,
  EVENT_GAP,
  EVENT_STREAMS,
  EVENT_STREAMS_WAITING,
  EVENTS,
  EXTERNAL,
  GENERATIONS,
  HANDLED,
  HANDSHAKES,
  HEAP_SIZE,
  HEAP_USED,
  HEARTBEATS,
  IN_FLIGHT,
  LIMITED,
  RECEIVED_REQUESTS,
  RECONNECTS,
  RESIDENT,
  STORE_CALLS,
  STORE_FAILURES,
  STORE_NODES,
  STORE_UP,
  ZONE_SIZE,
  ZONE_USED,
} from './families.js';
import type { MetricRow, MetricSource } from './source.js';
import { upstreams } from './upstream-source.js';
import { webSockets } from './websocket-source.js';

const connections: MetricSource = {
  attach(shared, metrics) {
    const counts = sharedCounts(shared);
    if (counts === null) return;
    metrics.sample(ACCEPTED, [], counts, () => counts.accepted);
    metrics.sample(HANDLED, [], counts, () => counts.handled);
    metrics.sample(RECEIVED_REQUESTS, [], counts, () => counts.requests);
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
    metrics.sample(CPU, [number, 'user'], process, () => process.cpuUsage().user / 1e6);
    metrics.sample(CPU, [number, 'system'], process, () => process.cpuUsage().system / 1e6);
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

const eventStreams: MetricSource = {
  attach(_shared, metrics) {
    metrics.sample(EVENTS, [], eventStreamCounts, () => eventStreamCounts.events);
    metrics.sample(HEARTBEATS, [], eventStreamCounts, () => eventStreamCounts.heartbeats);
    metrics.sample(RECONNECTS, [], eventStreamCounts, () => eventStreamCounts.reconnects);
    eventStreamCounts.gaps = metrics.histogram(EVENT_GAP, []);
  },
  detach() {
    eventStreamCounts.gaps = null;
  },
  gauges: () => [
    [EVENT_STREAMS, eventStreamCounts.open],
    [EVENT_STREAMS_WAITING, eventStreamCounts.waiting],
  ],
};

const RESULTS: readonly LimitResult[] = ['passed', 'delayed', 'rejected', 'delayed_dry_run', 'rejected_dry_run'];

const limits: MetricSource = {
  attach(shared, metrics) {
    for (const { limit, zone, counts } of countedLimits(shared).values()) {
      for (const result of RESULTS) metrics.sample(LIMITED, [limit, zone, result], counts, () => counts[result]);
    }
  },
};

const stores: MetricSource = {
  attach(shared, metrics) {
    for (const { name, counts } of storesOf(shared)) {
      metrics.sample(STORE_CALLS, [name], counts, () => counts.calls);
      metrics.sample(STORE_FAILURES, [name], counts, () => counts.failures);
    }
  },
  gauges: (shared) =>
    storesOf(shared).flatMap(({ name, isUp, nodes }): MetricRow[] => [
      [STORE_UP, isUp ? 1 : 0, name],
      [STORE_NODES, nodes, name],
    ]),
};

const logs: MetricSource = {
  attach(_shared, metrics) {
    metrics.collect('logs', () => {
      // Each log is a source of its own, named by its path; it keeps its count.
      for (const { log, count } of droppedWrites()) metrics.counter(DROPPED_WRITES, [log]).value = count;
    });
  },
};

const handshakesOfClients: MetricSource = {
  attach(_shared, metrics) {
    const failed = metrics.counter(HANDSHAKES, ['failed', '', '']);
    handshakes.recorder = {
      completed({ engine }) {
        const version = engine?.getProtocol() ?? '';
        const resumed = engine?.isSessionReused() === true ? 'yes' : 'no';
        metrics.counter(HANDSHAKES, ['completed', version, resumed]).value++;
      },
      failed: () => void failed.value++,
    };
  },
  detach() {
    handshakes.recorder = null;
  },
};

const zones: MetricSource = {
  async shared(shared, backend) {
    const rows: MetricRow[] = [];
    for (const { declaration, usage } of await zoneMemory(shared, backend)) {
      const { name } = declaration;
      const { used, free } = usage.pages;
      rows.push([ZONE_SIZE, (used + free) * PAGE, name], [ZONE_USED, used * PAGE, name]);
    }
    return rows;
  },
};

/** Size of a page of zones, bytes. */
const PAGE = 4096;

/** The same in all workers. */
const certificates: MetricSource = {
  async shared(shared) {
    return usedCertificates(shared).map(({ source, names, validTo }) => {
      return [CERTIFICATE_EXPIRY, validTo / 1000, source, names[0] ?? ''];
    });
  },
};

export const SOURCES: readonly MetricSource[] = [
  connections,
  worker,
  upstreams,
  webSockets,
  eventStreams,
  limits,
  zones,
  stores,
  logs,
  handshakesOfClients,
  certificates,
];

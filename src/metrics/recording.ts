/** The metrics of a table, recorded while a configuration has `metrics` or `console`, and collected from all workers. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { Compiler, Enforceable, Handler, Scope, Shared } from '../program/module.js';
import { COUNTS_QUESTION, type ProcessCounts, type ProcessLink } from '../program/process-link.js';
import type { LocationProgram } from '../program/program.js';
import { WEBSOCKET_ENDED, WEBSOCKET_OPENED } from '../tunnel/message-handlers.js';
import { compiledTunnels } from '../tunnel/tunnels.js';
import { RUN_TIME_UPSTREAMS, type UpstreamRecorder } from '../upstream/attempt-recorder.js';
import { addMetrics, readMetrics } from '../zones/metric-operations.js';
import { type MetricTotal, MetricTotals } from '../zones/metric-totals.js';
import { WorkerGroup } from '../zones/worker-group.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { runTimeRecorder } from './attempt-recorder.js';
import type { Family } from './family.js';
import { LoopDelay } from './loop-delay.js';
import { Metrics } from './metrics.js';
import { processMetrics } from './process-metrics.js';
import { RequestRecorder } from './request-recorder.js';
import type { GaugeValue } from './series.js';
import type { MetricRow } from './source.js';
import { SOURCES } from './sources.js';
import { webSocketRecorders } from './websocket-source.js';

/** Directives that need metrics. */
const USERS = ['metrics', 'metrics_usage', 'console'];
/** ms between two reports of a worker; later counts are lost if it is killed. */
const REPORT_INTERVAL = 1000;
/** Timeout for the counts of the process that owns the configuration, ms; without an answer they are omitted. */
const COUNTS_TIMEOUT = 1000;

const KEY = 'metrics recording';
const METRICS = 'metrics of the process';

/** Asks a worker to report its counts, and for its gauges, if they are needed. */
interface Question {
  readonly gauges: boolean;
}

/** Current values of a worker. */
interface WorkerReport {
  readonly gauges: readonly GaugeValue[];
}

/** Metrics of all workers. */
export interface CollectedMetrics {
  /** Counters and histograms. */
  readonly totals: readonly MetricTotal[];
  /** Gauges of each worker. */
  readonly gauges: readonly GaugeValue[];
}

/** Whether a configuration records metrics. */
function recordsMetrics(blocks: readonly CheckedBlock[]): boolean {
  return blocks.some((block) => USERS.some((name) => block.own.includes(name)) || recordsMetrics(block.blocks));
}

/**
 * Starts to record in the table that is compiled, if its configuration needs metrics. The module of each directive that needs
 * them calls this in its hook `http`.
 */
export function startRecording(http: CheckedBlock, compiler: Compiler): void {
  if (!recordsMetrics([http])) return;
  if (recordingOf(compiler) === null) compiler.shared.set(KEY, new Recording(compiler));
}

/** The recording of a table; null if nothing is recorded. */
export function recordingOf({ shared }: { readonly shared: Shared }): Recording | null {
  return shared.get<Recording>(KEY) ?? null;
}

/** Settings of the location that is compiled; the module of each directive that needs metrics calls this in its hook. */
export function recordLocation({ compiler, program: { settings } }: Scope): void {
  const recording = recordingOf(compiler);
  if (recording === null) return;
  settings.set(RUN_TIME_UPSTREAMS, recording.runTimeUpstreams);
  const { opened, ended } = webSocketRecorders(recording.metrics);
  if (settings.get(WEBSOCKET_OPENED).includes(opened)) return;
  settings.set(WEBSOCKET_OPENED, [...settings.get(WEBSOCKET_OPENED), opened]);
  settings.set(WEBSOCKET_ENDED, [...settings.get(WEBSOCKET_ENDED), ended]);
}

/** Handler of the phase `log` for the location that is compiled; null if nothing is recorded, or another module records. */
export function requestRecorder({ compiler, program }: Scope): Handler | null {
  return recordingOf(compiler)?.recorder(program) ?? null;
}

/** Owned by the table, which closes it. */
export class Recording implements Enforceable {
  readonly metrics: Metrics;
  private readonly shared: Shared;
  private readonly tableZones: ZoneBackend;
  /** Backend of the totals. */
  private readonly zones: ZoneBackend;
  private readonly zone: Zone;
  private readonly group: WorkerGroup;
  private readonly link: ProcessLink;
  readonly runTimeUpstreams: UpstreamRecorder;
  private readonly recorded = new WeakSet<LocationProgram>();
  private timer: NodeJS.Timeout | null = null;
  private loop: LoopDelay | null = null;
  private generation = 0;
  /** Time of the last report, ms on the clock of `performance.now()`. */
  private reported = 0;
  /** Number of the table among those with these metrics; 0: it was never in force. */
  private table = 0;

  constructor(compiler: Compiler) {
    const { shared, previous, zones: tableZones, lastingZones: zones, link } = compiler;
    // Includes the tunnels of earlier tables.
    compiledTunnels(compiler);
    this.tableZones = tableZones;
    this.link = link;
    this.metrics = shared.set(METRICS, previous?.get<Metrics>(METRICS) ?? new Metrics());
    this.metrics.tables++;
    this.runTimeUpstreams = runTimeRecorder(this.metrics);
    this.shared = shared;
    this.zones = zones;
    this.zone = zones.open({ kind: 'metrics', name: 'metrics', size: 0, key: '' });
    this.group = new WorkerGroup(zones, 'metrics', (question) => this.answer(question as Question));
  }

  /** Handler of the phase `log` for a location; null if it has one: several modules record. */
  recorder(program: LocationProgram): Handler | null {
    if (this.recorded.has(program)) return null;
    this.recorded.add(program);
    return new RequestRecorder(this.metrics, program).record;
  }

  enforced(generation: number): void {
    const { metrics, shared, zones } = this;
    this.generation = generation;
    this.table = metrics.beginTable();
    for (const source of SOURCES) source.attach?.(shared, metrics);
    if (zones.shared) this.timer ??= setInterval(() => this.reportIfDue(), REPORT_INTERVAL).unref();
    this.loop ??= new LoopDelay(metrics);
  }

  superseded(): void {
    this.stop();
    for (const source of SOURCES) source.detach?.();
  }

  close(): void {
    this.stop();
    this.metrics.tables--;
    this.metrics.endTable(this.table);
    this.report();
    // The process may be about to exit.
    this.zones.flush();
    this.group.close();
    this.zone.close();
  }

  private stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.loop?.stop();
    this.loop = null;
  }

  /** Viewers of the console also cause reports, once per second: one is sufficient. */
  private reportIfDue(): void {
    if (performance.now() - this.reported >= REPORT_INTERVAL / 2) this.report();
  }

  /** Adds the counts of this process to the totals. */
  private report(): void {
    this.reported = performance.now();
    const increases = this.metrics.takeIncreases();
    if (increases.length === 0) return;
    this.zones.tell(addMetrics, { zone: this.zone.id, limit: this.metrics.limit, increases });
  }

  /** The totals include all counts of this process before the answer is received. */
  private answer(question: Question): WorkerReport {
    this.report();
    if (!question.gauges) return { gauges: [] };
    const gauges = SOURCES.flatMap((source) => source.gauges?.(this.shared, this.metrics) ?? []).map(gaugeOf);
    return { gauges };
  }

  /**
   * Metrics of all workers; null if the master process does not respond. Counts of ended workers are included, and no count
   * that was ever returned is lost. `families`: only these counters and histograms, and no gauges.
   */
  async collect(families?: readonly Family[]): Promise<CollectedMetrics | null> {
    // Workers with the same code answer with this type.
    const reports = (await this.group.ask({ gauges: families === undefined } satisfies Question)) as WorkerReport[];
    const names = families?.map(({ name }) => name) ?? null;
    const [totals, counts] = await Promise.all([
      this.zones.ask(readMetrics, { zone: this.zone.id, families: names }),
      // The owner of the configuration answers with this type.
      this.link.ask(COUNTS_QUESTION, COUNTS_TIMEOUT).catch(() => null) as Promise<ProcessCounts | null>,
    ]);
    if (totals === null) return null;
    const shared = (
      await Promise.all(SOURCES.map((source) => source.shared?.(this.shared, this.tableZones) ?? []))
    ).flat();
    const own = processMetrics({ counts, workers: reports.length, generation: this.generation });
    return {
      totals: [...totals, ...own.totals, ...addedUp(shared.filter(([{ type }]) => type === 'counter'))],
      gauges: [
        ...reports.flatMap(({ gauges }) => gauges),
        ...own.gauges,
        ...shared.filter(([{ type }]) => type === 'gauge').map(gaugeOf),
      ],
    };
  }
}

function gaugeOf([{ name: family }, value, ...labels]: MetricRow): GaugeValue {
  return { family, labels, value };
}

/** Merges counts of several objects with the same labels. */
function addedUp(rows: readonly MetricRow[]): MetricTotal[] {
  const totals = new MetricTotals();
  const increases = rows.map(([{ name: family }, value, ...labels]) => {
    return { family, labels, overflow: labels, values: [value] };
  });
  totals.add(increases, Number.POSITIVE_INFINITY);
  return totals.read(null);
}

/** The overview of the proxy: once per second for each viewer of the feed, and as `GET state`. */

import { Overview } from '../../console/overview.js';
import type { ProcessReport } from '../../console/process-questions.js';
import { limitStates, RESULT_FAMILIES, RequestResults, usageStates } from '../../console/request-totals.js';
import type { ConsoleState } from '../../console/state.js';
import { certificatesOf, upstreamsOf, type WorkerReport, workerReport } from '../../console/worker-report.js';
import { toText } from '../../diagnostics/byte-string.js';
import { NO_COUNTS } from '../../exchange/connection-counts.js';
import { sharedCounts } from '../../exchange/open-connections.js';
import { recordingOf } from '../../metrics/recording.js';
import type { Compiler, Enforceable, Shared } from '../../program/module.js';
import type { ProcessLink } from '../../program/process-link.js';
import { zoneMemory } from '../../program/zone-memory.js';
import type { PeerHealth } from '../../zones/health-states.js';
import type { MetricTotal } from '../../zones/metric-totals.js';
import type { ZoneBackend } from '../../zones/zone.js';
import type { ConsoleTable } from './context.js';

const KEY = 'console states';
const HISTORY = 'console history';
const INTERVAL = 1000;
/** Timeout for answers that need no waiting, ms: if the master is busy, viewers still receive the rest of the state. */
const QUICK = 1000;

/** Parts of earlier overviews that the next ones need; one object for all tables. */
class StateHistory {
  readonly overview = new Overview();
  readonly results = new RequestResults();
}

type Listener = (state: ConsoleState) => void;

/** The overviews of a table. Nothing is collected without a viewer or a request. */
export class ConsoleStates implements Enforceable {
  private readonly shared: Shared;
  private readonly link: ProcessLink;
  private readonly zones: ZoneBackend;
  private readonly history: StateHistory;
  private readonly listeners = new Set<Listener>();
  private timer: NodeJS.Timeout | null = null;
  private generation = 0;
  private pending: Promise<ConsoleState> | null = null;
  /** The overview after the pending one; frequent requests share it. */
  private next: Promise<ConsoleState> | null = null;

  constructor(
    private readonly table: ConsoleTable,
    { shared, previous, link, zones }: Compiler,
  ) {
    this.shared = shared;
    this.link = link;
    this.zones = zones;
    this.history = shared.set(HISTORY, previous?.get<StateHistory>(HISTORY) ?? new StateHistory());
    table.answer('state', () => workerReport({ shared, link, generation: this.generation }));
  }

  enforced(generation: number): void {
    this.generation = generation;
  }

  superseded(): void {}

  close(): void {
    this.listeners.clear();
    this.stop();
  }

  /** Calls the listener as soon as possible, then once per second, until the returned function is called. */
  watch(listener: Listener): () => void {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => void this.publish(), INTERVAL).unref();
    void this.current().then((state) => {
      if (this.listeners.has(listener)) listener(state);
    });
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  }

  private stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private async publish(): Promise<void> {
    // The previous one is still being collected.
    if (this.pending !== null) return;
    const state = await this.current();
    for (const listener of [...this.listeners]) listener(state);
  }

  /** An overview that is collected after this call. */
  current(): Promise<ConsoleState> {
    if (this.pending === null) return this.begin();
    // The pending overview may lack the latest changes.
    this.next ??= this.pending.then(() => {
      this.next = null;
      return this.pending ?? this.begin();
    });
    return this.next;
  }

  private begin(): Promise<ConsoleState> {
    this.pending = this.collect().finally(() => {
      this.pending = null;
    });
    return this.pending;
  }

  private async collect(): Promise<ConsoleState> {
    const [answers, process, counts, metrics, zones, health] = await Promise.all([
      this.table.ask({ about: 'state' }),
      this.process(),
      sharedCounts(this.shared)?.now() ?? NO_COUNTS,
      this.totals(),
      zoneMemory(this.shared, this.zones),
      this.health(),
    ]);
    const time = Date.now();
    return this.history.overview.build({
      time,
      process,
      // Workers whose table has no console answer null.
      workers: answers.filter((answer): answer is WorkerReport => answer !== null),
      counts,
      totals: metrics && this.history.results.totals(metrics, time),
      health,
      zones,
      limits: limitStates(metrics ?? []),
      usage: usageStates(metrics ?? []),
      certificates: certificatesOf(this.shared, time),
    });
  }

  private async process(): Promise<ProcessReport> {
    const answer = await this.link.ask({ about: 'process' }, QUICK).catch(() => null);
    // The owner of the configuration answers with this type, or not at all.
    if (answer !== null) return answer as ProcessReport;
    const { generation } = this;
    const unknown = { since: 0, started: 0, reloads: [], wantedWorkers: 0, servingWorkers: 0, lostWorkers: [] };
    return { generation, ...unknown };
  }

  /** Counts of all workers since the start; null if they are unknown. */
  private async totals(): Promise<readonly MetricTotal[] | null> {
    return (await recordingOf({ shared: this.shared })?.collect(RESULT_FAMILIES))?.totals ?? null;
  }

  /** Results of health checks by upstream. */
  private async health(): Promise<ReadonlyMap<string, readonly PeerHealth[]>> {
    const checked = upstreamsOf(this.shared).filter(({ health }) => health !== null);
    const results = checked.map(async ({ name, health }) => [toText(name), (await health?.results()) ?? []] as const);
    return new Map(await Promise.all(results));
  }
}

/** Prepares the overviews of a table, when it is compiled. */
export function prepareStates(table: ConsoleTable, compiler: Compiler): void {
  const { shared, link } = compiler;
  if (shared.get(KEY) !== undefined) return;
  shared.set(KEY, new ConsoleStates(table, compiler));
  compiler.whenServing(async () => {
    // No answer is needed. A table that only explains requests belongs to no process.
    link.ask({ about: 'keeping' }).catch(() => {});
  });
}

/** The overviews of a table; undefined if it has no console. */
export function statesOf(shared: Shared): ConsoleStates | undefined {
  return shared.get<ConsoleStates>(KEY);
}

/** Builds the overview from the reports of all workers, and keeps earlier ones to compute rates. */
import { toText } from '../diagnostics/byte-string.js';
import type { Counts } from '../exchange/connection-counts.js';
import { VERSION } from '../http/software.js';
import type { UsageEntry } from '../metrics/usage-entry.js';
import type { ZoneMemory } from '../program/zone-memory.js';
import type { PeerHealth } from '../zones/health-states.js';
import { type DroppedLines, Problems } from './problems.js';
import type { ProcessReport } from './process-questions.js';
import type {
  CertificateState,
  ConsoleState,
  GenerationState,
  LimitState,
  PeerCondition,
  PeerState,
  RequestFigures,
  UpstreamState,
  WorkerState,
  ZoneState,
} from './state.js';
import type { PeerReport, UpstreamReport, WorkerReport } from './worker-report.js';

/** Bytes of a page of a zone. */
const PAGE = 4096;
/** ms after which an earlier overview is too old for a rate. */
const MAX_AGE = 10_000;
/** ms over which rates are computed, if possible: overviews may be requested more often than once per second. */
const MIN_AGE = 900;

/** Results of requests over all workers, since the start. */
export interface RequestTotals {
  readonly statuses: NonNullable<RequestFigures['statuses']>;
  readonly latency: RequestFigures['latency'];
}

/** Input of an overview. */
export interface OverviewFacts {
  readonly time: number;
  readonly process: ProcessReport;
  readonly workers: readonly WorkerReport[];
  readonly counts: Counts;
  /** Null if they are not recorded. */
  readonly totals: RequestTotals | null;
  /** Results of health checks by upstream. */
  readonly health: ReadonlyMap<string, readonly PeerHealth[]>;
  readonly zones: readonly ZoneMemory[];
  readonly limits: readonly LimitState[];
  readonly usage: readonly UsageEntry[];
  readonly certificates: readonly CertificateState[];
}

/** Figures of the previous overview. */
interface Earlier {
  readonly time: number;
  readonly requests: number;
  readonly errors: number | null;
  /** CPU time by worker, with the time of the report. */
  readonly cpu: ReadonlyMap<number, { readonly time: number; readonly cpuTime: number }>;
  /** Requests by upstream and peer. */
  readonly peers: ReadonlyMap<string, number>;
}

/** One per process; it outlives reloads. */
export class Overview {
  private readonly problems = new Problems();
  /** Of the last overviews, at least MIN_AGE apart. */
  private earlier: Earlier | null = null;
  private previous: Earlier | null = null;

  /** The overview. Rates refer to the time since an earlier call. */
  build(facts: OverviewFacts): ConsoleState {
    const { time, process, workers, counts, totals, zones, limits, usage, certificates } = facts;
    const before = this.before(time);
    const seconds = before === null ? 0 : Math.max(0.001, (time - before.time) / 1000);
    const errors = totals?.statuses['5xx'] ?? null;
    const peers = new Map<string, number>();
    const upstreams = merged(workers).map((reports) => upstreamState(reports, facts, before, seconds, peers));
    const state = {
      time,
      version: VERSION,
      generation: process.generation,
      since: process.since,
      started: process.started,
      requests: {
        total: counts.requests,
        rate: before === null ? 0 : rateOf(counts.requests - before.requests, seconds),
        current: counts.reading + counts.writing,
        statuses: totals?.statuses ?? null,
        errorRate: errors === null ? null : before?.errors == null ? 0 : rateOf(errors - before.errors, seconds),
        latency: totals?.latency ?? null,
      },
      connections: connectionFigures(counts, workers),
      upstreams,
      zones: zones.map(zoneState),
      limits,
      usage,
      workers: workers
        .map((worker) => workerState(worker, before))
        .sort((a, b) => a.number - b.number || a.pid - b.pid),
      generations: generationsOf(process, workers),
      reloads: process.reloads,
      certificates,
    };
    if (this.earlier === null || time - this.earlier.time >= MIN_AGE) {
      this.previous = this.earlier;
      this.earlier = {
        time,
        requests: counts.requests,
        errors,
        cpu: new Map(workers.map(({ pid, time: at, cpuTime }) => [pid, { time: at, cpuTime }])),
        peers,
      };
    }
    const { lostWorkers, wantedWorkers, servingWorkers } = process;
    const dropped = droppedLines(workers);
    return { ...state, problems: this.problems.list({ state, lostWorkers, wantedWorkers, servingWorkers, dropped }) };
  }

  /** The figures to which rates refer; null: none that are recent. */
  private before(time: number): Earlier | null {
    const { earlier, previous } = this;
    const isRecent = (each: Earlier | null): each is Earlier => each !== null && time - each.time <= MAX_AGE;
    if (!isRecent(earlier)) return null;
    return time - earlier.time < MIN_AGE && isRecent(previous) ? previous : earlier;
  }
}

function rateOf(count: number, seconds: number): number {
  return Math.max(0, Math.round((count / seconds) * 10) / 10);
}

function connectionFigures(counts: Counts, workers: readonly WorkerReport[]): ConsoleState['connections'] {
  const { accepted, handled, active, reading, writing, waiting } = counts;
  const tunnels = sum(workers, (worker) => worker.tunnels);
  return { accepted, dropped: accepted - handled, active, reading, writing, waiting, tunnels };
}

/** The reports about each upstream, in the order of the configuration. */
function merged(workers: readonly WorkerReport[]): readonly (readonly [UpstreamReport, ...UpstreamReport[]])[] {
  const newest = Math.max(...workers.map(({ generation }) => generation));
  const byName = new Map<string, [UpstreamReport, ...UpstreamReport[]]>();
  for (const { generation, upstreams } of workers) {
    // Upstreams of earlier configurations only are omitted.
    if (generation !== newest) continue;
    for (const upstream of upstreams) {
      const known = byName.get(upstream.name);
      if (known === undefined) byName.set(upstream.name, [upstream]);
      else known.push(upstream);
    }
  }
  return [...byName.values()];
}

function upstreamState(
  reports: readonly [UpstreamReport, ...UpstreamReport[]],
  { health }: OverviewFacts,
  before: Earlier | null,
  seconds: number,
  totals: Map<string, number>,
): UpstreamState {
  const [{ name, method }] = reports;
  const byPeer = new Map<string, [PeerReport, ...PeerReport[]]>();
  for (const peer of reports.flatMap(({ peers }) => peers)) {
    const key = `${name} ${peer.address} ${peer.server}`;
    const known = byPeer.get(key);
    if (known === undefined) byPeer.set(key, [peer]);
    else known.push(peer);
  }
  const checks = health.get(name) ?? null;
  const peers = [...byPeer].map(([key, all]) => {
    const requests = sum(all, (peer) => peer.requests);
    totals.set(key, requests);
    const earlier = before?.peers.get(key);
    return mergedPeer(all, checks, earlier === undefined ? 0 : rateOf(requests - earlier, seconds));
  });
  const queues = reports.flatMap(({ queue }) => queue ?? []);
  return {
    name,
    method,
    peers: withShares(peers),
    keepalive: sum(reports, ({ keepalive }) => keepalive),
    queue:
      queues.length === 0
        ? null
        : {
            size: sum(queues, ({ size }) => size),
            max: sum(queues, ({ max }) => max),
            overflows: sum(queues, ({ overflows }) => overflows),
          },
    breaker:
      (['open', 'half_open', 'closed'] as const).find((state) => reports.some((each) => each.breaker === state)) ??
      null,
  };
}

/** From the worst to the best: workers that share no zone may differ. */
const CONDITIONS: readonly PeerCondition[] = ['unhealthy', 'ejected', 'unavail', 'checking', 'down', 'draining', 'up'];

function mergedPeer(
  reports: readonly [PeerReport, ...PeerReport[]],
  checks: readonly PeerHealth[] | null,
  rate: number,
): Omit<PeerState, 'share'> {
  const [first] = reports;
  const state = CONDITIONS.find((each) => reports.some((report) => report.state === each)) ?? first.state;
  const since = reports.flatMap((report) => (report.state === state ? (report.since ?? []) : []));
  const own = checks?.filter(({ peer }) => toText(peer) === first.address) ?? [];
  return {
    ...first,
    state,
    since: since.length === 0 ? null : Math.min(...since),
    active: sum(reports, ({ active }) => active),
    requests: sum(reports, ({ requests }) => requests),
    fails: sum(reports, ({ fails }) => fails),
    rate,
    health:
      own.length === 0
        ? null
        : {
            checks: sum(own, (each) => each.checks),
            fails: sum(own, ({ fails }) => fails),
            lastPassed: own.every(({ lastPassed }) => lastPassed),
          },
  };
}

/** Shares by the current rates, or by all requests if there are none at present. */
function withShares(peers: readonly Omit<PeerState, 'share'>[]): PeerState[] {
  const rates = sum(peers, ({ rate }) => rate);
  const requests = sum(peers, (peer) => peer.requests);
  return peers.map((peer) => {
    const share = rates > 0 ? peer.rate / rates : requests > 0 ? peer.requests / requests : 0;
    return { ...peer, share: Math.round(share * 1000) / 1000 };
  });
}

function zoneState({ declaration: { name, kind, size }, usage }: ZoneMemory): ZoneState {
  return { name: toText(name), kind, size, used: Math.min(size, usage.pages.used * PAGE) };
}

function workerState(worker: WorkerReport, before: Earlier | null): WorkerState {
  const { pid, number, started, generation, rss, heap, lag, connections, tunnels, cpuTime, time } = worker;
  const earlier = before?.cpu.get(pid);
  const cpu =
    earlier === undefined || time <= earlier.time
      ? null
      : Math.round(((cpuTime - earlier.cpuTime) / (time - earlier.time)) * 1000) / 1000;
  return { pid, number, started, generation, cpu, rss, heap, lag, connections, tunnels };
}

function generationsOf(process: ProcessReport, workers: readonly WorkerReport[]): GenerationState[] {
  const numbers = new Set(workers.flatMap(({ generations }) => generations.map(({ number }) => number)));
  if (process.generation > 0) numbers.add(process.generation);
  return [...numbers]
    .sort((a, b) => a - b)
    .map((number) => {
      const uses = workers.flatMap(({ generations }) => generations.filter((each) => each.number === number));
      const tunnels = sum(uses, (use) => use.tunnels);
      return {
        number,
        since: process.reloads.find(({ generation }) => generation === number)?.time ?? 0,
        inForce: number === process.generation,
        requests: Math.max(0, sum(uses, ({ users }) => users) - tunnels),
        tunnels,
      };
    });
}

function droppedLines(workers: readonly WorkerReport[]): DroppedLines[] {
  const byLog = new Map<string, DroppedLines>();
  for (const { log, lines, time } of workers.flatMap(({ dropped }) => dropped)) {
    const known = byLog.get(log);
    byLog.set(log, { log, lines: lines + (known?.lines ?? 0), time: Math.max(time, known?.time ?? 0) });
  }
  return [...byLog.values()];
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

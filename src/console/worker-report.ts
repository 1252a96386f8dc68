/** The contribution of one worker to the overview. Plain data; strings are text. */
import { toText } from '../diagnostics/byte-string.js';
import { connectionCount } from '../exchange/open-connections.js';
import { droppedWrites } from '../logging/dropped-writes.js';
import type { Shared } from '../program/module.js';
import type { GenerationUse, ProcessLink } from '../program/process-link.js';
import { workerNumber } from '../program/worker-number.js';
import { usedCertificates } from '../tls/used-certificates.js';
import { tunnelsOf } from '../tunnel/tunnels.js';
import type { Breaker } from '../upstream/breaker.js';
import type { Peer } from '../upstream/peer.js';
import { Upstream } from '../upstream/upstream.js';
import { eventLoopLag } from './event-loop-lag.js';
import type { DroppedLines } from './problems.js';
import type { CertificateState, PeerCondition, PeerState, UpstreamState, WorkerState } from './state.js';

const DAY = 86_400_000;
const STARTED = Math.round(performance.timeOrigin);

/** A peer in one worker. */
export type PeerReport = Omit<PeerState, 'rate' | 'share' | 'health'>;

export interface UpstreamReport extends Omit<UpstreamState, 'peers'> {
  readonly peers: readonly PeerReport[];
}

export interface WorkerReport extends Omit<WorkerState, 'cpu'> {
  /** CPU time since the start, ms, and the time of the report. */
  readonly cpuTime: number;
  readonly time: number;
  readonly upstreams: readonly UpstreamReport[];
  readonly generations: readonly (GenerationUse & { readonly tunnels: number })[];
  readonly dropped: readonly DroppedLines[];
}

/** A table in force, as far as the report needs it. */
export interface ReportedTable {
  readonly shared: Shared;
  readonly link: ProcessLink;
  readonly generation: number;
}

export function workerReport({ shared, link, generation }: ReportedTable): WorkerReport {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const tunnels = tunnelsOf(shared);
  const tunnelCounts = tunnels.byGeneration();
  return {
    pid: process.pid,
    number: workerNumber(),
    started: STARTED,
    generation,
    cpuTime: (user + system) / 1000,
    time: Date.now(),
    rss,
    heap: heapUsed,
    lag: eventLoopLag(),
    connections: connectionCount(shared),
    tunnels: tunnels.size,
    upstreams: upstreamsOf(shared).map(reportOf),
    generations: link.generations().map((each) => ({ ...each, tunnels: tunnelCounts.get(each.number) ?? 0 })),
    dropped: droppedWrites().map(({ log, count, time }) => ({ log: toText(log), lines: count, time })),
  };
}

/** The upstreams of a table, in the order of the configuration, then those of single hosts. */
export function upstreamsOf(shared: Shared): Upstream[] {
  return [...shared.entries()].map(([, object]) => object).filter((object) => object instanceof Upstream);
}

function reportOf(upstream: Upstream): UpstreamReport {
  const { name, servers, balancer, sessions, observer, breaker } = upstream;
  const { queue } = observer;
  const now = Date.now();
  return {
    name: toText(name),
    method: balancer.method === '' ? 'round_robin' : balancer.method,
    peers: servers.flatMap(({ written, peers }) => peers.map((peer) => peerReport(peer, written, now))),
    keepalive: sessions.count,
    queue: queue && { size: queue.size, max: queue.limit, overflows: queue.overflows },
    breaker: breaker && breakerState(breaker),
  };
}

function peerReport(peer: Peer, written: string, now: number): PeerReport {
  const { name, settings, weight, maxConns, conns, requests, failures, downtime } = peer;
  const state = conditionOf(peer, now);
  const { downSince } = downtime?.figures(now) ?? { downSince: 0 };
  return {
    address: toText(name),
    server: toText(written),
    backup: settings.backup,
    weight,
    state,
    since: state === 'up' || downSince === 0 ? null : downSince,
    active: conns,
    maxConns,
    requests,
    fails: failures,
  };
}

function conditionOf(peer: Peer, now: number): PeerCondition {
  const { settings, health } = peer;
  if (settings.down !== false) return settings.down === 'drain' ? 'draining' : 'down';
  if (health !== 'up') return health;
  if (now < peer.ejectedUntil) return 'ejected';
  return peer.usable(now) || peer.full ? 'up' : 'unavail';
}

/** An open breaker whose time has elapsed admits probes with the next request. */
function breakerState({ state, refuses }: Breaker): UpstreamState['breaker'] {
  return state === 'open' && !refuses ? 'half_open' : state;
}

/** The certificates of a table. */
export function certificatesOf(shared: Shared, now: number): CertificateState[] {
  return usedCertificates(shared)
    .map(({ source, names, validFrom, validTo, servers }) => ({
      file: toText(source),
      names: names.map(toText),
      validFrom,
      validTo,
      days: Math.floor((validTo - now) / DAY),
      servers: servers.map(toText),
    }))
    .sort((a, b) => a.validTo - b.validTo);
}

/** State of upstreams: figures of each worker, and their sums. */
import { toText } from '../../diagnostics/byte-string.js';
import type { PeerFigures } from '../../upstream/peer-counters.js';
import type { ServerList } from '../../upstream/server-list.js';
import type { PeerHealth } from '../../zones/health-states.js';
import type { Schema } from './schema.js';

const COUNT: Schema = { type: 'integer' };
const TIME: Schema = { type: 'string', description: 'Time in the format ISO 8601.' };

const PEER: Schema = {
  type: 'object',
  properties: {
    id: COUNT,
    server: { type: 'string', description: 'Address.' },
    name: { type: 'string', description: 'The server as configured.' },
    backup: { type: 'boolean' },
    weight: COUNT,
    state: { type: 'string', enum: ['up', 'draining', 'down', 'unavail', 'checking', 'unhealthy'] },
    active: { ...COUNT, description: 'Requests and tunnels at present.' },
    max_conns: COUNT,
    requests: { ...COUNT, description: 'Requests since the start.' },
    responses: {
      type: 'object',
      properties: {
        '1xx': COUNT,
        '2xx': COUNT,
        '3xx': COUNT,
        '4xx': COUNT,
        '5xx': COUNT,
        codes: { type: 'object', description: 'By status.', additionalProperties: COUNT },
        total: COUNT,
      },
    },
    sent: { ...COUNT, description: 'Bytes sent to the server.' },
    received: { ...COUNT, description: 'Bytes received from the server.' },
    fails: { ...COUNT, description: 'Failures since the start.' },
    unavail: { ...COUNT, description: 'Number of times that it became unavailable because of failures.' },
    health_checks: {
      type: 'object',
      properties: {
        checks: COUNT,
        fails: COUNT,
        unhealthy: { ...COUNT, description: 'Number of times that it became unhealthy.' },
        last_passed: { type: 'boolean' },
      },
    },
    header_time: { ...COUNT, description: 'Mean time until the head of a response, ms.' },
    response_time: { ...COUNT, description: 'Mean time until the end of a response, ms.' },
    downtime: { ...COUNT, description: 'Time in the states unavail, checking and unhealthy, ms.' },
    downstart: { ...TIME, description: 'Start of such a state.' },
    selected: { ...TIME, description: 'Time of the last request.' },
  },
};

export const UPSTREAM: Schema = {
  type: 'object',
  properties: {
    peers: { type: 'array', items: PEER },
    keepalive: { ...COUNT, description: 'Idle connections.' },
    zone: { type: 'string' },
    queue: { type: 'object', properties: { size: COUNT, max_size: COUNT, overflows: COUNT } },
  },
};

/** A peer in one worker. Plain data; byte strings. */
interface PeerReport {
  /** Id of its server in the list. */
  readonly id: number;
  readonly name: string;
  readonly server: string;
  readonly backup: boolean;
  readonly weight: number;
  readonly maxConns: number;
  readonly state: 'up' | 'draining' | 'down' | 'unavail' | 'checking' | 'unhealthy';
  readonly conns: number;
  readonly requests: number;
  readonly failures: number;
  readonly figures: PeerFigures | null;
}

/** An upstream in one worker. Plain data; byte strings. */
export interface UpstreamReport {
  readonly upstream: string;
  readonly peers: readonly PeerReport[];
  readonly keepalive: number;
  readonly queue: { readonly size: number; readonly limit: number; readonly overflows: number } | null;
}

/** The state of an upstream in this process. */
export function reportOf(upstream: string, list: ServerList): UpstreamReport {
  const now = Date.now();
  const { sessions, observer } = list.upstream;
  const { queue } = observer;
  return {
    upstream,
    peers: list.servers().flatMap(({ id, data, server }) =>
      server.peers.map((peer): PeerReport => {
        const { name, settings, weight, maxConns, conns, requests, failures, health } = peer;
        const idle = settings.down === 'drain' ? 'draining' : 'down';
        const passive = peer.usable(now) || peer.full ? 'up' : 'unavail';
        return {
          id,
          name,
          server: data.written,
          backup: settings.backup,
          weight,
          maxConns,
          state: settings.down !== false ? idle : health === 'up' ? passive : health,
          conns,
          requests,
          failures,
          figures: peer.counters?.figures(now, peer.downtime) ?? null,
        };
      }),
    ),
    keepalive: sessions.count,
    queue: queue && { size: queue.size, limit: queue.limit, overflows: queue.overflows },
  };
}

/** Resets the figures of an upstream in this process. */
export function resetFigures({ upstream }: ServerList): void {
  for (const peer of upstream.current().all) peer.resetCounters();
  const { queue } = upstream.observer;
  if (queue !== null) queue.overflows = 0;
}

/** The state of an upstream over all workers, as the API shows it. `zone`: name of its zone. */
export function shownUpstream(
  reports: readonly UpstreamReport[],
  checks: readonly PeerHealth[],
  zone: string,
): Record<string, unknown> {
  const byPeer = new Map<string, PeerReport[]>();
  for (const { peers } of reports) {
    for (const peer of peers) {
      const key = `${peer.id} ${peer.name}`;
      const known = byPeer.get(key);
      if (known === undefined) byPeer.set(key, [peer]);
      else known.push(peer);
    }
  }
  const queues = reports.flatMap(({ queue }) => queue ?? []);
  return {
    peers: [...byPeer.values()].map((each) => shownPeer(each, checks)),
    keepalive: sum(reports, ({ keepalive }) => keepalive),
    zone: toText(zone),
    ...(queues.length > 0 && {
      queue: {
        size: sum(queues, ({ size }) => size),
        max_size: sum(queues, ({ limit }) => limit),
        overflows: sum(queues, ({ overflows }) => overflows),
      },
    }),
  };
}

function shownPeer(reports: readonly PeerReport[], checks: readonly PeerHealth[]): unknown {
  const [first] = reports as readonly [PeerReport, ...PeerReport[]]; // of one peer at least
  const all = reports.flatMap(({ figures }) => figures ?? []);
  const timed = sum(all, (each) => each.timed);
  // Every worker knows all failures, but those that were started later not the earlier ones.
  const oldest = all.reduce<PeerFigures | null>(
    (most, each) => (most === null || each.downtime > most.downtime ? each : most),
    null,
  );
  const selected = Math.max(0, ...all.map((each) => each.selected));
  const own = checks.filter(({ peer }) => peer === first.name);
  return {
    id: first.id,
    server: toText(first.name),
    name: toText(first.server),
    backup: first.backup,
    weight: first.weight,
    state: first.state,
    active: sum(reports, ({ conns }) => conns),
    ...(first.maxConns > 0 && { max_conns: first.maxConns }),
    requests: sum(reports, ({ requests }) => requests),
    responses: responsesOf(all),
    sent: sum(all, (each) => each.sent),
    received: sum(all, (each) => each.received),
    fails: sum(reports, ({ failures }) => failures),
    unavail: Math.max(0, ...all.map(({ unavailable }) => unavailable)),
    health_checks: {
      checks: sum(own, (each) => each.checks),
      fails: sum(own, ({ fails }) => fails),
      unhealthy: sum(own, ({ unhealthy }) => unhealthy),
      ...(own.length > 0 && { last_passed: own.every(({ lastPassed }) => lastPassed) }),
    },
    ...(timed > 0 && {
      header_time: Math.round(sum(all, ({ headerTimes }) => headerTimes) / timed),
      response_time: Math.round(sum(all, ({ responseTimes }) => responseTimes) / timed),
    }),
    downtime: Math.round(oldest?.downtime ?? 0),
    ...(oldest !== null && oldest.downSince > 0 && { downstart: new Date(oldest.downSince).toISOString() }),
    ...(selected > 0 && { selected: new Date(selected).toISOString() }),
  };
}

function responsesOf(all: readonly PeerFigures[]): unknown {
  const classes = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  const codes: Record<number, number> = {};
  let total = 0;
  for (const [status, count] of all.flatMap(({ statuses }) => statuses)) {
    total += count;
    codes[status] = (codes[status] ?? 0) + count;
    const name = `${Math.trunc(status / 100)}xx`;
    if (Object.hasOwn(classes, name)) classes[name as keyof typeof classes] += count;
  }
  return { ...classes, codes, total };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

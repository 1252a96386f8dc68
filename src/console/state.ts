/**
 * The overview of a running proxy: the message `state` of the console's feed, and the response to `GET state`. Plain data
 * without Node's types, so that the page and the terminal use it as well. Strings are text; times are ms since 1970,
 * durations ms.
 */
import type { UsageEntry } from '../metrics/usage-entry.js';

/** A condition that needs an operator's attention; lists begin with the most urgent one. */
export interface Problem {
  /** `error`: requests fail or are likely to; `warning`: they will, or something was lost. */
  readonly severity: 'error' | 'warning';
  /** Stable within the process: the same problem has the same id in later overviews. */
  readonly id: string;
  /** A sentence without its time: "2 of 3 servers of `chat` are down". */
  readonly text: string;
  /** Start, or the time of an event. */
  readonly since: number;
}

/** Requests and their results over all workers. Rates are per second, over the last second or two. */
export interface RequestFigures {
  readonly total: number;
  readonly rate: number;
  /** Requests that are being read or answered, and tunnels. */
  readonly current: number;
  /** Responses by class of their status; null if they are not counted. */
  readonly statuses: Readonly<Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>> | null;
  /** Responses with a status of 500 or more per second; null if they are not counted. */
  readonly errorRate: number | null;
  /** Durations of the requests of the last minute at most; null if they are not recorded, or there were none. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number } | null;
}

export interface ConnectionFigures {
  readonly accepted: number;
  /** Connections that a limit has refused. */
  readonly dropped: number;
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
  /** Open tunnels, including WebSockets. */
  readonly tunnels: number;
}

/** `unavail`: failures (`max_fails`); `unhealthy`, `checking`: health checks; `ejected`: `outlier_ejection`. */
export type PeerCondition = 'up' | 'draining' | 'down' | 'unavail' | 'checking' | 'unhealthy' | 'ejected';

/** One address of an upstream. */
export interface PeerState {
  readonly address: string;
  /** The server as configured. */
  readonly server: string;
  readonly backup: boolean;
  readonly weight: number;
  readonly state: PeerCondition;
  /** Start of the time without requests because of failures; null: it receives requests, or the start is unknown. */
  readonly since: number | null;
  /** Active requests and tunnels. */
  readonly active: number;
  /** Maximum of these; 0: unlimited. */
  readonly maxConns: number;
  readonly requests: number;
  readonly fails: number;
  /** Requests per second, and the share of those of the upstream, 0 to 1. */
  readonly rate: number;
  readonly share: number;
  /** Active health checks; null if there are none. */
  readonly health: { readonly checks: number; readonly fails: number; readonly lastPassed: boolean } | null;
}

export interface UpstreamState {
  readonly name: string;
  /** Load balancing method. */
  readonly method: string;
  readonly peers: readonly PeerState[];
  /** Idle connections. */
  readonly keepalive: number;
  /** Requests that wait for a server; null without `queue`. */
  readonly queue: { readonly size: number; readonly max: number; readonly overflows: number } | null;
  /** Circuit breaker; null without one. */
  readonly breaker: 'closed' | 'open' | 'half_open' | null;
}

/** A zone whose memory is limited. */
export interface ZoneState {
  readonly name: string;
  /** Kind of its contents: `limit_req`, `limit_conn`, `keyval`, … */
  readonly kind: string;
  /** Bytes. */
  readonly size: number;
  readonly used: number;
}

/** Decisions of a limit. Requests in a dry run are counted as passed. */
export interface LimitState {
  readonly zone: string;
  readonly kind: string;
  readonly passed: number;
  readonly delayed: number;
  readonly rejected: number;
}

export interface WorkerState {
  readonly pid: number;
  /** From 0; -1: it has been replaced, and ends with its connections. */
  readonly number: number;
  readonly started: number;
  /** Generation that it serves. */
  readonly generation: number;
  /** CPU time per time, 0 to 1 or slightly more; null in its first overview. */
  readonly cpu: number | null;
  /** Bytes. */
  readonly rss: number;
  readonly heap: number;
  /** Delay of the event loop in the last second: median and maximum; null in its first overview. */
  readonly lag: { readonly p50: number; readonly max: number } | null;
  readonly connections: number;
  readonly tunnels: number;
}

export interface GenerationState {
  readonly number: number;
  /** Time at which it came into force; 0: not known. */
  readonly since: number;
  readonly inForce: boolean;
  /** Requests and tunnels that still use it. */
  readonly requests: number;
  readonly tunnels: number;
}

/** A start or a reload, successful or not. */
export interface ReloadState {
  readonly time: number;
  /** Number of the generation that it has started; null: it was refused. */
  readonly generation: number | null;
  /** Cause: the start, a reload, or files that have changed. */
  readonly cause: 'start' | 'reload' | 'files';
  /** Changes in words, or the reason of the refusal. */
  readonly lines: readonly string[];
}

export interface CertificateState {
  /** File as configured, or `data:`. */
  readonly file: string;
  /** Names that it is valid for. */
  readonly names: readonly string[];
  readonly validFrom: number;
  readonly validTo: number;
  /** Whole days until it expires; negative: it has expired. */
  readonly days: number;
  /** First names of the servers that use it. */
  readonly servers: readonly string[];
}

export interface ConsoleState {
  readonly time: number;
  readonly version: string;
  /** The configuration in force, the time since when it is, and the start of the process. */
  readonly generation: number;
  readonly since: number;
  readonly started: number;
  readonly problems: readonly Problem[];
  readonly requests: RequestFigures;
  readonly connections: ConnectionFigures;
  readonly upstreams: readonly UpstreamState[];
  readonly zones: readonly ZoneState[];
  readonly limits: readonly LimitState[];
  /** The most requests first, at most 100 entries; empty without `metrics_usage`. */
  readonly usage: readonly UsageEntry[];
  readonly workers: readonly WorkerState[];
  /** Oldest first. */
  readonly generations: readonly GenerationState[];
  /** Newest first. */
  readonly reloads: readonly ReloadState[];
  readonly certificates: readonly CertificateState[];
}

/** The message of the feed. */
export type StateMessage = ConsoleState & { readonly type: 'state' };

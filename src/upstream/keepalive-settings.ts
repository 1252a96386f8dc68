/** Settings of cached upstream connections. */

/** Keepalive settings of connections to the peers. Times in ms. */
export interface KeepaliveSettings {
  /** Maximum number of idle connections to all peers; 0: none are cached. */
  readonly max: number;
  /** Whether a cached connection is only reused by the location that created it. */
  readonly local: boolean;
  /** Maximum number of requests per connection. */
  readonly requests: number;
  /** Maximum idle time of a connection. */
  readonly timeout: number;
  /** Maximum lifetime of a connection. */
  readonly time: number;
  /** Concurrent requests on a connection, if its protocol permits several. */
  readonly streams: StreamLimits;
}

export interface StreamLimits {
  /** Maximum number of concurrent requests on one connection; 1: connections are not shared. */
  readonly max: number;
  /** Maximum number of connections to one peer; 0: unlimited. */
  readonly connections: number;
  /** Maximum number of requests that wait for each connection if that number is reached. */
  readonly queue: number;
}

/** Default of `queue`. */
export const STREAM_QUEUE = 100;

export const UNSHARED: StreamLimits = { max: 1, connections: 0, queue: STREAM_QUEUE };

/** Defaults of an `upstream` block (nginx 1.29.7 and newer). */
export const DEFAULT_KEEPALIVE: KeepaliveSettings = {
  max: 32,
  local: true,
  requests: 1000,
  timeout: 60_000,
  time: 3_600_000,
  streams: UNSHARED,
};

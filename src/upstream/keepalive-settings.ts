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
}

/** Defaults of an `upstream` block (nginx 1.29.7 and newer). */
export const DEFAULT_KEEPALIVE: KeepaliveSettings = {
  max: 32,
  local: true,
  requests: 1000,
  timeout: 60_000,
  time: 3_600_000,
};

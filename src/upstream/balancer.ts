/** Interface of load balancing methods. */
import type { Session } from '../program/session.js';
import type { Peer } from './peer.js';
import type { AttemptTimes } from './peer-times.js';

/**
 * Outcome of an attempt. `ok`: the response was accepted; `failed`: counts as a failure of the peer; `next`: another
 * peer is tried without counting a failure (403 and 404 of `proxy_next_upstream`).
 */
export type Outcome = 'ok' | 'failed' | 'next';

/**
 * Selects the peers of a request, one after the other. Each `next` that returns a peer is followed by one `release`.
 */
export interface Selection {
  /** Returns the next peer to try and counts its connection. Null: no live upstreams. */
  next(): Peer | null;
  /** Ends the attempt with the peer of the last `next`. */
  release(outcome: Outcome, times?: AttemptTimes): void;
  /** Called when a response head that is passed on was received from that peer. `headerTime` in ms. */
  headReceived?(headerTime: number): void;
  /**
   * Called instead of `release` if the peer of the last `next` cannot be used because other workers have all its
   * `max_conns`.
   */
  decline(): void;
  /**
   * Number of further peers that may be tried. The request engine lowers it to `proxy_next_upstream_tries`, and adds
   * one if a cached connection turned out to be closed.
   */
  tries: number;
  /**
   * Identifier (`Peer.id`) of the peer that `next` prefers while it is available: the client is bound to it (`sticky`).
   * Empty for none. nginx: `pc->hint`.
   */
  preferred: string;
}

/** A load balancing method of an upstream. */
export interface Balancer {
  /** The directive that selects it; empty for round robin, which has none. */
  readonly method: string;
  /** Returns the hash key of a session; null if the method does not hash. */
  key?(x: Session): string;
  begin(x: Session): Selection;
}

/** What the request engine asks of a load balancing method. */
import type { Exchange } from '../exchange/exchange.js';
import type { Peer } from './peer.js';

/**
 * How an attempt ended. `ok`: the answer was taken; `failed`: it counts against the peer; `next`: another peer is asked,
 * and it does not count (403 and 404 of `proxy_next_upstream`).
 */
export type Outcome = 'ok' | 'failed' | 'next';

/** The peers of one request, one after the other. Each `next` that gives a peer is followed by one `release`. */
export interface Selection {
  /** The next peer to try; its connection is counted. Null: no live upstreams. */
  next(): Peer | null;
  /** The attempt with the peer of the last `next` ended. */
  release(outcome: Outcome): void;
  /** Instead of `release`: the peer of the last `next` may not be asked, because other workers have all its `max_conns`. */
  decline(): void;
  /**
   * How many further peers may be tried. The engine lowers it to `proxy_next_upstream_tries`, and adds one where a kept
   * connection turned out to be closed.
   */
  tries: number;
}

/** A load balancing method, for one upstream. */
export interface Balancer {
  /** The directive that names it, as it is written; empty for round robin, which no directive names. */
  readonly method: string;
  /** What is hashed for a request; null where the method hashes nothing. */
  key?(x: Exchange): string;
  begin(x: Exchange): Selection;
}

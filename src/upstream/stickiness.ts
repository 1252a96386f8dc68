/** Binding of clients to the peers of an upstream (`sticky`). */
import type { Exchange } from '../program/exchange.js';
import type { Peer } from './peer.js';

export interface Stickiness {
  /** The directive: `sticky cookie`. */
  readonly method: string;
  begin(x: Exchange): Binding;
}

/** Binding of the client of one request. nginx: `ngx_http_upstream_sticky_peer_data_t`. */
export interface Binding {
  /**
   * Returns the identifier (`Peer.id`) of the peer to which the client is bound; empty for none. Called before each selection
   * of a peer. The promise never rejects.
   */
  find(): string | Promise<string>;
  /** A peer was selected. */
  selected(peer: Peer): void;
  /** A response head that is passed on was received from the peer. */
  headReceived(peer: Peer): void;
  /** The exchange with the peer has ended, and not failed. */
  ended(peer: Peer): void;
  /**
   * The connection to the peer has become a tunnel. Returns what is called when it has ended, or null; it must not reference
   * the request.
   */
  upgraded(peer: Peer): (() => void) | null;
}

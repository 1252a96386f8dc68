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
  /** Called when a peer was selected. */
  selected(peer: Peer): void;
  /** Called when a response head that is passed on was received from the peer. */
  headReceived(peer: Peer): void;
  /** Called when the exchange with the peer has ended without a failure. */
  ended(peer: Peer): void;
  /**
   * Called when the connection to the peer has become a tunnel. Returns a callback for the end of the tunnel, or null; the
   * callback must not reference the request.
   */
  upgraded(peer: Peer): (() => void) | null;
}

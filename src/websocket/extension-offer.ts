/** Negotiation of permessage-deflate with both sides of a WebSocket, by the proxy itself. */
import { StateKey } from '../program/state-key.js';
import type { Deflate } from './deflate.js';

/** Extensions that the proxy has negotiated; null: none with that side. */
export interface Negotiated {
  readonly client: Deflate | null;
  /** Extension of the upstream's side; known once the upstream has responded. */
  upstream: Deflate | null;
  /** Value of `Sec-WebSocket-Extensions` in the request to the upstream, instead of the client's; empty: the field is omitted. */
  readonly offer: string;
}

/** State of WebSockets whose messages the proxy reads or compresses; for others, the field is passed on. */
export const NEGOTIATED = new StateKey<Negotiated>('websocket extensions');

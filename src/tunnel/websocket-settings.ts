/** Settings of the WebSockets of a location. */
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import { NORMAL_CLOSURE } from '../websocket/close-codes.js';

/** Times in ms. */
export interface WebSocketSettings {
  /** Both sides receive a Close frame when the proxy ends a WebSocket: `websocket_close`. */
  readonly close: boolean;
  /** Time for which a side may answer a Close frame before its connection is closed. */
  readonly closeTimeout: number;
  /** An invalid frame ends the WebSocket with status code 1002: `websocket_protocol_error`. */
  readonly closeOnViolation: boolean;
  /** Time between two pings to each side; 0: none are sent. */
  readonly pingInterval: number;
  /** Time in which a ping must be answered. */
  readonly pingTimeout: number;
  /** Time without messages after which a WebSocket is closed; 0: unlimited. */
  readonly idleTimeout: number;
  /** Age at which a WebSocket is closed; 0: unlimited. */
  readonly expire: number;
  readonly expireCode: number;
  /** Status code with which a WebSocket is closed when the token of its request expires; null: it is not closed. */
  readonly expireJwt: number | null;
}

export const WEBSOCKET = new SettingsKey<WebSocketSettings>('websocket', {
  close: true,
  closeTimeout: 5000,
  closeOnViolation: false,
  pingInterval: 0,
  pingTimeout: 20_000,
  idleTimeout: 0,
  expire: 0,
  expireCode: NORMAL_CLOSURE,
  expireJwt: null,
});

/** Age in ms at which a tunnel of another protocol is closed: `tunnel_lifetime`; 0: unlimited. */
export const TUNNEL_LIFETIME = new SettingsKey<number>('tunnel_lifetime', 0);

/** Logs a WebSocket, when it is opened and when it has ended (`WebSocketStats.endedAt`); null: it is not logged. */
export const WEBSOCKET_LOG = new SettingsKey<((x: Exchange) => void) | null>('websocket_log', null);

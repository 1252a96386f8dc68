/** Settings of the WebSockets of a location. */
import { SettingsKey } from '../program/settings-key.js';

/** Times in ms. */
export interface WebSocketSettings {
  /** Both sides receive a Close frame when the proxy ends a WebSocket: `websocket_close`. */
  readonly close: boolean;
  /** Time for which a side may answer a Close frame before its connection is closed. */
  readonly closeTimeout: number;
  /** An invalid frame ends the WebSocket with status code 1002: `websocket_protocol_error`. */
  readonly closeOnViolation: boolean;
}

export const WEBSOCKET = new SettingsKey<WebSocketSettings>('websocket', {
  close: true,
  closeTimeout: 5000,
  closeOnViolation: false,
});

/** Handlers of the messages of WebSockets, and observers of their beginnings and ends, that modules add to a location. */
import type { HttpExchange } from '../exchange/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import type { MessageHandler } from '../websocket/message-handler.js';
import type { WebSocketStats } from './websocket-stats.js';

/** Creates the handler of the messages of one sender of a WebSocket; null: there is none. */
export type MessageHandlerFactory = (x: HttpExchange, from: 'client' | 'upstream') => MessageHandler | null;

/**
 * Handlers that run after the policies of `websocket_message`, in the same stage: it reads the messages, and negotiates their
 * compression.
 */
export const MESSAGE_HANDLERS = new SettingsKey<readonly MessageHandlerFactory[]>('message handlers', []);

/** Functions that are called when a WebSocket has ended, for any reason. Its counts are in `WEBSOCKET_STATS`. */
export const WEBSOCKET_ENDED = new SettingsKey<readonly ((x: HttpExchange) => void)[]>('end of WebSockets', []);

/** Functions that are called when a WebSocket has been opened. */
export const WEBSOCKET_OPENED = new SettingsKey<readonly ((x: HttpExchange, stats: WebSocketStats) => void)[]>(
  'opening of WebSockets',
  [],
);

/** Changes of the heads of requests to upstreams by modules other than that of the pass directive. */
import type { HttpExchange } from '../exchange/exchange.js';
import { SettingsKey } from '../program/settings-key.js';

/**
 * Changes the head of a request for each attempt, before it is sent; `x.upstreamMethod` must be that of the returned head.
 * Null: the request fails with 500.
 */
export type HeadEditor = (x: HttpExchange, head: string) => string | null;

/** The editor of a location; null: heads are sent as the pass directive has built them. */
export const HEAD_EDITOR = new SettingsKey<HeadEditor | null>('editor of request heads', null);

/** Handlers that modules contribute to a program. */
import type { BodyFilter } from './body.js';
import type { Exchange } from './exchange.js';
import type { Verdict } from './verdict.js';

export type { BodyFilter } from './body.js';

/** A phase handler. It returns its verdict, or a promise only if it must wait. */
export type Handler = (x: Exchange) => Verdict | Promise<Verdict>;

/**
 * Changes the response head before it is sent; runs once per response. A returned status (412, 416) is sent instead of
 * the response.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: most filters return nothing
export type HeaderFilter = (x: Exchange) => number | void;

/** Creates a body filter for a response, after the header filters ran; null if this response is not filtered. */
export type BodyFilterFactory = (x: Exchange) => BodyFilter | null;

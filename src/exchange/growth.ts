/**
 * Bounds for strings that a configuration makes from themselves, again and again: `rewrite ^(.*)$ $1$1` in a loop of ten
 * cycles, `set $a $a$a`. nginx has no bound but memory; here a few of these would stall the process or exceed V8's longest
 * string.
 */
import type { Exchange } from './exchange.js';

/** Bytes that every request may reach. */
const BASE = 256 * 1024;
/** Times its own size that a request may reach beyond that. */
const FACTOR = 4;

/** True for a length (bytes) that no URI, arguments or variable of this request should have. */
export function outgrown(x: Exchange, length: number): boolean {
  return length > BASE && length > BASE + FACTOR * x.client.requestLength;
}

/**
 * Limits of strings that a configuration builds from themselves: `rewrite ^(.*)$ $1$1` in a loop of ten cycles, `set $a
 * $a$a`. nginx is limited by memory only; here a few of these would stall the process or exceed V8's maximum string length.
 */
import type { Exchange } from '../program/exchange.js';

/** Minimum limit, bytes. */
const MIN_LIMIT = 256 * 1024;
/** Multiple of the request's own size that is allowed beyond the minimum. */
const REQUEST_SIZE_FACTOR = 4;

/** Whether a length (bytes) exceeds the limit for a URI, arguments or variable of this request. */
export function outgrown(x: Exchange, length: number): boolean {
  return length > MIN_LIMIT && length > MIN_LIMIT + REQUEST_SIZE_FACTOR * x.client.requestLength;
}

/** Conditions of requests: whether a response to them is looked up, stored, or usable. */
import { epochTime } from '../http/clock.js';
import { Field } from '../http/field-names.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Template } from '../program/template.js';
import type { CacheSettings } from './cache-settings.js';
import type { CacheStore } from './cache-store.js';
import type { OpenEntry } from './entry-file.js';

/** s since 1970. */
export function now(): number {
  return Math.floor(epochTime() / 1000);
}

/** The cache for a request; null: none. A number: the request fails with that status. */
export function storeFor(x: Exchange, { zone, store, stores }: CacheSettings): CacheStore | null | number {
  if (zone === null) return store;
  const name = zone.of(x);
  if (name === '' || name === 'off') return null;
  const named = stores.get(name);
  if (named !== undefined) return named;
  logError(x, 'error', `cache "${name}" not found`);
  return 500;
}

/** Whether at least one value is neither empty nor `0`. nginx: ngx_http_test_predicates. */
export function anyHolds(conditions: readonly Template[], x: Exchange): boolean {
  for (const condition of conditions) {
    const value = condition.of(x);
    if (value !== '' && value !== '0') return true;
  }
  return false;
}

/** Whether the response to a request for this range is stored. nginx: ngx_http_upstream_cache_check_range. */
export function storesRange(x: Exchange, maxRangeOffset: number): boolean {
  const range = x.headers.valueOf(Field.Range);
  if (range === undefined || maxRangeOffset === Number.POSITIVE_INFINITY) return true;
  if (maxRangeOffset === 0) return false;
  const [, start] = /^bytes= *(-|[0-9]*)/i.exec(range) ?? [];
  if (start === undefined || range.length < 7) return true;
  return start !== '-' && Number(start) < maxRangeOffset;
}

/**
 * Whether a response, if it is stored under the key, is not taken for one with an empty body: without `Content-Length`, the
 * entry of a HEAD request looks like one. A key that contains the method is not that of other methods.
 */
export function hasWholeBody(
  method: string,
  { status, headers }: UpstreamHead,
  { key, settings }: { readonly key: string; readonly settings: CacheSettings },
): boolean {
  if (method !== 'HEAD' || settings.convertHead || status === 204 || status === 304 || key.includes(method))
    return true;
  return headers.indexOf(Field.ContentLength) >= 0;
}

/** Whether the entry is a response for this method: one with a length but without a body is that to a HEAD request. */
export function suitsMethod(entry: OpenEntry, method: string): boolean {
  if (method === 'HEAD') return true;
  const { status, fields } = entry.head;
  if (entry.bodyLength > 0 || status === 204 || status === 304) return true;
  const [, length = '0'] = /^content-length:[ \t]*([0-9]+)/im.exec(fields) ?? [];
  return Number(length) === 0;
}

/** The field `Cache-Status` (RFC 9211): how this cache has handled a request. */

import type { Exchange } from '../program/exchange.js';

/** Reason for which a request was forwarded. */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'request' | 'stale' | 'partial' | 'miss';

export interface CacheHandling {
  /** Whether the response comes from the cache without a request to the upstream. */
  readonly hit: boolean;
  /** Reason of the request to the upstream; null if there was none. */
  readonly forward: ForwardReason | null;
  /** Status of the upstream's response if it differs from the one sent; 0: the same, or none. */
  readonly forwardStatus: number;
  /** Remaining freshness, s, negative if stale; null if unknown. */
  readonly ttl: number | null;
  readonly stored: boolean;
  /** Whether the request has waited for the response to another one. */
  readonly collapsed: boolean;
  /** The name of the handling in nginx's terms (`$upstream_cache_status`); empty for none. */
  readonly detail: string;
}

const TOKEN = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/;

/** Name of a cache as a structured field item: a token if possible, otherwise a string. */
export function cacheName(name: string): string {
  if (TOKEN.test(name)) return name;
  return `"${name.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}

/** How a request has used the cache. */
export interface CacheUsage {
  /** `$upstream_cache_status`; null: the response of the upstream is not looked up. */
  readonly status: string | null;
  /** Remaining freshness, s; null: the response is not stored. */
  readonly ttl: number | null;
  readonly stored: boolean;
  /** Whether it has waited for another request. */
  readonly waited: boolean;
  /** Whether a fresh entry had to be confirmed. */
  readonly requested: boolean;
}

const FORWARDED: Readonly<Record<string, ForwardReason>> = {
  MISS: 'uri-miss',
  BYPASS: 'bypass',
  EXPIRED: 'stale',
  REVALIDATED: 'stale',
};

/** Adds a member to the field of the response, after those of the upstream. */
export function addCacheStatus(x: Exchange, name: string, usage: CacheUsage): void {
  const { status, ttl, stored, waited, requested } = usage;
  const forward = FORWARDED[status ?? ''] ?? null;
  const isHit = status === 'HIT' || status === 'STALE' || status === 'UPDATING';
  const value = cacheStatusOf(cacheName(name), {
    hit: isHit,
    forward: isHit ? null : forward === 'stale' && requested ? 'request' : (forward ?? 'method'),
    forwardStatus: status === 'REVALIDATED' ? 304 : 0,
    ttl,
    stored: stored || status === 'REVALIDATED',
    collapsed: waited && !isHit,
    detail: status ?? '',
  });
  const earlier = x.response.all('cache-status').join(', ');
  x.response.set('Cache-Status', earlier === '' ? value : `${earlier}, ${value}`);
}

/** Value of one member. `name`: of `cacheName`. */
export function cacheStatusOf(name: string, handling: CacheHandling): string {
  const { hit, forward, forwardStatus, ttl, stored, collapsed, detail } = handling;
  let value = name;
  if (hit) value += '; hit';
  if (forward !== null) {
    value += `; fwd=${forward}`;
    if (forwardStatus > 0) value += `; fwd-status=${forwardStatus}`;
    if (stored) value += '; stored';
    if (collapsed) value += '; collapsed';
  }
  if (ttl !== null) value += `; ttl=${ttl}`;
  return detail === '' ? value : `${value}; detail=${detail}`;
}

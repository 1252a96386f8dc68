/**
 * Rules by which responses are stored and reused. `NginxPolicy` (`nginx-policy.ts`) is nginx's; other sets of rules, such as
 * RFC 9111's, implement the same interface. A policy has no state of its own: one object serves all requests of a location.
 */
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Exchange } from '../program/exchange.js';
import type { EntryHead } from './entry-head.js';

/**
 * Use of the cache by a request. `full`: looked up and stored; `store`: not looked up, but the response may be stored
 * (a bypass); `only-if-cached`: answered with 504 unless the cache has a usable response; `none`: neither.
 */
export type RequestUse = 'full' | 'store' | 'only-if-cached' | 'none';

/**
 * Use of an entry that matches the request. `fresh`: served; `stale`: requested again, and meanwhile or on errors served if the
 * location or the response permits it; `must-revalidate`: requested again, and never served before.
 */
export type Reuse = 'fresh' | 'stale' | 'must-revalidate';

/** Validity of a response according to its fields. */
export interface Validity {
  /** Until when it is fresh, s since 1970; 0: the fields say nothing, `proxy_cache_valid` decides. */
  readonly validUntil: number;
  /** `stale-while-revalidate` and `stale-if-error`: s after that. */
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
}

/** An entry after a 304 response has confirmed it. */
export interface Revalidation {
  /** Its field lines; the same string if they have not changed. */
  readonly fields: string;
  /** Its validity as of now; null: it is served once more, and not kept. */
  readonly validity: Validity | null;
}

export interface CachePolicy {
  /** Whether ranges of complete responses are served although the upstream has not sent `Accept-Ranges`. */
  readonly servesRanges: boolean;
  /** Whether `stale-while-revalidate` applies without `proxy_cache_background_update`. */
  readonly updatesInBackground: boolean;
  /** Whether `stale-if-error` applies to this error response, as `proxy_cache_use_stale` names it; null: another one. */
  replacesErrors(reason: string | null): boolean;
  /** Called before the lookup, for a request whose method may be cached. */
  requestUse(x: Exchange): RequestUse;
  /** Validity of the response to the request; null: it may not be stored. `now`: s since 1970. */
  validity(x: Exchange, response: UpstreamHead, now: number): Validity | null;
  /** Fields that select the variant of a response that may be stored (`Vary`), joined; null: it may not be stored. */
  vary(response: UpstreamHead): string | null;
  /** Hash of the fields of the request that `vary` names, 32 hexadecimal digits. */
  variant(x: Exchange, vary: string): string;
  /** How the entry may be used. `now`: s since 1970. */
  reuse(x: Exchange, entry: EntryHead, now: number): Reuse;
  /** Field lines of a response that may be stored, each terminated by CRLF. `now`: time of receipt, s since 1970. */
  storedFields(x: Exchange, response: UpstreamHead, now: number): string;
  /** The entry after a 304 response to the request has confirmed it. */
  revalidated(x: Exchange, entry: EntryHead, response: UpstreamHead, now: number): Revalidation;
  /** Adds or changes fields of a response that is served from the entry, before it is sent. */
  describe(x: Exchange, entry: EntryHead, now: number): void;
  /**
   * A response to a request that is not cached, such as one with an unsafe method, was received. Returns the targets on the
   * request's site, beginning with a slash, whose entries it invalidates.
   */
  passed(x: Exchange, response: UpstreamHead): readonly string[];
}

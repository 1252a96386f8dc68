/** Rules of RFC 9111 for a shared cache (`proxy_cache_rfc9111`), with the targeted fields of RFC 9213. */
import { callbackTime } from '../http/clock.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Exchange } from '../program/exchange.js';
import { type ControlDirectives, parseCacheControl } from './cache-control.js';
import type { CachePolicy, RequestUse, Reuse, Revalidation, Validity } from './cache-policy.js';
import { blockOf, fieldsToStore, updatedFields } from './entry-fields.js';
import type { EntryHead } from './entry-head.js';
import type { IgnoredFields } from './nginx-policy.js';
import { REQUESTED_PART } from './requested-part.js';
import {
  type EffectiveDirectives,
  effectiveDirectives,
  explicitLifetime,
  forbidsStale,
  heuristicLifetime,
  initialAge,
  isHeuristic,
  mayStore,
} from './response-rules.js';
import { type ValidTime, validTime } from './valid-times.js';
import { MAX_VARY_LENGTH, variedFields } from './vary.js';
import { type Normalizer, normalizedVariant, suitsVariant } from './vary-normalization.js';

/** Settings of a location. */
export interface Rfc9111Options {
  readonly ignored: IgnoredFields;
  /** `proxy_cache_valid`: applies to responses without explicit freshness, instead of heuristics. */
  readonly valid: readonly ValidTime[];
  /** Targeted fields in lower case, the most specific first. */
  readonly targets: readonly string[];
  /** Whether `Cache-Control` of requests has an effect. */
  readonly requestDirectives: boolean;
  /** By field name in lower case. */
  readonly normalizers: ReadonlyMap<string, Normalizer>;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']);

/** Current age of an entry, s (RFC 9111 4.2.3): the stored `Age` is the initial one. */
export function ageOf(entry: EntryHead, now: number): number {
  return initialAge(blockOf(entry.fields), entry.date, 0) + Math.max(0, now - entry.date);
}

function isStrong(etag: string | undefined): etag is string {
  return etag?.startsWith('"') === true;
}

/** Names of fields that are not stored: those of `no-cache` and `private` with a list. */
function withheld({ noCache, private: isPrivate }: ControlDirectives): readonly string[] {
  return [noCache, isPrivate].flatMap((names) => (typeof names === 'boolean' ? [] : names));
}

export class Rfc9111Policy implements CachePolicy {
  readonly servesRanges = true;
  readonly updatesInBackground = true;

  constructor(private readonly options: Rfc9111Options) {}

  replacesErrors(reason: string | null): boolean {
    return reason?.startsWith('http_5') === true;
  }

  requestUse(x: Exchange): RequestUse {
    const directives = this.requestDirectives(x);
    if (directives === null) return 'full';
    if (directives.noStore) return 'none';
    return directives.onlyIfCached ? 'only-if-cached' : 'full';
  }

  validity(x: Exchange, response: UpstreamHead, now: number): Validity | null {
    if (!suitsVariant(x.headers, response.headers, this.options.normalizers)) return null;
    return this.validityOf(x, response.status, response.headers, now, delayOf(x));
  }

  private validityOf(x: Exchange, status: number, headers: HeaderBlock, now: number, delay: number): Validity | null {
    const { ignored, valid } = this.options;
    const effective = this.effective(headers);
    const { directives } = effective;
    if (status === 206 && x.state(REQUESTED_PART) === undefined) return null;
    if (!mayStore(status, directives, x.headers.indexOf(Field.Authorization) >= 0)) return null;
    if (!ignored.setCookie && headers.indexOf(Field.SetCookie) >= 0) return null;
    const accel = this.accelLifetime(headers, now);
    if (accel === 0) return null;
    const explicit = accel ?? explicitLifetime(headers, effective, now, ignored.expires);
    const isPublic = directives.public;
    const configured = explicit === undefined ? validTime(valid, status) : 0;
    if (explicit === undefined && configured === 0 && !isPublic && !isHeuristic(status)) return null;
    const lifetime = explicit ?? heuristicLifetime(status, headers, isPublic, now);
    const staleWhileRevalidate = directives.staleWhileRevalidate ?? 0;
    const staleIfError = directives.staleIfError ?? 0;
    if (configured > 0 && directives.noCache !== true) return { validUntil: 0, staleWhileRevalidate, staleIfError };
    const age = accel === undefined ? initialAge(headers, now, delay) : 0;
    // An entry is fresh during the second `validUntil`, so that the last whole second of the lifetime does not count.
    let validUntil = Math.max(1, now + lifetime - age - 1);
    if (directives.noCache === true) validUntil = Math.min(validUntil, now - 1);
    const confirmable = headers.indexOf(Field.ETag) >= 0 || headers.indexOf(Field.LastModified) >= 0;
    const useful = validUntil >= now || confirmable || staleWhileRevalidate > 0 || staleIfError > 0;
    return useful ? { validUntil, staleWhileRevalidate, staleIfError } : null;
  }

  vary({ headers }: UpstreamHead): string | null {
    if (this.options.ignored.vary) return '';
    const value = headers.joined('vary');
    if (value === undefined) return '';
    const names = variedFields(value);
    const joined = names.join(', ');
    return names.includes('*') || joined.length > MAX_VARY_LENGTH ? null : joined;
  }

  variant(x: Exchange, vary: string): string {
    return normalizedVariant(x.headers, vary, this.options.normalizers);
  }

  reuse(x: Exchange, entry: EntryHead, now: number): Reuse {
    const wanted = this.requestDirectives(x);
    const isFresh = entry.validUntil >= now;
    if (wanted !== null) {
      if (wanted.noCache === true) return 'must-revalidate';
      if (typeof wanted.maxAge === 'number' && ageOf(entry, now) > wanted.maxAge) return 'must-revalidate';
      if (typeof wanted.minFresh === 'number' && entry.validUntil + 1 - now < wanted.minFresh) return 'must-revalidate';
    }
    if (isFresh) return 'fresh';
    if (forbidsStale(this.effective(blockOf(entry.fields)).directives)) return 'must-revalidate';
    return typeof wanted?.maxStale === 'number' && now - entry.validUntil <= wanted.maxStale ? 'fresh' : 'stale';
  }

  storedFields(x: Exchange, { headers }: UpstreamHead, now: number): string {
    const { directives } = this.effective(headers);
    return fieldsToStore(headers, withheld(directives), initialAge(headers, now, delayOf(x)));
  }

  revalidated(x: Exchange, entry: EntryHead, { headers }: UpstreamHead, now: number): Revalidation {
    const confirmed = headers.get('etag');
    // A strong validator of another representation does not confirm this one (RFC 9111 4.3.4).
    const differs = isStrong(confirmed) && isStrong(entry.etag) && confirmed !== entry.etag;
    const delay = delayOf(x);
    const { directives } = this.effective(headers);
    const age = initialAge(headers, now, delay);
    const fields = differs ? entry.fields : updatedFields(entry.fields, headers, withheld(directives), age);
    return { fields, validity: differs ? null : this.validityOf(x, entry.status, blockOf(fields), now, 0) };
  }

  describe(x: Exchange, entry: EntryHead, now: number): void {
    sendAge(x, entry, now);
    x.response.strictConditions = true;
  }

  passed(x: Exchange, { status, headers }: UpstreamHead): readonly string[] {
    if (SAFE_METHODS.has(x.method) || status < 200 || status >= 400) return [];
    const targets = new Set([x.target]);
    for (const field of ['location', 'content-location']) {
      const target = sameSite(x, headers.get(field));
      if (target !== null) targets.add(target);
    }
    return [...targets];
  }

  private requestDirectives(x: Exchange): ControlDirectives | null {
    if (!this.options.requestDirectives || x.headers.indexOf(Field.CacheControl) < 0) return null;
    return parseCacheControl(x.headers.joined('cache-control') ?? '');
  }

  private effective(headers: HeaderBlock): EffectiveDirectives {
    return effectiveDirectives(headers, this.options.targets, this.options.ignored.cacheControl);
  }

  /** Lifetime of `X-Accel-Expires`, s; undefined without one. */
  private accelLifetime(headers: HeaderBlock, now: number): number | undefined {
    const value = this.options.ignored.accelExpires ? undefined : headers.valueOf(Field.XAccelExpires);
    const parts = value === undefined ? null : /^(@?)(\d+)$/.exec(value);
    if (parts === null) return undefined;
    return parts[1] === '' ? Number(parts[2]) : Math.max(0, Number(parts[2]) - now);
  }
}

/** `Age` and the stored `Date` of a response that is served from the entry (RFC 9111 5.1, RFC 9110 6.6.1). */
export function sendAge(x: Exchange, entry: EntryHead, now: number): void {
  const block = blockOf(entry.fields);
  x.response.set('Age', String(initialAge(block, entry.date, 0) + Math.max(0, now - entry.date)));
  const date = block.get('date');
  if (date === undefined) return;
  x.response.ownDate = false;
  x.response.set('Date', date);
}

/** Whole seconds since the request arrived: at least the time since it was sent to the upstream. */
function delayOf(x: Exchange): number {
  return Math.max(0, Math.floor((callbackTime() - x.startTime) / 1000));
}

/** Target of a URI reference on the request's own site; null if it is elsewhere, or invalid. */
function sameSite(x: Exchange, reference: string | undefined): string | null {
  if (reference === undefined) return null;
  const host = x.headers.valueOf(Field.Host) ?? x.host;
  const base = `http://${host}${x.target.startsWith('/') ? x.target : '/'}`;
  if (!URL.canParse(reference, base)) return null;
  const url = new URL(reference, base);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  return isWeb && url.host === new URL(base).host ? url.pathname + url.search : null;
}

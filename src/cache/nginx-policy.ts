/** nginx's rules for storing and reusing responses: ngx_http_upstream_process_cache_control and the like. */

import { parseInteger } from '../config/units.js';
import { Field } from '../http/field-names.js';
import { parseHttpDate } from '../http/http-date.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Exchange } from '../program/exchange.js';
import type { CachePolicy, RequestUse, Reuse, Revalidation, Validity } from './cache-policy.js';
import type { EntryHead } from './entry-head.js';
import { storedResponse } from './stored-fields.js';
import { MAX_VARY_LENGTH, variantOf } from './vary.js';

/** Fields of responses that have no effect on the cache (`proxy_ignore_headers`). */
export interface IgnoredFields {
  readonly accelExpires: boolean;
  readonly cacheControl: boolean;
  readonly expires: boolean;
  readonly setCookie: boolean;
  readonly vary: boolean;
}

/** Directives in `Cache-Control` of which each forbids storing. nginx searches the text, quoted or not. */
const UNCACHEABLE = /no-cache|no-store|private/i;
/** The fields say nothing. */
const UNKNOWN: Validity = { validUntil: 0, staleWhileRevalidate: 0, staleIfError: 0 };
/** Largest time that nginx computes with. */
const MAX_SECONDS = Number.MAX_SAFE_INTEGER;

/**
 * Seconds after `name=` in a list of directives: -1 if it is not there, null if it is not a number. nginx:
 * ngx_http_upstream_process_delta_seconds.
 */
function secondsOf(value: string, name: string): number | null {
  const at = value.toLowerCase().indexOf(name);
  if (at < 0) return -1;
  const [digits = ''] = /^[0-9]*/.exec(value.slice(at + name.length)) ?? [];
  const next = value[at + name.length + digits.length];
  if (next !== undefined && next !== ',' && next !== ';' && next !== ' ') return null;
  return digits === '' ? 0 : Math.min(Number(digits), MAX_SECONDS);
}

/** Evaluates the fields of a response in their order, as nginx does: it matters which of two comes first. */
class Freshness {
  private validUntil = 0;
  private updating = 0;
  private error = 0;
  private noCache = false;
  private expired = false;
  private storable = true;
  private accelExpires = false;
  private expires = false;

  constructor(
    private readonly ignored: IgnoredFields,
    private readonly now: number,
  ) {}

  read({ headers }: UpstreamHead): Validity | null {
    for (let i = 0; i < headers.count && this.storable; i++) {
      switch (headers.id(i)) {
        case Field.SetCookie:
          if (!this.ignored.setCookie) this.storable = false;
          break;
        case Field.XAccelExpires:
          this.onAccelExpires(headers.value(i));
          break;
        case Field.CacheControl:
          if (!this.ignored.cacheControl) this.onCacheControl(headers.value(i));
          break;
        case Field.Expires:
          this.onExpires(headers.value(i));
          break;
      }
    }
    if (!this.storable || this.noCache || this.expired) return null;
    const { validUntil, updating, error } = this;
    return { validUntil, staleWhileRevalidate: updating, staleIfError: error };
  }

  private onAccelExpires(value: string): void {
    if (this.accelExpires) return;
    this.accelExpires = true;
    if (this.ignored.accelExpires) return;
    const absolute = value.startsWith('@');
    const seconds = parseInteger(absolute ? value.slice(1) : value);
    if (seconds === null) return;
    if (!absolute && seconds === 0) {
      this.storable = false;
      return;
    }
    this.validUntil = absolute ? seconds : this.now + seconds;
    this.noCache = false;
    this.expired = false;
  }

  private onCacheControl(value: string): void {
    if (this.validUntil === 0 || !this.accelExpires) {
      if (UNCACHEABLE.test(value)) {
        this.noCache = true;
        return;
      }
      let age = secondsOf(value, 's-maxage=');
      if (age === -1) age = secondsOf(value, 'max-age=');
      if (age === null) {
        this.storable = false;
        return;
      }
      if (age === 0) {
        this.noCache = true;
        return;
      }
      if (age > 0) {
        this.validUntil = Math.min(this.now + age, MAX_SECONDS);
        this.expired = false;
      }
    }
    const updating = secondsOf(value, 'stale-while-revalidate=');
    const error = secondsOf(value, 'stale-if-error=');
    if (updating === null || error === null) {
      this.storable = false;
      return;
    }
    if (updating >= 0) {
      this.updating = updating;
      this.error = updating;
    }
    if (error >= 0) this.error = error;
  }

  private onExpires(value: string): void {
    if (this.expires) return;
    this.expires = true;
    if (this.ignored.expires || this.validUntil !== 0) return;
    const time = parseHttpDate(value);
    if (time < 0 || time < this.now) this.expired = true;
    else this.validUntil = time;
  }
}

export class NginxPolicy implements CachePolicy {
  readonly servesRanges = false;
  readonly updatesInBackground = false;

  constructor(private readonly ignored: IgnoredFields) {}

  replacesErrors(): boolean {
    return false;
  }

  requestUse(): RequestUse {
    return 'full';
  }

  validity(_x: Exchange, response: UpstreamHead, now: number): Validity | null {
    return new Freshness(this.ignored, now).read(response);
  }

  vary({ headers }: UpstreamHead): string | null {
    if (this.ignored.vary || headers.indexOf(Field.Vary) < 0) return '';
    const values = headers.all('vary');
    const joined = values.join(', ');
    return values.includes('*') || joined.length > MAX_VARY_LENGTH ? null : joined;
  }

  variant(x: Exchange, vary: string): string {
    return variantOf(x.headers, vary);
  }

  reuse(_x: Exchange, entry: EntryHead, now: number): Reuse {
    return entry.validUntil < now ? 'stale' : 'fresh';
  }

  storedFields(_x: Exchange, { headers }: UpstreamHead): string {
    return headers.lines(null);
  }

  revalidated(x: Exchange, entry: EntryHead, response: UpstreamHead, now: number): Revalidation {
    const confirmed = this.validity(x, response, now);
    const validity =
      confirmed === null || confirmed.validUntil === 0 ? this.validity(x, storedResponse(entry), now) : confirmed;
    return { fields: entry.fields, validity: validity ?? UNKNOWN };
  }

  describe(): void {}

  passed(): readonly string[] {
    return [];
  }
}

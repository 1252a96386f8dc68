/** Whether a client accepts a content coding (RFC 9110 12.5.3), by nginx's rules. */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { epochTime } from '../http/clock.js';
import { Field } from '../http/field-names.js';
import { parseHttpDate } from '../http/http-date.js';
import { isMsie6 } from '../http/user-agent.js';
import type { Exchange } from '../program/exchange.js';
import { searchFor } from '../program/pattern-search.js';
import { StateKey } from '../program/state-key.js';
import { GZIP, type GzipSettings } from './gzip-settings.js';

/**
 * Whether the value of `Accept-Encoding` lists a coding (lower case) with a quality other than 0; `*` is not considered.
 * nginx: ngx_http_gzip_accept_encoding.
 */
export function listsCoding(value: string, coding: string): boolean {
  const lower = value.toLowerCase();
  let at = lower.indexOf(coding);
  while (at > 0 && lower[at - 1] !== ',' && lower[at - 1] !== ' ') at = lower.indexOf(coding, at + coding.length);
  if (at < 0) return false;
  const rest = withoutSpaces(lower.slice(at + coding.length));
  if (rest === '' || rest.startsWith(',')) return true;
  if (!rest.startsWith(';')) return false;
  const parameter = withoutSpaces(rest.slice(1));
  if (parameter === '') return true;
  const quality = /^q=([01])(?:$|[, ]|\.(\d{0,3})(?:$|[, ]))/.exec(parameter);
  if (quality === null) return false;
  const [, integer, fraction = ''] = quality;
  return integer === '1' ? !/[1-9]/.test(fraction) : /[1-9]/.test(fraction);
}

function withoutSpaces(text: string): string {
  return text.replace(/^ +/, '');
}

/** Whether the client accepts a coding (lower case) for the response to this request; never for subrequests. */
export function acceptsCoding(x: Exchange, coding: string): boolean {
  if (x.nested !== null) return false;
  const value = x.headers.valueOf(Field.AcceptEncoding);
  return value !== undefined && listsCoding(value, coding);
}

const GZIP_ALLOWED = new StateKey<boolean>('gzip allowed');

/** Whether the response may be compressed with gzip; determined once. nginx: ngx_http_gzip_ok. */
export function allowsGzip(x: Exchange): boolean {
  let allowed = x.state(GZIP_ALLOWED);
  if (allowed === undefined) x.setState(GZIP_ALLOWED, (allowed = computeAllowed(x)));
  return allowed;
}

function computeAllowed(x: Exchange): boolean {
  if (!acceptsCoding(x, 'gzip')) return false;
  const gzip = x.location.settings.get(GZIP);
  if (gzip.disabledForMsie6 && isMsie6(x.headers.valueOf(Field.UserAgent) ?? '')) return false;
  if (x.version < gzip.version) return false;
  if (x.headers.valueOf(Field.Via) !== undefined && !allowsProxied(x, gzip.proxied)) return false;
  return !isDisabled(x, gzip);
}

function isDisabled(x: Exchange, { disabled }: GzipSettings): boolean {
  if (disabled.length === 0) return false;
  const agent = x.headers.valueOf(Field.UserAgent);
  if (agent === undefined) return false;
  try {
    return disabled.some((expression) => searchFor(x, expression, agent) !== null);
  } catch (error) {
    // As in nginx, a search that fails counts as a match.
    if (error instanceof MatchFailed) return true;
    throw error;
  }
}

/** Whether `gzip_proxied` allows the response for a request with a `Via` field. */
function allowsProxied(x: Exchange, proxied: GzipSettings['proxied']): boolean {
  const { response } = x;
  if (proxied.has('off')) return false;
  if (proxied.has('any')) return true;
  if (proxied.has('auth') && x.headers.valueOf(Field.Authorization) !== undefined) return true;
  const expires = response.get('expires');
  if (expires !== undefined) return proxied.has('expired') && isExpired(x, expires);
  const cacheControl = response.all('cache-control');
  if (cacheControl.length > 0) {
    return ['no-cache', 'no-store', 'private'].some((name) => proxied.has(name) && hasOption(cacheControl, name));
  }
  // As in nginx, the time of a file is not a `Last-Modified` field yet.
  const modified = response.upstream !== null && response.lastModified !== null;
  return !(proxied.has('no_last_modified') && modified) && !(proxied.has('no_etag') && response.etag !== null);
}

function isExpired(x: Exchange, expires: string): boolean {
  const time = parseHttpDate(expires);
  if (time < 0) return false;
  const date = x.response.get('date');
  const sent = date === undefined ? Math.floor(epochTime() / 1000) : parseHttpDate(date);
  return sent >= 0 && time < sent;
}

/** Whether one of the lists contains this name without a value. */
function hasOption(lists: readonly string[], name: string): boolean {
  return lists.some((list) => list.split(',').some((part) => part.trim().toLowerCase() === name));
}

/** Storing and freshness of responses in a shared cache, according to RFC 9111 and RFC 9213. */
import type { HeaderBlock } from '../http/header-block.js';
import { parseHttpDate } from '../http/http-date.js';
import { type ControlDirectives, MAX_DELTA, noDirectives, parseCacheControl } from './cache-control.js';
import { type BareItem, parseDictionary } from './structured-dictionary.js';

/** Statuses whose responses may be stored without explicit freshness (RFC 9110 15.1), except for 206. */
const HEURISTIC: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
/** Statuses whose caching this cache understands (`must-understand`). */
const UNDERSTOOD: ReadonlySet<number> = new Set([...HEURISTIC, 206, 302, 303, 307, 400, 403, 500, 502, 503, 504]);
/** Part of the time since the last modification for which a response is fresh (RFC 9111 4.2.2). */
const HEURISTIC_FRACTION = 0.1;
/** Longest freshness by heuristics: a day, s. */
const MAX_HEURISTIC = 86_400;

/** Strict forms of dates: other time zones than GMT and text after them are invalid (RFC 9110 5.6.7). */
const DATE =
  /^(?:\w{3}, \d\d \w{3} \d{4} [\d:]{8} gmt|\w{6,9}, \d\d-\w{3}-\d\d [\d:]{8} gmt|\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})$/i;

/** Seconds since 1970 of a valid date, otherwise -1. */
export function strictDate(text: string | undefined): number {
  if (text === undefined || !DATE.test(text)) return -1;
  const capitalized = text.replace(/[A-Z]{3,}/gi, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
  return parseHttpDate(capitalized);
}

/** `Age` of a response, s: of a list the first member; 0 if it is missing or invalid (RFC 9111 5.1). */
export function ageValue(headers: HeaderBlock): number {
  const [first = ''] = (headers.get('age') ?? '').split(',');
  return /^\d+$/.test(first.trim()) ? Math.min(Number(first), MAX_DELTA) : 0;
}

/** Corrected initial age, s (RFC 9111 4.2.3). `now`: time of receipt, s since 1970; `delay`: s since the request was sent. */
export function initialAge(headers: HeaderBlock, now: number, delay: number): number {
  const date = strictDate(headers.get('date'));
  const apparent = date < 0 ? 0 : Math.max(0, now - date);
  return Math.max(apparent, ageValue(headers) + delay);
}

const SECONDS = {
  'max-age': 'maxAge',
  's-maxage': 'sharedMaxAge',
  'stale-while-revalidate': 'staleWhileRevalidate',
  'stale-if-error': 'staleIfError',
} as const;
const FLAGS = {
  'no-store': 'noStore',
  'must-revalidate': 'mustRevalidate',
  'proxy-revalidate': 'proxyRevalidate',
  'must-understand': 'mustUnderstand',
  public: 'public',
  'no-cache': 'noCache',
  private: 'private',
} as const;

function isName<T extends object>(names: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(names, name);
}

/** Directives of a targeted field (RFC 9213 2.1); null: it is invalid or empty, and thus ignored. */
export function targetedDirectives(value: string): ControlDirectives | null {
  const members = parseDictionary(value);
  if (members === null || members.size === 0) return null;
  const found = noDirectives();
  for (const [name, item] of members) if (!applyMember(found, name, item)) return null;
  return found;
}

/** Whether the member has the type of its directive; unknown ones are ignored. */
function applyMember(found: ControlDirectives, name: string, item: BareItem | null): boolean {
  if (isName(SECONDS, name)) {
    if (typeof item !== 'number' || item < 0 || !Number.isInteger(item)) return false;
    found[SECONDS[name]] = Math.min(item, MAX_DELTA);
  } else if (isName(FLAGS, name)) {
    if (name === 'no-cache' || name === 'private') {
      // A list of fields is not defined here: the directive applies as a whole.
      found[FLAGS[name]] = item !== false;
    } else if (typeof item !== 'boolean') return false;
    else found[FLAGS[name]] = item;
  }
  return true;
}

/** Directives that apply to a response, and whether they come from a targeted field, so that `Expires` is ignored. */
export interface EffectiveDirectives {
  readonly directives: ControlDirectives;
  readonly targeted: boolean;
}

/** `targets`: names of targeted fields in lower case; the first valid one replaces `Cache-Control` and `Expires`. */
export function effectiveDirectives(
  headers: HeaderBlock,
  targets: readonly string[],
  ignore: boolean,
): EffectiveDirectives {
  for (const target of targets) {
    const value = headers.joined(target);
    const directives = value === undefined ? null : targetedDirectives(value);
    if (directives !== null) return { directives, targeted: true };
  }
  const value = ignore ? undefined : headers.joined('cache-control');
  return { directives: value === undefined ? noDirectives() : parseCacheControl(value), targeted: false };
}

/** Whether a shared cache may store the response (RFC 9111 3 and 3.5), apart from its freshness. */
export function mayStore(status: number, directives: ControlDirectives, authorized: boolean): boolean {
  const { noStore, mustUnderstand, mustRevalidate, sharedMaxAge } = directives;
  if (status < 200 || status === 304) return false;
  if (mustUnderstand ? !UNDERSTOOD.has(status) : noStore) return false;
  if (directives.private === true) return false;
  return !authorized || directives.public || mustRevalidate || typeof sharedMaxAge === 'number';
}

/** Explicit freshness lifetime, s; an invalid one is 0 (RFC 9111 4.2.1). Undefined if there is none. */
export function explicitLifetime(
  headers: HeaderBlock,
  { directives, targeted }: EffectiveDirectives,
  now: number,
  ignoreExpires: boolean,
): number | undefined {
  if (directives.sharedMaxAge !== undefined) return directives.sharedMaxAge ?? 0;
  if (directives.maxAge !== undefined) return directives.maxAge ?? 0;
  const expires = targeted || ignoreExpires ? undefined : headers.get('expires');
  if (expires === undefined) return undefined;
  const date = strictDate(headers.get('date'));
  const until = strictDate(expires);
  return until < 0 ? 0 : Math.max(0, until - (date < 0 ? now : date));
}

/** Whether responses with that status may be stored without explicit freshness. */
export function isHeuristic(status: number): boolean {
  return HEURISTIC.has(status);
}

/** Lifetime by heuristics, s (RFC 9111 4.2.2); 0 if they do not apply. */
export function heuristicLifetime(status: number, headers: HeaderBlock, isPublic: boolean, now: number): number {
  if (!isPublic && !HEURISTIC.has(status)) return 0;
  const modified = strictDate(headers.get('last-modified'));
  const date = strictDate(headers.get('date'));
  if (modified < 0) return 0;
  return Math.min(MAX_HEURISTIC, Math.max(0, Math.floor(((date < 0 ? now : date) - modified) * HEURISTIC_FRACTION)));
}

/** Whether a stale response must not be served in any case (RFC 9111 4.2.4). */
export function forbidsStale(directives: ControlDirectives): boolean {
  const { mustRevalidate, proxyRevalidate, noCache, sharedMaxAge } = directives;
  return mustRevalidate || proxyRevalidate || noCache === true || typeof sharedMaxAge === 'number';
}

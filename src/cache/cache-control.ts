/** Directives of `Cache-Control` (RFC 9111 5.2). */

/** Largest number of seconds; larger ones count as this (RFC 9111 1.2.2). */
export const MAX_DELTA = 2 ** 31;

/** Seconds of a directive; null: it is there, but its value is not a number. */
type Seconds = number | null | undefined;

/** A directive that applies as a whole (true), or to these fields (lower case). */
type Qualified = boolean | readonly string[];

/** Directives of requests and responses; of repeated ones, the first counts (RFC 9111 4.2.1). */
export interface ControlDirectives {
  maxAge: Seconds;
  sharedMaxAge: Seconds;
  /** `max-stale` without a value is Infinity. */
  maxStale: Seconds;
  minFresh: Seconds;
  staleWhileRevalidate: Seconds;
  staleIfError: Seconds;
  noCache: Qualified;
  private: Qualified;
  noStore: boolean;
  mustRevalidate: boolean;
  proxyRevalidate: boolean;
  mustUnderstand: boolean;
  onlyIfCached: boolean;
  public: boolean;
}

export function noDirectives(): ControlDirectives {
  return {
    maxAge: undefined,
    sharedMaxAge: undefined,
    maxStale: undefined,
    minFresh: undefined,
    staleWhileRevalidate: undefined,
    staleIfError: undefined,
    noCache: false,
    private: false,
    noStore: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    onlyIfCached: false,
    public: false,
  };
}

/** One directive: the name, and the value with its quotes. A quoted string may contain commas. */
const DIRECTIVE = /([^=,"]+)(?:=("(?:[^"\\]|\\[\s\S])*"|[^,]*))?[^,]*/y;

/** Parses a number of seconds: digits, possibly quoted. */
export function deltaSeconds(value: string): number | null {
  const digits = /^(?:"(\d+)"|(\d+))$/.exec(value);
  return digits === null ? null : Math.min(Number(digits[1] ?? digits[2]), MAX_DELTA);
}

function fieldsOf(value: string): Qualified {
  const names = value
    .replace(/^"|"$/g, '')
    .toLowerCase()
    .split(/[ \t,]+/);
  const fields = names.filter((name) => name !== '');
  return fields.length === 0 ? true : fields;
}

/** Adds fields to a qualified directive; without fields it applies as a whole, whatever else is there. */
function joined(earlier: Qualified, more: Qualified): Qualified {
  return earlier === true || more === true ? true : [...(earlier || []), ...(more || [])];
}

/** Index of the next character that does not separate directives; skipped here because an expression would try it repeatedly. */
function afterSeparators(text: string, from: number): number {
  let at = from;
  while (at < text.length && ', \t'.includes(text.charAt(at))) at++;
  return at;
}

/** Parses the values of a field's lines, joined by commas. */
export function parseCacheControl(text: string): ControlDirectives {
  const found = noDirectives();
  for (let at = afterSeparators(text, 0); at < text.length; at = afterSeparators(text, DIRECTIVE.lastIndex)) {
    DIRECTIVE.lastIndex = at;
    const [all, name, value] = DIRECTIVE.exec(text) ?? [];
    if (all === undefined || name === undefined || all.length === 0) {
      // A stray quote: the directive that contains it is skipped.
      const comma = text.indexOf(',', at + 1);
      if (comma < 0) break;
      DIRECTIVE.lastIndex = comma;
    } else apply(found, value === undefined ? name.trimEnd().toLowerCase() : name.toLowerCase(), value?.trimEnd());
  }
  return found;
}

function apply(found: ControlDirectives, name: string, value: string | undefined): void {
  const seconds = value === undefined ? null : deltaSeconds(value);
  switch (name) {
    case 'max-age':
      if (found.maxAge === undefined) found.maxAge = seconds;
      break;
    case 's-maxage':
      if (found.sharedMaxAge === undefined) found.sharedMaxAge = seconds;
      break;
    case 'max-stale':
      if (found.maxStale === undefined) found.maxStale = value === undefined ? Number.POSITIVE_INFINITY : seconds;
      break;
    case 'min-fresh':
      if (found.minFresh === undefined) found.minFresh = seconds;
      break;
    case 'stale-while-revalidate':
      if (found.staleWhileRevalidate === undefined) found.staleWhileRevalidate = seconds;
      break;
    case 'stale-if-error':
      if (found.staleIfError === undefined) found.staleIfError = seconds;
      break;
    case 'no-cache':
      found.noCache = joined(found.noCache, value === undefined ? true : fieldsOf(value));
      break;
    case 'private':
      found.private = joined(found.private, value === undefined ? true : fieldsOf(value));
      break;
    case 'no-store':
      found.noStore = true;
      break;
    case 'must-revalidate':
      found.mustRevalidate = true;
      break;
    case 'proxy-revalidate':
      found.proxyRevalidate = true;
      break;
    case 'must-understand':
      found.mustUnderstand = true;
      break;
    case 'only-if-cached':
      found.onlyIfCached = true;
      break;
    case 'public':
      found.public = true;
      break;
  }
}

/** Numbers of the field names that the proxy recognises. */

/** Numbers of known field names (RFC 9110 and related); 0 is any other name. */
export const Field = {
  Other: 0,
  Host: 1,
  Connection: 2,
  ContentLength: 3,
  TransferEncoding: 4,
  Upgrade: 5,
  Expect: 6,
  KeepAlive: 7,
  TE: 8,
  Trailer: 9,
  ProxyConnection: 10,
  ContentType: 11,
  Date: 12,
  Server: 13,
  Location: 14,
  LastModified: 15,
  ETag: 16,
  Range: 17,
  IfRange: 18,
  IfModifiedSince: 19,
  IfUnmodifiedSince: 20,
  IfMatch: 21,
  IfNoneMatch: 22,
  SetCookie: 23,
  CacheControl: 24,
  Expires: 25,
  AcceptEncoding: 26,
  UserAgent: 27,
  Referer: 28,
  Cookie: 29,
  XForwardedFor: 30,
  Authorization: 31,
  Via: 32,
  AcceptRanges: 33,
  ContentRange: 34,
  ContentEncoding: 35,
  Vary: 36,
  Refresh: 37,
  Link: 38,
  WwwAuthenticate: 39,
  XAccelRedirect: 40,
  XAccelExpires: 41,
  XAccelLimitRate: 42,
  XAccelBuffering: 43,
  XAccelCharset: 44,
  XPad: 45,
  Http2Settings: 46,
  ProxyAuthorization: 47,
  ProxyAuthenticate: 48,
  Status: 49,
  Allow: 50,
  Age: 51,
} as const;

const NAMES: readonly string[] = [
  '',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'proxy-connection',
  'content-type',
  'date',
  'server',
  'location',
  'last-modified',
  'etag',
  'range',
  'if-range',
  'if-modified-since',
  'if-unmodified-since',
  'if-match',
  'if-none-match',
  'set-cookie',
  'cache-control',
  'expires',
  'accept-encoding',
  'user-agent',
  'referer',
  'cookie',
  'x-forwarded-for',
  'authorization',
  'via',
  'accept-ranges',
  'content-range',
  'content-encoding',
  'vary',
  'refresh',
  'link',
  'www-authenticate',
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'x-pad',
  'http2-settings',
  'proxy-authorization',
  'proxy-authenticate',
  'status',
  'allow',
  'age',
];

/** Buckets of a small hash over length, first and last letter. */
const BUCKETS: (readonly number[] | undefined)[] = [];
for (let id = 1; id < NAMES.length; id++) {
  const name = NAMES[id] as string;
  const h = hash(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  BUCKETS[h] = [...(BUCKETS[h] ?? []), id];
}

function hash(length: number, first: number, last: number): number {
  return (length * 31 + (first | 32) * 7 + (last | 32)) & 255;
}

/** Whether `text` from `start` to `end` equals `lower` case-insensitively; `lower` contains no upper-case letter. */
export function equalsIgnoreCase(text: string, start: number, end: number, lower: string): boolean {
  const length = end - start;
  if (length !== lower.length) return false;
  for (let i = 0; i < length; i++) {
    let c = text.charCodeAt(start + i);
    if (c >= 65 && c <= 90) c |= 32;
    if (c !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** Returns the number of the field name in `text` from `start` to `end`. */
export function fieldNumber(text: string, start: number, end: number): number {
  const bucket = BUCKETS[hash(end - start, text.charCodeAt(start), text.charCodeAt(end - 1))];
  if (bucket === undefined) return Field.Other;
  for (let i = 0; i < bucket.length; i++) {
    const id = bucket[i] as number;
    if (equalsIgnoreCase(text, start, end, NAMES[id] as string)) return id;
  }
  return Field.Other;
}

/** Returns the lower-case name of a number. */
export function fieldName(id: number): string {
  return NAMES[id] ?? '';
}

/** Creates a table for `HeaderBlock.duplicate`. */
export function fieldSet(...ids: readonly number[]): readonly boolean[] {
  const set = new Array<boolean>(NAMES.length).fill(false);
  for (const id of ids) set[id] = true;
  return set;
}

/** The static table (RFC 7541 appendix A). */
import { fieldNumber } from '../../http/field-names.js';

const ENTRIES: readonly (readonly [name: string, value?: string])[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
];

/** Number of entries; their indexes begin at 1. */
export const STATIC_ENTRIES = ENTRIES.length;

/** Names by index; index 0 is not used. */
export const staticNames: readonly string[] = ['', ...ENTRIES.map(([name]) => name)];
/** Values by index. */
export const staticValues: readonly string[] = ['', ...ENTRIES.map(([, value = '']) => value)];
/** Numbers of the names (`Field`) by index; 0 for those without. */
export const staticNumbers: readonly number[] = staticNames.map((name) => fieldNumber(name, 0, name.length));

/** Indexes of the first entry of a name. */
const firsts = new Map<string, number>();
for (let index = STATIC_ENTRIES; index > 0; index--) firsts.set(staticNames[index] as string, index);

/** Returns the index of the first entry with that name (lower case), or 0. */
export function staticNameIndex(name: string): number {
  return firsts.get(name) ?? 0;
}

/** Returns the index of the entry with the name of entry `first`, the first of its name, and that value, or 0. */
export function staticFieldIndex(first: number, value: string): number {
  const name = staticNames[first];
  for (let index = first; staticNames[index] === name; index++) if (staticValues[index] === value) return index;
  return 0;
}

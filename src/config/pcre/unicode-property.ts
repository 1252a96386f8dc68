/** `\p{...}` over bytes: PCRE takes each byte as the code point of that number. */
import { ByteSet } from './byte-set.js';
import type { Cursor } from './cursor.js';
import { invalid } from './syntax.js';

/** Reads the property after `\p` or `\P`. */
export function propertySet(cursor: Cursor, negated: boolean): { readonly set: ByteSet; readonly negated: boolean } {
  const start = cursor.at;
  const match = cursor.match(/\{(\^?)\s*([\w&]+)\s*\}|([A-Za-z])/y);
  if (match === null) {
    return invalid('malformed \\P or \\p sequence', Math.min(start + 1, cursor.text.length));
  }
  const test = propertyTest(match[2] ?? match[3] ?? '') ?? invalid('unknown property after \\P or \\p', cursor.at);
  const set = new ByteSet();
  for (let byte = 0; byte < 256; byte++) {
    if (test.test(String.fromCharCode(byte))) {
      set.add(byte);
    }
  }
  return { set, negated: negated !== (match[1] === '^') };
}

/**
 * PCRE's own names. Strings, because V8 resolves Unicode properties of regular expression literals when it parses the
 * file.
 */
const OWN: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    Any: ['[\\s\\S]'],
    'L&': ['[\\p{Lu}\\p{Ll}\\p{Lt}]'],
    Xan: ['[\\p{L}\\p{N}]'],
    Xps: ['[\\p{Z}\\t\\n\\v\\f\\r]'],
    Xsp: ['[\\p{Z}\\t\\n\\v\\f\\r]'],
    Xwd: ['[\\p{L}\\p{N}_]'],
  }),
);

/** PCRE's own names, or else general categories and scripts. */
function propertyTest(name: string): RegExp | null {
  for (const notation of OWN.get(name) ?? [`\\p{General_Category=${name}}`, `\\p{Script=${name}}`]) {
    try {
      return new RegExp(notation, 'u');
    } catch {
      // Not a name of this kind.
    }
  }
  return null;
}

/** Escapes that mean one character or a class of them, inside and outside of `[...]`. */
import { type ByteSet, DIGIT, HORIZONTAL, SPACE, VERTICAL, WORD } from './byte-set.js';
import type { Cursor } from './cursor.js';
import { invalid, untranslatable } from './syntax.js';
import { propertySet } from './unicode-property.js';

export interface EscapeOptions {
  /** Characters are code points in UTF-8, not bytes. */
  readonly utf: boolean;
  readonly caseless: boolean;
}

/** A character by its number, or a class; null if the escape is neither (the cursor is then unchanged). */
export type Escape =
  | { readonly code: number }
  /** `property`: a Unicode property, `\p`. */
  | { readonly set: ByteSet; readonly negated: boolean; readonly property?: true };

/** PCRE2's message for Perl escapes that it does not support. */
export const NO_SUCH_ESCAPE = 'PCRE2 does not support \\F, \\L, \\l, \\N{name}, \\U, or \\u';

const SIMPLE: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };
const CLASSES: Readonly<Record<string, ByteSet>> = { d: DIGIT, w: WORD, s: SPACE };
const SPACES: Readonly<Record<string, ByteSet>> = { h: HORIZONTAL, v: VERTICAL };

/** Reads an escape; the cursor is after its backslash. */
export function readEscape(cursor: Cursor, options: EscapeOptions): Escape | null {
  const start = cursor.at - 1;
  const letter = cursor.next();
  const lower = letter.toLowerCase();
  if (letter === '') {
    return invalid('\\ at end of pattern', cursor.text.length);
  }
  if (!/[0-9A-Za-z]/.test(letter)) {
    return { code: letter.charCodeAt(0) };
  }
  const simple = SIMPLE[letter];
  if (simple !== undefined) {
    return { code: simple };
  }
  const set = CLASSES[lower] ?? SPACES[lower];
  if (set !== undefined) {
    if (options.utf && SPACES[lower] !== undefined) {
      untranslatable(`"\\${letter}" in UTF mode`, start, cursor.at);
    }
    return { set: set, negated: letter !== lower };
  }
  switch (letter) {
    case 'x':
      return { code: readHex(cursor, options) };
    case 'o':
      return { code: readOctalBraces(cursor, options) };
    case 'c':
      return { code: readControl(cursor) };
    case '0':
      return { code: Number.parseInt(`0${cursor.match(/[0-7]{0,2}/y)?.[0] ?? ''}`, 8) };
    case 'p':
    case 'P':
      if (options.utf) untranslatable(`"\\${letter}" in UTF mode`, start, cursor.at);
      return { ...propertySet(cursor, letter === 'P'), property: true };
    case 'F':
    case 'L':
    case 'l':
    case 'U':
    case 'u':
      return invalid(NO_SUCH_ESCAPE, cursor.at);
    default:
      cursor.at = start + 1;
      return null;
  }
}

/** Octal digits after a backslash, such as `\101`; up to three, of which the first has been read. */
export function readOctal(cursor: Cursor): number {
  const digits = cursor.match(/[0-7]{1,3}/y)?.[0] ?? '0';
  const code = Number.parseInt(digits, 8);
  return code > 0xff ? invalid('octal value is greater than \\377 in 8-bit non-UTF-8 mode', cursor.at) : code;
}

function readHex(cursor: Cursor, options: EscapeOptions): number {
  const braced = cursor.match(/\{([0-9A-Fa-f]+)\}/y)?.[1];
  if (braced !== undefined) {
    return bounded(Number.parseInt(braced, 16), cursor, options);
  }
  if (cursor.peek() === '{') {
    return invalid('non-hex character in \\x{} (closing brace missing?)', cursor.at + 1);
  }
  return Number.parseInt(`0${cursor.match(/[0-9A-Fa-f]{0,2}/y)?.[0] ?? ''}`, 16);
}

function readOctalBraces(cursor: Cursor, options: EscapeOptions): number {
  const digits = cursor.match(/\{([0-7]+)\}/y)?.[1];
  if (digits === undefined) {
    return cursor.peek() === '{'
      ? invalid('non-octal character in \\o{} (closing brace missing?)', cursor.at + 1)
      : invalid('missing opening brace after \\o', cursor.at);
  }
  return bounded(Number.parseInt(digits, 8), cursor, options);
}

function bounded(code: number, cursor: Cursor, { utf }: EscapeOptions): number {
  if (code > (utf ? 0x10ffff : 0xff)) {
    // PCRE reports the digit that makes the number too large; here the end of the escape is reported.
    invalid('character code point value in \\x{} or \\o{} is too large', cursor.at - 1);
  }
  return code;
}

function readControl(cursor: Cursor): number {
  const character = cursor.next();
  if (character === '') {
    return invalid('\\c at end of pattern', cursor.text.length);
  }
  if (!/[\x20-\x7e]/.test(character)) {
    return invalid('\\c must be followed by a printable ASCII character', cursor.at);
  }
  return character.toUpperCase().charCodeAt(0) ^ 0x40;
}

/** `[...]` */

import { isUtf8 } from 'node:buffer';
import { toText } from '../../diagnostics/byte-string.js';
import { ByteSet, POSIX } from './byte-set.js';
import type { Cursor } from './cursor.js';
import { type Escape, type EscapeOptions, readEscape, readOctal } from './escapes.js';
import { invalid, untranslatable } from './syntax.js';

export interface CharacterClass {
  /** The bytes; in UTF mode the ASCII characters. Case folding and negation are applied. */
  readonly set: ByteSet;
  /** In UTF mode, the characters beyond ASCII: these, or all except these. */
  readonly beyond: { readonly codes: readonly number[]; readonly negated: boolean };
}

type Member = Escape;

/** Reads a class; the cursor is after its `[`. */
export function readClass(cursor: Cursor, options: EscapeOptions): CharacterClass {
  const start = cursor.at - 1;
  const negated = cursor.take('^');
  const set = new ByteSet();
  const codes: number[] = [];
  let allBeyond = false;
  let first = true;
  while (first || cursor.peek() !== ']') {
    if (cursor.done) {
      invalid('missing terminating ] for character class', cursor.text.length, start);
    }
    const member = readMember(cursor, options, first);
    first = false;
    if (member === null) {
      continue;
    }
    if ('set' in member) {
      if (member.property === true && options.caseless) {
        untranslatable('"\\p" in a caseless class', start, cursor.at);
      }
      set.addAll(member.negated ? member.set.inverted() : member.set);
      allBeyond ||= member.negated;
      rejectRange(cursor);
      continue;
    }
    const to = readRangeEnd(cursor, options, member.code);
    addCodes(member.code, to ?? member.code);
  }
  cursor.at++;
  const folded = options.caseless ? set.folded() : set;
  const result = negated ? folded.inverted() : folded;
  if (options.utf) {
    keepAscii(result);
  }
  return { set: result, beyond: allBeyond ? { codes: [], negated: !negated } : { codes, negated } };

  function addCodes(from: number, to: number): void {
    if (!options.utf) {
      set.addRange(from, to);
      return;
    }
    if (from < 0x80) {
      set.addRange(from, Math.min(to, 0x7f));
    }
    if (to >= 0x80) {
      if (from !== to || options.caseless) {
        untranslatable('a range or case folding beyond ASCII in UTF mode', start, cursor.at);
      }
      codes.push(to);
    }
  }
}

function keepAscii(set: ByteSet): void {
  for (let byte = 0x80; byte < 0x100; byte++) {
    set.remove(byte);
  }
}

/** One member; null for a notation without meaning (`\E`). */
function readMember(cursor: Cursor, options: EscapeOptions, first: boolean): Member | null {
  const start = cursor.at;
  const posix = cursor.match(/\[:(\^?)([A-Za-z<>]*):\]/y);
  if (posix !== null) {
    const set = POSIX.get(posix[2] ?? '');
    if (set === undefined) {
      return invalid('unknown POSIX class name', start + 2, start);
    }
    return { set, negated: posix[1] === '^' };
  }
  if (/\[([.=])[^\]]*\1\]/y.test(cursor.text.slice(start))) {
    return invalid('POSIX collating elements are not supported', start, start);
  }
  if (first && cursor.take(']')) {
    return { code: 0x5d };
  }
  if (cursor.take('\\')) {
    return readClassEscape(cursor, options);
  }
  return { code: readCharacter(cursor, options) };
}

function readClassEscape(cursor: Cursor, options: EscapeOptions): Member | null {
  const member = readEscape(cursor, options);
  if (member !== null) {
    return member;
  }
  const letter = cursor.peek();
  if (letter === 'b') {
    cursor.at++;
    return { code: 8 };
  }
  if (letter === 'E') {
    cursor.at++;
    return null;
  }
  if (letter === 'Q') {
    return untranslatable('"\\Q" inside a character class', cursor.at - 1, cursor.at);
  }
  if (/[1-7]/.test(letter)) {
    return { code: readOctal(cursor) };
  }
  if (/[89]/.test(letter)) {
    cursor.at++;
    return { code: letter.charCodeAt(0) };
  }
  cursor.at++;
  return /[BRXN]/.test(letter)
    ? invalid('escape sequence is invalid in character class', cursor.at)
    : invalid('unrecognized character follows \\', cursor.at - 1, cursor.at - 2);
}

/** Rejects a class as the beginning of a range; PCRE2 requires the hyphen to be last, or escaped. */
function rejectRange(cursor: Cursor): void {
  if (cursor.peek() === '-' && cursor.peek(1) !== ']' && cursor.peek(1) !== '') {
    invalid('invalid range in character class', cursor.at, cursor.at);
  }
}

/** The end of a range whose first character is `from`; null if no range follows. */
function readRangeEnd(cursor: Cursor, options: EscapeOptions, from: number): number | null {
  if (cursor.peek() !== '-' || cursor.peek(1) === ']' || cursor.peek(1) === '') {
    return null;
  }
  const hyphen = cursor.at++;
  const end = readMember(cursor, options, false);
  if (end === null || 'set' in end) {
    return invalid('invalid range in character class', cursor.at, hyphen - 1);
  }
  return end.code < from ? invalid('range out of order in character class', cursor.at - 1, hyphen - 1) : end.code;
}

/** One literal character: a byte, or in UTF mode all bytes of a character. */
export function readCharacter(cursor: Cursor, { utf }: EscapeOptions): number {
  const character = utf ? cursor.match(/[\xc2-\xf4][\x80-\xbf]+/y)?.[0] : undefined;
  if (character === undefined) {
    return cursor.next().charCodeAt(0);
  }
  return toText(character).codePointAt(0) ?? 0;
}

/** Rejects an expression that is not UTF-8. */
export function requireUtf8(text: string): void {
  if (!isUtf8(Buffer.from(text, 'latin1'))) {
    invalid('UTF-8 error: the pattern is not valid UTF-8', text.length, 0);
  }
}

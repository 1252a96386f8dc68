/**
 * Notation of words: where a word ends, its value, and how a value is written. The rules are those of
 * `ngx_conf_read_token` in nginx's `src/core/ngx_conf_file.c`.
 */
import type { Quote, Word } from './syntax-tree.js';

// Bytes with a meaning in the language.
export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const DOUBLE_QUOTE = 34;
export const HASH = 35;
export const DOLLAR = 36;
export const SINGLE_QUOTE = 39;
export const CLOSING_PARENTHESIS = 41;
export const SEMICOLON = 59;
export const BACKSLASH = 92;
export const OPENING_BRACE = 123;
export const CLOSING_BRACE = 125;

/** True for the four bytes that separate words: space, tab, CR and LF. False for `NaN` (past the end of a text). */
export function isSpace(code: number): boolean {
  return code === SPACE || code === LF || code === TAB || code === CR;
}

/**
 * End offset of the unquoted word that begins at `start`: at a space, a `;`, a `{` not preceded by `$`, or the end of
 * the text. A backslash escapes any next character; quotes, `#` and `}` inside the word are plain characters.
 */
export function plainWordEnd(text: string, start: number): number {
  const length = text.length;
  let offset = start;
  let afterDollar = false;
  while (offset < length) {
    const code = text.charCodeAt(offset);
    if (code === BACKSLASH) {
      afterDollar = false;
      offset += 2;
      continue;
    }
    if (code === OPENING_BRACE) {
      if (!afterDollar) return offset;
    } else {
      if (code === SEMICOLON || isSpace(code)) return offset;
      afterDollar = code === DOLLAR;
    }
    offset++;
  }
  return length;
}

/** Offset of the quote that closes the word whose opening quote is at `start`, or -1 if the text ends first. */
export function closingQuote(text: string, start: number): number {
  const length = text.length;
  const quote = text.charCodeAt(start);
  for (let offset = start + 1; offset < length; offset++) {
    const code = text.charCodeAt(offset);
    if (code === BACKSLASH) offset++;
    else if (code === quote) return offset;
  }
  return -1;
}

/** Whether `code` may follow a closing quote: space, `;`, `{`, `)` (which begins the next word), or the end of the text (`NaN`). */
export function mayFollowQuote(code: number): boolean {
  return (
    isSpace(code) || code === SEMICOLON || code === OPENING_BRACE || code === CLOSING_PARENTHESIS || Number.isNaN(code)
  );
}

const ESCAPE = /\\(["'\\trn])/g;
const ESCAPED: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };

/** Value of the text between the quotes, or of an unquoted word. */
export function readValue(written: string): string {
  if (!written.includes('\\')) return written;
  return written.replace(ESCAPE, (_, escaped: string) => ESCAPED[escaped] ?? escaped);
}

function isPlain(value: string): boolean {
  const first = value.charCodeAt(0);
  if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE || first === HASH || first === CLOSING_BRACE) return false;
  return (
    value !== '' && plainWordEnd(value, 0) === value.length && !endsInBackslash(value) && readValue(value) === value
  );
}

/** Whether the last backslash would escape the character after the value. */
function endsInBackslash(value: string): boolean {
  let count = 0;
  while (value.charCodeAt(value.length - 1 - count) === BACKSLASH) count++;
  return count % 2 === 1;
}

/** Writes a value with the given quote, or with a double quote if it needs one and none is given. */
export function writeValue(value: string, quote: Quote): string {
  if (quote === '' && isPlain(value)) return value;
  const mark = quote === '' ? '"' : quote;
  // Only a backslash that would be read as an escape, or would escape the closing quote, is doubled; doubling every one
  // would make regular expressions unreadable.
  const escaped = value.replace(/\\(?=["'\\trn]|$)/g, '\\\\');
  return mark + escaped.replaceAll(mark, `\\${mark}`) + mark;
}

/**
 * Writes a word: as in its source if that still yields its value (so that escapes and line breaks inside quotes are
 * kept), otherwise quoted as far as needed.
 */
export function writeWord(word: Word): string {
  const written = word.source.text.slice(word.start, word.end);
  if (word.quote === '') {
    if (isWrittenPlain(written) && readValue(written) === word.text) return written;
  } else if (
    written.length >= 2 &&
    written.startsWith(word.quote) &&
    closingQuote(written, 0) === written.length - 1 &&
    readValue(written.slice(1, -1)) === word.text
  ) {
    return written;
  }
  return writeValue(word.text, word.quote);
}

function isWrittenPlain(written: string): boolean {
  const first = written.charCodeAt(0);
  if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE || first === HASH || first === CLOSING_BRACE) return false;
  return written !== '' && plainWordEnd(written, 0) === written.length && !endsInBackslash(written);
}

/** Upper bound of the number of words, semicolons and braces in a text; found without parsing it. */
export function wordsAtMost(text: string): number {
  let count = 0;
  let starts = true;
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset);
    if (isSpace(code)) {
      starts = true;
      continue;
    }
    // A word begins after a space, or after one of these.
    const parts = PARTS.has(code);
    if (starts || parts) count++;
    starts = parts;
  }
  return count;
}

const PARTS: ReadonlySet<number> = new Set([SEMICOLON, OPENING_BRACE, CLOSING_BRACE, DOUBLE_QUOTE, SINGLE_QUOTE]);

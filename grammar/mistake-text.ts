/** Parts of a text that messages about mistakes quote or depend on. */
import { CR, isSpace } from './words.js';

/** The character at an offset with all its UTF-8 bytes. */
export function characterAt(text: string, offset: number): string {
  let end = offset + 1;
  if (text.charCodeAt(offset) >= 0xc0) {
    while (end < offset + 4 && (text.charCodeAt(end) & 0xc0) === 0x80) end++;
  }
  return text.slice(offset, end);
}

/** The blanks before the first word of a line, up to an offset in it. */
export function indentationAt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  return text.slice(lineStart, lineStart + (/^[ \t]*/.exec(text.slice(lineStart, offset))?.[0].length ?? 0));
}

/**
 * nginx's message for a bracket in place of a `}`: it begins a statement that lasts until the next `;` or brace. Null if
 * none follows.
 */
export function sentenceOfBracket(text: string, end: number, bracket: string): string | null {
  const [terminator] = /[;{}]/.exec(text.slice(end)) ?? [];
  if (terminator === undefined) return null;
  return terminator === '}' ? 'unexpected "}"' : `unknown directive "${bracket}"`;
}

/**
 * Bytes that a word or comment occupies in nginx's buffer: the space that ends a word and the CR after a comment are
 * included, other terminators are not.
 */
export function heldBytes(text: string, start: number, end: number, isComment: boolean): number {
  const next = text.charCodeAt(end);
  return end - start + Number(isComment ? next === CR : isSpace(next));
}

/** Help for a missing `{` after these words; `instead` is the character in its place, or empty. */
export function helpForOpening(words: string, instead: string): string {
  if (instead === ';') return 'by the indentation, this ";" should be a "{"';
  if (instead !== '') return `a block begins with "{", not with "${instead}"`;
  return `"{" is missing after "${words.slice(0, 60)}": by the indentation, the following lines belong inside`;
}

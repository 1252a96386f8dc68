/** Line and column numbers of offsets. */
import { BYTE_ORDER_MARK } from './lexer.js';
import type { Source } from './syntax-tree.js';
import { CR } from './words.js';

/** A position in a source, as shown to the user. */
export interface Position {
  /** From 1. Lines end with LF, as nginx counts them. */
  readonly line: number;
  /** From 1, in characters (UTF-8 code points, not bytes). */
  readonly column: number;
}

interface Lines {
  /** Start offset of each line. */
  readonly starts: readonly number[];
  /** The last position queried: columns on one long line are counted on from there. */
  last: { line: number; offset: number; column: number };
}

const cache = new WeakMap<Source, Lines>();

function linesOf(source: Source): Lines {
  let lines = cache.get(source);
  if (!lines) {
    const { text } = source;
    // A byte order mark is not a character of the first line.
    const starts = [text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    lines = { starts, last: { line: 0, offset: 0, column: 1 } };
    cache.set(source, lines);
  }
  return lines;
}

/** Index of the line that contains `offset`. */
function lineIndex(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Offset of the line break that ends a line (of its CR if it is CR LF), or the end of the text. */
function lineEnd(source: Source, starts: readonly number[], index: number): number {
  const next = starts[index + 1];
  if (next === undefined) return source.text.length;
  const end = next - 1;
  return end > (starts[index] ?? 0) && source.text.charCodeAt(end - 1) === CR ? end - 1 : end;
}

/**
 * Line and column of an offset. An offset inside a line break, or past the end of the text, counts as the position
 * after the last character of its line.
 */
export function positionOf(source: Source, offset: number): Position {
  const lines = linesOf(source);
  const index = lineIndex(lines.starts, offset);
  const start = lines.starts[index] ?? 0;
  const target = Math.max(start, Math.min(offset, lineEnd(source, lines.starts, index)));
  const { last } = lines;
  const resumes = last.line === index + 1 && last.offset <= target;
  let column = resumes ? last.column : 1;
  for (let at = resumes ? last.offset : start; at < target; at++) {
    // Every byte except a UTF-8 continuation byte begins a character.
    if ((source.text.charCodeAt(at) & 0xc0) !== 0x80 || at === start) column++;
  }
  lines.last = { line: index + 1, offset: target, column };
  return { line: index + 1, column };
}

/** Number of lines of a source; a line break at the very end begins one more, empty line. */
export function lineCount(source: Source): number {
  return linesOf(source).starts.length;
}

/** Bytes of a line (from 1) without its line break; empty if there is no such line. */
export function lineText(source: Source, line: number): string {
  const { starts } = linesOf(source);
  const start = starts[line - 1];
  return start === undefined ? '' : source.text.slice(start, lineEnd(source, starts, line - 1));
}

/** Start offset of a line (from 1); the end of the text if there is no such line. */
export function lineStart(source: Source, line: number): number {
  return linesOf(source).starts[line - 1] ?? source.text.length;
}

/** Offset of a line and column, as counted by `positionOf`; the end of the line if the line is shorter. */
export function offsetOf(source: Source, { line, column }: Position): number {
  const start = lineStart(source, line);
  const end = start + lineText(source, line).length;
  let at = start;
  for (let left = column - 1; left > 0 && at < end; left--) {
    at++;
    while (at < end && (source.text.charCodeAt(at) & 0xc0) === 0x80) at++;
  }
  return at;
}

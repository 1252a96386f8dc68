/**
 * Positions of the language server protocol in texts of bytes: lines and UTF-16 code units, both from 0. A line ends with LF,
 * CR LF, or CR.
 */
import type { Position, Range } from 'vscode-languageserver/node';
import type { Source, Span } from '../../grammar/syntax-tree.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';

const LINE_BREAK = /\r\n|\n|\r/g;
const NOT_ASCII = /[\x80-\xff]/;

/** Converts between offsets and positions of one text. */
export class BytePositions {
  /** Offsets of the starts of lines. */
  private readonly starts: number[] = [0];
  /** Offsets of the ends of lines, before the line break. */
  private readonly ends: number[] = [];

  constructor(private readonly text: string) {
    for (const { 0: lineBreak, index } of text.matchAll(LINE_BREAK)) {
      this.ends.push(index);
      this.starts.push(index + lineBreak.length);
    }
    this.ends.push(text.length);
  }

  /** Position of an offset; an offset inside a line break or a character has the position of its start. */
  positionAt(offset: number): Position {
    const line = this.lineAt(offset);
    const start = this.start(line);
    let end = Math.max(start, Math.min(offset, this.end(line)));
    while (end > start && end < this.text.length && (this.text.charCodeAt(end) & 0xc0) === 0x80) end--;
    const before = this.text.slice(start, end);
    return { line, character: NOT_ASCII.test(before) ? toText(before).length : before.length };
  }

  /** Offset of a position; a position past the end of a line or of the text has the offset of the end. */
  offsetAt({ line, character }: Position): number {
    if (line >= this.starts.length) return this.text.length;
    const start = this.start(line);
    const bytes = this.text.slice(start, this.end(line));
    if (!NOT_ASCII.test(bytes)) return start + Math.max(0, Math.min(character, bytes.length));
    const before = toText(bytes).slice(0, Math.max(0, character));
    // The first half of a surrogate pair has no bytes of its own.
    return start + toBytes(before.replace(/[\ud800-\udbff]$/, '')).length;
  }

  rangeOf({ start, end }: Pick<Span, 'start' | 'end'>): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** Offset of the start of a line; the end of the text if there is no such line. */
  start(line: number): number {
    return this.starts[line] ?? this.text.length;
  }

  /** Offset of the end of a line, before its line break. */
  end(line: number): number {
    return this.ends[line] ?? this.text.length;
  }

  private lineAt(offset: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.start(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

const cache = new WeakMap<Source, BytePositions>();

/** Positions of a source, computed once. */
export function positionsOf(source: Source): BytePositions {
  let positions = cache.get(source);
  if (positions === undefined) cache.set(source, (positions = new BytePositions(source.text)));
  return positions;
}

export function rangeOf(span: Span): Range {
  return positionsOf(span.source).rangeOf(span);
}

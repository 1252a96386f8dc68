/** Shows a stretch of a text with its exact words underlined. */
import { lineStart, lineText, positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { shown } from './place.js';
import type { Style } from './style.js';

/** A line longer than this is shown around the place only. */
const WIDEST = 120;
/** Characters kept before the place in a line that is cut. */
const LEAD = 40;
/** Bytes of a line beyond which only the part around the place is looked at. */
const LONG = 4096;
/** A stretch over more lines than this is shown up to here. */
const MOST_LINES = 3;

/** The lines of the frame. `paint` colours the underline. */
export function codeFrame(at: Span, style: Style, paint: (text: string) => string): string[] {
  const first = positionOf(at.source, at.start);
  const last = positionOf(at.source, Math.max(at.start, at.end - 1));
  const end = Math.min(last.line, first.line + MOST_LINES - 1);
  const margin = String(end).length;
  const bar = style.faint(`${' '.repeat(margin + 1)}|`);
  const frame = [bar];
  for (let line = first.line; line <= end; line++) {
    const place = line === first.line ? at.start - lineStart(at.source, line) : 0;
    const { characters, skipped } = around(lineText(at.source, line), place, line === first.line ? first.column : 1);
    const blank = characters.findIndex((character) => character !== ' ');
    const from = line === first.line ? first.column - 1 - skipped : Math.max(0, blank);
    const to = line === last.line ? (at.end > at.start ? last.column - skipped : from) : characters.length;
    const window = cut(characters, from, skipped > 0);
    frame.push(`${style.faint(`${String(line).padStart(margin)} |`)} ${window.text}`);
    const width = Math.max(1, Math.min(to, window.end) - from);
    frame.push(`${bar} ${' '.repeat(window.offset + from - window.start)}${paint('^'.repeat(width))}`);
  }
  if (end < last.line) {
    frame.push(`${bar} ...`);
  }
  return frame;
}

/**
 * The characters of a line; of a long one those around a place (its offset and column), and how many were skipped before.
 * A line may be the whole of a large file, and have as many findings as words.
 */
function around(
  line: string,
  place: number,
  column: number,
): { readonly characters: readonly string[]; readonly skipped: number } {
  if (line.length <= LONG) return { characters: [...shown(line)].map(visible), skipped: 0 };
  let start = Math.max(0, place - LONG / 2);
  // Not in the middle of a character of UTF-8.
  while (start > 0 && start < place && (line.charCodeAt(start) & 0xc0) === 0x80) start++;
  const characters = [...shown(line.slice(start, start + LONG))].map(visible);
  return { characters, skipped: column - 1 - [...shown(line.slice(start, place))].length };
}

/** A tab becomes one space, so that the underline fits; other control characters must not reach a terminal. */
function visible(character: string): string {
  if (character === '\t') {
    return ' ';
  }
  return /[\x00-\x1f\x7f-\x9f]/.test(character) ? '\u00b7' : character;
}

interface Window {
  readonly text: string;
  /** The characters shown: from `start` up to but not including `end`. */
  readonly start: number;
  readonly end: number;
  /** Columns that the mark of the cut takes. */
  readonly offset: number;
}

function cut(characters: readonly string[], column: number, skipped: boolean): Window {
  if (characters.length <= WIDEST && !skipped) {
    return { text: characters.join(''), start: 0, end: characters.length, offset: 0 };
  }
  const start = column <= WIDEST - LEAD ? 0 : column - LEAD;
  const end = Math.min(characters.length, start + WIDEST);
  const before = start > 0 || skipped ? '...' : '';
  const after = end < characters.length ? '...' : '';
  return { text: before + characters.slice(start, end).join('') + after, start, end, offset: before.length };
}

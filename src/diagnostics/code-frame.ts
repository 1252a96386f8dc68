/** Shows a stretch of a text with its exact words underlined. */
import { lineText, positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { shown } from './place.js';
import type { Style } from './style.js';

/** A line longer than this is shown around the place only. */
const WIDEST = 120;
/** Characters kept before the place in a line that is cut. */
const LEAD = 40;
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
    const characters = [...shown(lineText(at.source, line))].map(visible);
    const blank = characters.findIndex((character) => character !== ' ');
    const from = line === first.line ? first.column - 1 : Math.max(0, blank);
    const to = line === last.line ? (at.end > at.start ? last.column : from) : characters.length;
    const window = cut(characters, from);
    frame.push(`${style.faint(`${String(line).padStart(margin)} |`)} ${window.text}`);
    const width = Math.max(1, Math.min(to, window.end) - from);
    frame.push(`${bar} ${' '.repeat(window.offset + from - window.start)}${paint('^'.repeat(width))}`);
  }
  if (end < last.line) {
    frame.push(`${bar} ...`);
  }
  return frame;
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

function cut(characters: readonly string[], column: number): Window {
  if (characters.length <= WIDEST) {
    return { text: characters.join(''), start: 0, end: characters.length, offset: 0 };
  }
  const start = column <= WIDEST - LEAD ? 0 : column - LEAD;
  const end = Math.min(characters.length, start + WIDEST);
  const before = start > 0 ? '...' : '';
  const after = end < characters.length ? '...' : '';
  return { text: before + characters.slice(start, end).join('') + after, start, end, offset: before.length };
}

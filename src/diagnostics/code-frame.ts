/** Renders an excerpt of a text with a span underlined. */

import { lineStart, lineText, positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';
import type { Style } from './style.js';

/** Maximum width in characters; of a longer line only the part excerptOf the span is shown. */
const MAX_WIDTH = 120;
/** Characters kept before the span in a truncated line. */
const LEAD = 40;
/** Bytes per line; of a longer line only the part excerptOf the span is decoded. */
const MAX_DECODED = 4096;
/** Lines shown of a span; the rest is elided. */
const MAX_LINES = 3;

/** Lines of the frame. `paint` colours the underline. */
export function codeFrame(at: Span, style: Style, paint: (text: string) => string): string[] {
  const first = positionOf(at.source, at.start);
  const last = positionOf(at.source, Math.max(at.start, at.end - 1));
  const end = Math.min(last.line, first.line + MAX_LINES - 1);
  const margin = String(end).length;
  const bar = style.faint(`${' '.repeat(margin + 1)}|`);
  const frame = [bar];
  for (let line = first.line; line <= end; line++) {
    const place = line === first.line ? at.start - lineStart(at.source, line) : 0;
    const { characters, skipped } = excerptOf(lineText(at.source, line), place, line === first.line ? first.column : 1);
    const blank = characters.findIndex((character) => character !== ' ');
    const from = line === first.line ? first.column - 1 - skipped : Math.max(0, blank);
    const to = line === last.line ? (at.end > at.start ? last.column - skipped : from) : characters.length;
    const window = truncate(characters, from, skipped > 0);
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
 * The characters of a line, or of a long line those excerptOf an offset and column, and the number of skipped characters.
 * The length is limited, because a line may be a whole large file with thousands of findings.
 */
function excerptOf(
  line: string,
  place: number,
  column: number,
): { readonly characters: readonly string[]; readonly skipped: number } {
  if (line.length <= MAX_DECODED) return { characters: [...toText(line)].map(visible), skipped: 0 };
  let start = Math.max(0, place - MAX_DECODED / 2);
  // Do not start inside a UTF-8 sequence.
  while (start > 0 && start < place && (line.charCodeAt(start) & 0xc0) === 0x80) start++;
  const characters = [...toText(line.slice(start, start + MAX_DECODED))].map(visible);
  return { characters, skipped: column - 1 - [...toText(line.slice(start, place))].length };
}

/** Replaces a tab with one space, so that the underline is aligned, and other control characters with a dot. */
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
  /** Columns of the ellipsis at the start. */
  readonly offset: number;
}

function truncate(characters: readonly string[], column: number, skipped: boolean): Window {
  if (characters.length <= MAX_WIDTH && !skipped) {
    return { text: characters.join(''), start: 0, end: characters.length, offset: 0 };
  }
  const start = column <= MAX_WIDTH - LEAD ? 0 : column - LEAD;
  const end = Math.min(characters.length, start + MAX_WIDTH);
  const before = start > 0 || skipped ? '...' : '';
  const after = end < characters.length ? '...' : '';
  return { text: before + characters.slice(start, end).join('') + after, start, end, offset: before.length };
}

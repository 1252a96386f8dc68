/** Places of statements, without depending on the grammar: serving processes do not load it. */
import type { Source, Span } from '../../grammar/syntax-tree.js';

/** Position of a directive. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Start offsets of the lines of a text. */
const lineStarts = new WeakMap<Source, readonly number[]>();

/** The place of a statement or word. */
export function placeOf({ source, start }: Span): Place {
  let starts = lineStarts.get(source);
  if (starts === undefined) {
    starts = startsOf(source.text);
    lineStarts.set(source, starts);
  }
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= start) low = middle + 1;
    else high = middle;
  }
  return { file: source.name, line: low, column: start - (starts[low - 1] ?? 0) + 1 };
}

function startsOf(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}

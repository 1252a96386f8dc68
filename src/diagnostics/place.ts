/** Human-readable names of positions. */

import { positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';

/** Name of the source with the text of `-g`. */
export const COMMAND_LINE = 'command line';

/** `FILE:LINE:COLUMN`, the format that editors and terminals recognize. */
export function fileLineColumn(at: Span): string {
  const { line, column } = positionOf(at.source, at.start);
  return `${toText(at.source.name)}:${line}:${column}`;
}

/** Places listed in a line of text; further ones are counted. */
const MAX_PLACES = 4;

/** `a.conf:1:2, b.conf:3:4 and 5 more` */
export function placesText(places: readonly Span[]): string {
  const named = places.slice(0, MAX_PLACES).map(fileLineColumn).join(', ');
  return places.length > MAX_PLACES ? `${named} and ${places.length - MAX_PLACES} more` : named;
}

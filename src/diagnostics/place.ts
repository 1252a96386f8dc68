/** How places are named to a person. */
import { positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';

/** The name of the source that holds the text of `-g`. */
export const COMMAND_LINE = 'command line';

/** Bytes (latin1) as the text they encode, for showing: UTF-8 where it is. */
export function shown(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** `FILE:LINE` as nginx ends its sentences, or `command line`. */
export function fileAndLine(at: Span): string {
  if (at.source.name === COMMAND_LINE) {
    return COMMAND_LINE;
  }
  return `${shown(at.source.name)}:${positionOf(at.source, at.start).line}`;
}

/** `FILE:LINE:COLUMN`, as editors and terminals understand it. */
export function fileLineColumn(at: Span): string {
  const { line, column } = positionOf(at.source, at.start);
  return `${shown(at.source.name)}:${line}:${column}`;
}

/** Where things are written, without the grammar: what serves traffic does not load it. */
import type { Statement } from '../../grammar/syntax-tree.js';
import type { Place } from './checked-config.js';

/** The place of a statement. */
export function placeOf({ source, start }: Statement): Place {
  let line = 1;
  let lineStart = 0;
  for (let end = source.text.indexOf('\n'); end >= 0 && end < start; end = source.text.indexOf('\n', end + 1)) {
    line++;
    lineStart = end + 1;
  }
  return { file: source.name, line, column: start - lineStart + 1 };
}

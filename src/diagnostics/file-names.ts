/** File names in machine-readable output. */

import type { Source } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';
import { COMMAND_LINE } from './place.js';

/** Name of a source, relative to `directory` (with trailing slash) if it is inside; null if it is not a file. */
export function fileName({ name }: Source, directory: string): string | null {
  if (name === COMMAND_LINE) return null;
  const file = toText(name);
  return file.startsWith(directory) ? file.slice(directory.length) : file;
}

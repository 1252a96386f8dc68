/** File names as programs are told them. */
import type { Source } from '../../grammar/syntax-tree.js';
import { COMMAND_LINE, shown } from './place.js';

/** The name of a source from a directory (with its final slash) where it is in it, or as it is; null where it is no file. */
export function fileName({ name }: Source, directory: string): string | null {
  if (name === COMMAND_LINE) return null;
  const file = shown(name);
  return file.startsWith(directory) ? file.slice(directory.length) : file;
}

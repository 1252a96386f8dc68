/** Arguments of `client_body_temp_path`, `proxy_temp_path` and similar directives. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from './argument-types.js';
import type { ArgumentType } from './directive.js';
import { parseInteger } from './units.js';

/** nginx takes the names of subdirectories from a number of ten digits. */
export const DIGITS = 10;

/** A directory for temporary files. */
export interface TemporaryPath {
  /** Without a trailing slash. */
  readonly path: string;
  /** Number of digits in the names of subdirectories, the outermost first; empty for none. */
  readonly levels: readonly number[];
}

/** The directory, resolved against the prefix, and the levels of subdirectories. */
export const temporaryPath: ArgumentType<TemporaryPath> = custom(
  'path [level1 [level2 [level3]]]',
  1,
  4,
  (words, c) => {
    const [path, ...levels] = words as [Word, ...Word[]]; // at least one word: `min`
    let digits = 0;
    const lengths = levels.map((level) => {
      const length = parseInteger(level.text) ?? 0;
      digits += length;
      if (length === 0 || digits > DIGITS) {
        c.fail(level, 'invalid-value', `"${c.directive}" directive invalid value`, {
          help: 'the path may be followed by up to three levels of subdirectories, each given as the length of their names: 1 2',
        });
      }
      return length;
    });
    const text = path.text.length > 1 ? path.text.replace(/\/$/, '') : path.text;
    return { path: c.path(text, 'prefix'), levels: lengths };
  },
);

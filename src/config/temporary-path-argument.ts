/** The arguments of `client_body_temp_path`, `proxy_temp_path` and their like. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from './argument-types.js';
import type { ArgumentType } from './directive.js';
import { parseInteger } from './units.js';

/** nginx cuts the names of subdirectories out of a number of ten digits. */
const CHARACTERS = 10;

/** The directory, absolute from the prefix. The levels of subdirectories are accepted; none are made. */
export const temporaryPath: ArgumentType<string> = custom('path [level1 [level2 [level3]]]', 1, 4, (words, c) => {
  const [path, ...levels] = words as [Word, ...Word[]]; // at least one word: `min`
  let characters = 0;
  for (const level of levels) {
    const length = parseInteger(level.text) ?? 0;
    characters += length;
    if (length === 0 || characters > CHARACTERS) {
      c.fail(level, 'invalid-value', `"${c.directive}" directive invalid value`, {
        help: 'after the path come up to three levels of subdirectories, each the length of their names: 1 2',
      });
    }
  }
  return c.path(path.text.length > 1 ? path.text.replace(/\/$/, '') : path.text, 'prefix');
});

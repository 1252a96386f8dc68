/** Regular expressions in a configuration; their named groups define variables. */
import type { Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext } from './directive.js';
import { translate } from './pcre/translate.js';
import type { PatternData } from './template.js';
import { spanInWord } from './template-parser.js';

export interface PatternOptions {
  /** Matching is case-insensitive (`~*`). */
  readonly caseless?: boolean;
  /** Offset of the expression in the word's text, such as after the `~` of a map's key or a server name. */
  readonly from?: number;
}

/**
 * Parses the regular expression in a word. Fails with nginx's message if PCRE would reject it, and with the reason if
 * it uses a PCRE feature that the parser does not support. Group names are returned in lower case, as nginx stores its
 * variables.
 */
export function parsePattern(word: Word, c: ArgumentContext, options: PatternOptions = {}): PatternData {
  const from = options.from ?? 0;
  const written = word.text.slice(from);
  const result = translate(written, options.caseless ?? false);
  if ('mistake' in result) {
    const { mistake } = result;
    const rest = written.slice(mistake.at);
    const where = rest === '' ? '' : ` at "${rest}"`;
    c.fail(
      spanInWord(word, from + mistake.from, from + Math.max(mistake.at, mistake.from + 1)),
      mistake.untranslatable ? 'untranslatable-regex' : 'invalid-regex',
      `pcre2_compile() failed: ${mistake.message} in "${written}"${where}`,
      mistake.help === undefined ? {} : { help: mistake.help },
    );
  }
  for (const name of result.pattern.names) {
    c.defines(name, word);
  }
  return result.pattern;
}

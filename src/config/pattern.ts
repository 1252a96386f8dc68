/** Regular expressions in a configuration; their named groups become variables. */
import type { Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext } from './directive.js';
import { translate } from './pcre/translate.js';
import type { PatternData } from './template.js';
import { spanInWord } from './template-parser.js';

export interface PatternOptions {
  /** Letters match without regard to case (`~*`). */
  readonly caseless?: boolean;
  /** Where the expression begins in the word's text: after the `~` of a map's key or a server name. */
  readonly from?: number;
}

/**
 * The pattern that a word holds. Fails with nginx's sentence where PCRE would refuse it, and with the reason where the
 * parser does not know what PCRE knows. Names of groups come out in lower case, as nginx keeps its variables.
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

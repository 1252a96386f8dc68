/** Regular expressions in a configuration: PCRE's text becomes JavaScript's, and its named groups become variables. */
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
 * The pattern that a word holds. Fails with nginx's sentence where PCRE would refuse it, and with the reason where
 * JavaScript has no exact counterpart. Names of groups come out in lower case, as nginx keeps its variables.
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
  if (result.differing.length > 0) {
    const groups = result.differing.map((index) => `$${index}`).join(', ');
    c.report(
      spanInWord(word, from, word.text.length),
      'regex-capture-differs',
      `what ${groups} holds after "${written}" has matched may differ from nginx`,
      {
        severity: 'warning',
        help: 'the group stands in a repeated part that does not match it each time: PCRE keeps its last match, JavaScript forgets it',
      },
    );
  }
  for (const name of result.pattern.names) {
    c.defines(name, word);
  }
  return result.pattern;
}

/** Words that the syntax of a directive allows literally: `on | off`, `[nodelay]`, `[type=http | tcp]`. */
import { isPlaceholder } from '../config/suggest-parameter.js';

export interface SyntaxWords {
  /** Words without a value. */
  readonly flags: readonly string[];
  /** Parameters `name=value` by name, each with the values that the syntax lists. */
  readonly parameters: ReadonlyMap<string, readonly string[]>;
}

const TOKEN = /\[|\]|\||[^\s[\]|]+/g;

/** Form of words that may be literal; placeholders of a single directive are recognised by their form. */
const LITERAL = /^[A-Za-z*@][\w.*-]*$|^\d[\d.]*$|^\/dev\/\w+$/;

/** Placeholders that stand for a value only beside alternatives or in brackets. */
const VALUES: ReadonlySet<string> = new Set(
  'browser ciphers code-code digit directory duration email groups host letter method methods mime-type module.function network origin part percentage protocol prefix response secret seconds service token type ttl user version weight zone'.split(
    ' ',
  ),
);

/** Words that are values in `timeout=time timeout` and literal among alternatives. */
const ALTERNATIVES: ReadonlySet<string> = new Set(['text', 'timeout']);

const cache = new Map<string, SyntaxWords>();

/** @param syntax as in `ArgumentType` */
export function syntaxWords(syntax: string): SyntaxWords {
  let words = cache.get(syntax);
  if (words === undefined) cache.set(syntax, (words = read(syntax)));
  return words;
}

function read(syntax: string): SyntaxWords {
  const flags = new Set<string>();
  const parameters = new Map<string, string[]>();
  const tokens = syntax.match(TOKEN) ?? [];
  let depth = 0;
  /** Values of the current parameter, to which alternatives may be added. */
  let values: string[] | null = null;
  tokens.forEach((token, i) => {
    if (token === '[' || token === ']') depth += token === '[' ? 1 : -1;
    const follows = tokens[i - 1] === '|';
    if (!follows && token !== '|') values = null;
    if (token === '[' || token === ']' || token === '|') return;
    const [, name, value = ''] = /^([\w.-]+)=(.*)$/.exec(token) ?? [];
    if (name !== undefined) {
      const own = parameters.get(name) ?? [];
      parameters.set(name, own);
      // In `type=string | number`, the names of types are the values.
      const isType = name.endsWith('type') && tokens[i + 1] === '|';
      values = isType || isLiteral(value) ? own : null;
      if (values !== null && !own.includes(value)) own.push(value);
    } else if (values !== null) {
      if (/^\w+$/.test(token) && token !== 'mask') values.push(token);
    } else {
      const isAlternative = follows || tokens[i + 1] === '|';
      const isWord = isLiteral(token) || (isAlternative && ALTERNATIVES.has(token));
      if (isWord && (depth > 0 || isAlternative)) flags.add(token);
    }
  });
  return { flags: [...flags], parameters };
}

function isLiteral(word: string): boolean {
  return LITERAL.test(word) && !/^[A-Z]{1,4}$|^NAME$/.test(word) && !isPlaceholder(word) && !VALUES.has(word);
}

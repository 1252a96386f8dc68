/** The condition of an `if`: `($variable)`, `($variable = text)`, `($variable ~* regex)`, `(!-f file)`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from './argument-types.js';
import type { ArgumentContext, ArgumentType } from './directive.js';
import { parsePattern } from './pattern.js';
import type { PatternData, TemplateData } from './template.js';
import { parseTemplate, spanInWord } from './template-parser.js';

/** File tests: regular file, directory, any existing entry, executable. */
export type FileTest = 'f' | 'd' | 'e' | 'x';

export type Condition =
  /** The variable is neither empty nor `0`. */
  | { readonly test: 'true'; readonly variable: string }
  | { readonly test: 'equal'; readonly variable: string; readonly value: TemplateData; readonly negated: boolean }
  | { readonly test: 'match'; readonly variable: string; readonly pattern: PatternData; readonly negated: boolean }
  | { readonly test: FileTest; readonly path: TemplateData; readonly negated: boolean };

/** The words between `(` and `)`; the parentheses may be separate words or adjoin the words beside them. */
export const condition: ArgumentType<Condition> = custom('(condition)', 1, Number.POSITIVE_INFINITY, parse);

function parse(words: readonly Word[], c: ArgumentContext): Condition {
  const inner = withoutParentheses(words, c);
  const [first, second, third] = inner;
  if (first === undefined) return invalid(words[0] as Word, c); // at least one word: `min` is 1
  if (first.text.length > 1 && first.text.startsWith('$')) {
    const variable = first.text.slice(1).toLowerCase();
    if (inner.length !== 1 && inner.length !== 3) return invalid(first, c, helpFor(inner));
    c.uses(variable, first);
    if (second === undefined || third === undefined) return { test: 'true', variable };
    return comparison(variable, second, third, c);
  }
  const negated = first.text.startsWith('!');
  const operator = negated ? first.text.slice(1) : first.text;
  const test = operator.startsWith('-') && operator.length === 2 ? operator.charAt(1) : '';
  if (second === undefined || inner.length !== 2) return invalid(first, c);
  if (test !== 'f' && test !== 'd' && test !== 'e' && test !== 'x') return invalid(first, c);
  return { test, path: parseTemplate(second, c), negated };
}

function comparison(variable: string, operator: Word, operand: Word, c: ArgumentContext): Condition {
  switch (operator.text) {
    case '=':
    case '!=':
      return { test: 'equal', variable, value: parseTemplate(operand, c), negated: operator.text === '!=' };
    case '~':
    case '~*':
    case '!~':
    case '!~*': {
      const pattern = parsePattern(operand, c, { caseless: operator.text.endsWith('*') });
      return { test: 'match', variable, pattern, negated: operator.text.startsWith('!') };
    }
    default:
      return c.fail(operator, 'invalid-value', `unexpected "${operator.text}" in condition`, {
        help: `${operator.text === '==' ? 'equality is written with one =; a' : 'a'} variable is compared with = or !=, or matched with ~, ~*, !~ or !~*`,
      });
  }
}

function withoutParentheses(words: readonly Word[], c: ArgumentContext): readonly Word[] {
  const inner = [...words];
  const first = inner[0] as Word; // at least one word: `min` is 1
  if (!first.text.startsWith('(')) return invalid(first, c);
  if (first.text.length === 1) inner.shift();
  else inner[0] = part(first, 1, first.text.length);
  const last = inner.at(-1);
  if (last === undefined || !last.text.endsWith(')')) return invalid(last ?? first, c);
  if (last.text.length === 1) inner.pop();
  else inner[inner.length - 1] = part(last, 0, last.text.length - 1);
  return inner;
}

/** A part of a word, as a word. */
function part(word: Word, from: number, to: number): Word {
  return { ...spanInWord(word, from, to), text: word.text.slice(from, to), quote: '' };
}

const FORMS =
  'a condition is ($variable), ($variable = text), ($variable ~ regex) or (-f file), each optionally negated with "!"';

function invalid(word: Word, c: ArgumentContext, help = FORMS): never {
  return c.fail(word, 'invalid-value', `invalid condition "${word.text}"`, { help });
}

/** Help for a condition on a variable with too many or too few words. */
function helpFor(words: readonly Word[]): string {
  const [, operator, operand] = words;
  const joined = words.find(({ text }) => /^(?:&&|\|\||and|or)$/i.test(text));
  if (joined !== undefined) {
    return `"${joined.text}" is not supported in a condition: map both variables together (map "$a:$b" $both), or set a variable in one "if" and test it in the next`;
  }
  if (operand !== undefined && operator !== undefined && /^!?(?:=|~\*?)$/.test(operator.text)) {
    return `the text to compare with ends at its first space; a text with spaces must be quoted: "${words
      .slice(2)
      .map(({ text }) => text)
      .join(' ')}"`;
  }
  if (words.length === 2 && operator !== undefined && /^!?(?:=|~\*?)$/.test(operator.text)) {
    return 'the text to compare with is missing; an empty one is written "". It may have been removed by a program that substitutes variables (envsubst)';
  }
  if (words.length === 2 && /^!?[=~]/.test(operator?.text ?? '')) {
    return 'the operator needs a space on both sides';
  }
  return FORMS;
}

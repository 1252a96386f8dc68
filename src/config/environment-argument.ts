/** Argument of `expand_env`: names of environment variables, with defaults. */
import type { Statement } from '../../grammar/syntax-tree.js';
import { custom } from './argument-types.js';
import type { ArgumentType } from './directive.js';

/** A name with its default. */
export const DECLARATION = /^([A-Za-z_]\w*)(?:=(.*))?$/s;

/** The names. */
export const environmentNames: ArgumentType<readonly string[]> = custom(
  'NAME[=default] ...',
  1,
  Number.POSITIVE_INFINITY,
  (words, c) =>
    words.map((word) => {
      const [, name] = DECLARATION.exec(word.text) ?? [];
      return name ?? c.fail(word, 'invalid-value', `invalid name "${word.text}" of an environment variable`);
    }),
);

/** The names that statements of the outermost level declare. */
export function declaredNames(statements: readonly Statement[]): ReadonlySet<string> {
  const words = statements.filter(({ name }) => name.text === 'expand_env').flatMap(({ args }) => args);
  return new Set(words.map(({ text }) => text.replace(/=.*/s, '')));
}

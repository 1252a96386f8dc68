/** Arguments that assign a value to a variable, and the name of a variable that a directive defines. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from './argument-types.js';
import type { ArgumentContext, ArgumentType } from './directive.js';
import type { TemplateData } from './template.js';
import { parseTemplate } from './template-parser.js';

/** An assignment as checked. Plain data. */
export interface AssignmentData {
  /** Name of the variable in lower case, without `$`. */
  readonly variable: string;
  readonly value: TemplateData;
}

/** The variable and its value, a text with variables. */
export const assignment: ArgumentType<AssignmentData> = custom('$variable value', 2, 2, (words, c) => {
  const [name, value] = words as readonly [Word, Word]; // two words: `min` and `max`
  return { variable: definedVariable(name, c), value: parseTemplate(value, c) };
});

/** Name, in lower case and without `$`, of a variable that the directive defines. */
export function definedVariable(
  word: Word,
  c: ArgumentContext,
  help = 'the name of a variable starts with "$"',
): string {
  if (!word.text.startsWith('$') || word.text.length === 1) {
    c.fail(word, 'invalid-variable', `invalid variable name "${word.text}"`, { help });
  }
  const variable = word.text.slice(1).toLowerCase();
  c.defines(variable, word);
  return variable;
}

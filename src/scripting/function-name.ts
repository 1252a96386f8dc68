/** Arguments of the directives of scripts. */
import type { Word } from '../../grammar/syntax-tree.js';
import { word } from '../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../config/directive.js';
import type { Place } from '../config/place.js';

/** A function of an imported module. Plain data. */
export interface FunctionName {
  /** `module.function`, also with more names in between. Bytes. */
  readonly name: string;
  readonly at: Place;
}

/** A module that `js_import` imports. Plain data; bytes. */
export interface ImportData {
  /** Name by which functions are named. */
  readonly name: string;
  /** File as written. */
  readonly file: string;
  /** Directory of the configuration file, with a trailing slash. */
  readonly directory: string;
  readonly at: Place;
}

const FUNCTION = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;

export function parseFunctionName(argument: Word, c: ArgumentContext): FunctionName {
  if (!FUNCTION.test(argument.text)) {
    c.fail(argument, 'invalid-value', `invalid function name "${argument.text}"`, {
      help: 'a function is named by its module and its name in it: main.hello',
    });
  }
  return { name: argument.text, at: c.place(argument) };
}

/** One word: `module.function`. */
export const functionName: ArgumentType<FunctionName> = word('module.function', parseFunctionName);

/** `exampleNeeds` of directives that name a function of `main`. */
export const IMPORTS_MAIN = 'js_import main from main.js;';

/** Last sentence of the documentation of directives that nginx's module `js` lacks. */
export const NOT_IN_NJS = 'This is an extension of tsproxy; njs has no such directive.';

/** The file of `file`, or of `name from file`. */
export function fileWord(words: readonly Word[], c: ArgumentContext): Word {
  const [first, from, file] = words as readonly [Word, Word?, Word?]; // 1 to 3 words: `min` and `max`
  if (from !== undefined && file === undefined) {
    return c.fail(from, 'argument-count', `invalid number of arguments in "${c.directive}" directive`);
  }
  if (from !== undefined && from.text !== 'from') c.fail(from, 'invalid-value', `invalid parameter "${from.text}"`);
  return file ?? first;
}

/**
 * The name of `name from file`; that of the file if it stands alone, without an extension.
 *
 * @param kind kind of the name, for messages
 * @param extension pattern of the extensions
 */
export function nameOfFile(words: readonly Word[], kind: string, extension: RegExp, c: ArgumentContext): string {
  const [first] = words as readonly [Word]; // at least one: `min`
  const name = words.length > 1 ? first.text : new RegExp(`([^/]*)${extension.source}$`).exec(first.text)?.[1];
  if (name === undefined) {
    return c.fail(
      first,
      'invalid-value',
      `cannot extract export name from file path "${first.text}", use extended "from" syntax`,
      { help: `${c.directive} name from ${first.text};` },
    );
  }
  if (name === '') c.fail(first, 'invalid-value', `empty ${kind} name`);
  const [initial = ''] = name;
  if (!/[A-Za-z_]/.test(initial)) {
    c.fail(first, 'invalid-value', `cannot start with "${initial}" in ${kind} name "${name}"`);
  }
  const [invalid] = /[^A-Za-z0-9_]/.exec(name) ?? [];
  if (invalid !== undefined) {
    c.fail(first, 'invalid-value', `invalid character "${invalid}" in ${kind} name "${name}"`);
  }
  return name;
}

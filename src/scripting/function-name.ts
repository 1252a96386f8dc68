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

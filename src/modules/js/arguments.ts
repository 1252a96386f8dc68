/** Arguments of the directives of the module `js`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import { definedVariable } from '../../config/assignment-argument.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { parseMilliseconds } from '../../config/units.js';
import {
  type FunctionName,
  fileWord,
  type ImportData,
  nameOfFile,
  parseFunctionName,
} from '../../scripting/function-name.js';
import { SCRIPT_LIMITS } from '../../scripting/script-limits.js';

/** `module.js`, or `name from file`. */
export const imported = custom('file | name from file', 1, 3, (words, c): ImportData => {
  const file = fileWord(words, c);
  if (file.text.includes("'")) {
    c.fail(file, 'invalid-value', `invalid character "'" in file path "${file.text}"`);
  }
  const name = nameOfFile(words, 'export', /\.[cm]?[jt]s/, c);
  return { name, file: file.text, directory: c.path('', 'conf'), at: c.place(file) };
});

/** A variable that a function computes. Plain data. */
export interface ComputedVariable {
  readonly variable: string;
  readonly function: FunctionName;
  /** Computed at each use. */
  readonly volatile: boolean;
}

export const computed = custom('$variable module.function [nocache]', 2, 3, (words, c): ComputedVariable => {
  const [name, fn, option] = words as readonly [Word, Word, Word?]; // 2 or 3 words: `min` and `max`
  if (option !== undefined && option.text !== 'nocache') {
    c.fail(option, 'invalid-value', `unrecognized flag "${option.text}"`);
  }
  return { variable: definedVariable(name, c), function: parseFunctionName(fn, c), volatile: option !== undefined };
});

/** A variable that scripts can change. Plain data. */
export interface ScriptVariable {
  readonly variable: string;
  /** Value until a script changes it. */
  readonly initial: TemplateData | null;
}

export const variable = custom('$variable [value]', 1, 2, (words, c): ScriptVariable => {
  const [name, value] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  return {
    variable: definedVariable(name, c),
    initial: value === undefined ? null : parseTemplate(value, c),
  };
});

/** Time limit of handlers. */
export interface TimeoutData {
  /** ms; 0: no limit. */
  readonly timeout: number;
  readonly idle: number;
  readonly failOpen: boolean;
}

export const timeout = custom('[time] [idle=time] [fail=open | fail=closed]', 1, 3, (words, c): TimeoutData => {
  let time: number | null = null;
  let idle: number | null = null;
  let failOpen = false;
  for (const [i, word] of words.entries()) {
    const { text } = word;
    if (text === 'fail=open' || text === 'fail=closed') failOpen = text === 'fail=open';
    else if (text.startsWith('idle=')) {
      const ms = parseMilliseconds(text.slice('idle='.length));
      if (ms === null) return c.fail(word, 'invalid-value', `"${c.directive}" directive invalid value "${text}"`);
      idle = ms;
    } else if (i > 0) {
      c.fail(word, 'invalid-value', `invalid parameter "${text}"`, {
        help: 'after a failure a request is refused (fail=closed), or continues (fail=open)',
      });
    } else {
      time = parseMilliseconds(text);
      if (time === null) return c.fail(word, 'invalid-value', `"${c.directive}" directive invalid value`);
    }
  }
  return { timeout: time ?? 0, idle: idle ?? (time === null ? SCRIPT_LIMITS.initial.idle : 0), failOpen };
});

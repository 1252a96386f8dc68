/**
 * Argument types for declaring directives. Each parses words to plain data, has a syntax in the documentation's
 * notation, and rejects invalid input with nginx's own message.
 */
import type { Word } from '../../grammar/syntax-tree.js';
import { isOneSlip, nearest } from '../diagnostics/nearest.js';
import type { ArgumentContext, ArgumentType, FindingOptions } from './directive.js';
import { parsePattern } from './pattern.js';
import type { PatternData, TemplateData } from './template.js';
import { parseTemplate } from './template-parser.js';
import {
  parseInteger,
  parseMilliseconds,
  parseOffset,
  parsePositiveMilliseconds,
  parseSeconds,
  parseSize,
} from './units.js';

/** Creates an argument type; `parse` receives between `min` and `max` words. */
export function custom<T>(
  syntax: string,
  min: number,
  max: number,
  parse: (words: readonly Word[], c: ArgumentContext) => T,
): ArgumentType<T> {
  return { syntax, min, max, parse };
}

/** Creates a type that takes exactly one word. */
export function word<T>(syntax: string, parse: (word: Word, c: ArgumentContext) => T): ArgumentType<T> {
  return custom(syntax, 1, 1, (words, c) => parse(first(words), c));
}

function first(words: readonly Word[]): Word {
  const [word] = words;
  if (word === undefined) {
    throw new Error('an argument type that takes one word received none');
  }
  return word;
}

/** No arguments at all; the value is `true`. */
export const none: ArgumentType<true> = custom('', 0, 0, () => true);

/** `on` or `off`. */
export const flag: ArgumentType<boolean> = word('on | off', (w, c) => {
  const value = w.text.toLowerCase();
  if (value !== 'on' && value !== 'off') {
    const message = `invalid value "${w.text}" in "${c.directive}" directive, it must be "on" or "off"`;
    c.fail(w, 'invalid-value', message, nearWord(w, ['on', 'off']) ?? {});
  }
  return value === 'on';
});

/** A whole number; nginx rejects one out of bounds. */
export function integer(
  bounds: {
    readonly min?: number;
    readonly max?: number;
    /** nginx's message for a word that is not a number, if it differs from the usual one. */
    readonly invalid?: (word: { readonly text: string; readonly directive: string }) => string;
  } = {},
): ArgumentType<number> {
  return word('number', (w, c) => {
    const value = parseInteger(w.text);
    if (value === null) {
      const { invalid = ({ directive }) => `"${directive}" directive invalid number` } = bounds;
      return c.fail(w, 'invalid-value', invalid({ text: w.text, directive: c.directive }));
    }
    const { min = 0, max } = bounds;
    if (value < min || (max !== undefined && value > max)) {
      const allowed = max === undefined ? `equal to or greater than ${min}` : `between ${min} and ${max}`;
      c.fail(w, 'invalid-value', `value must be ${allowed}`);
    }
    return value;
  });
}

function measured(syntax: string, help: string, parse: (text: string) => number | null): ArgumentType<number> {
  return word(syntax, (w, c) => {
    const value = parse(w.text);
    return value ?? c.fail(w, 'invalid-value', `"${c.directive}" directive invalid value`, { help });
  });
}

/** A size in bytes: `4096`, `8k`, `1m`. */
export const size = measured('size', 'a size is a number of bytes, or one followed by k or m: 8k, 16m', parseSize);

/** `number size`, of buffers. */
export const buffers: ArgumentType<readonly [number: number, size: number]> = custom(
  'number size',
  2,
  2,
  (words, c): readonly [number, number] => {
    const [first, second] = words as readonly [Word, Word]; // two words: `min`
    const number = parseInteger(first.text) ?? 0;
    const bytes = parseSize(second.text) ?? 0;
    if (number === 0) c.fail(first, 'invalid-value', `"${c.directive}" directive invalid value`);
    if (bytes === 0) c.fail(second, 'invalid-value', `"${c.directive}" directive invalid value`);
    return [number, bytes];
  },
);

/** A size that is a power of two; the value is the power. `allowed` lists the sizes for nginx's message. */
export function powerOfTwo(min: number, max: number, allowed: string): ArgumentType<number> {
  return word('size', (w, c) => {
    const bytes = parseSize(w.text);
    if (bytes === null) return c.fail(w, 'invalid-value', `"${c.directive}" directive invalid value`);
    const power = Math.log2(bytes);
    if (!Number.isInteger(power) || power < min || power > max) {
      c.fail(w, 'invalid-value', `"${c.directive}" directive must be ${allowed}`);
    }
    return power;
  });
}

/** A size of files and bodies in bytes: also `2g`. */
export const offset = measured(
  'size',
  'a size is a number of bytes, or one followed by k, m or g: 8k, 2g',
  parseOffset,
);

export const TIME_HELP = 'a time is a number of seconds, or numbers with units in descending order: 500ms, 30s, 1h30m';

/** A time, in milliseconds: `500ms`, `60s`, `1m30s`. A bare number is seconds. */
export const milliseconds = measured('time', TIME_HELP, parseMilliseconds);

/** A time above 0, in milliseconds. */
export const positiveMilliseconds = measured('time', TIME_HELP, parsePositiveMilliseconds);

/** A time, in seconds: `30`, `1h`, `1y`. */
export const seconds = measured(
  'time',
  'a time is a number of seconds, or numbers with units in descending order: 30s, 1h30m, 1d',
  parseSeconds,
);

/** One word, verbatim. */
export const text: ArgumentType<string> = word('string', (w) => w.text);

/** `type` with another syntax for the documentation. */
export function named<T>(syntax: string, type: ArgumentType<T>): ArgumentType<T> {
  return { ...type, syntax };
}

/** One of the given words, case-insensitive; the value is the word as declared. */
export function choice<const C extends string>(...choices: readonly C[]): ArgumentType<C> {
  return word(choices.join(' | '), (w, c) => chosen(choices, w, c));
}

function chosen<C extends string>(choices: readonly C[], w: Word, c: ArgumentContext): C {
  const lower = w.text.toLowerCase();
  const found = choices.find((choice) => choice.toLowerCase() === lower);
  if (found !== undefined) {
    return found;
  }
  const options = nearWord(w, choices) ?? { help: `it must be one of: ${choices.join(', ')}` };
  return c.fail(w, 'invalid-value', `invalid value "${w.text}"`, options);
}

/** Suggests the choice that was probably meant; null if none is similar. */
export function nearWord(w: Word, choices: readonly string[]): FindingOptions | null {
  const [near] = nearest(w.text, choices);
  if (near === undefined) return null;
  return {
    help: `did you mean "${near}"?`,
    fix: { title: `write ${near}`, guess: !isOneSlip(w.text, near, choices), edits: [{ at: w, text: near }] },
  };
}

/** Several of the given words, at least one; a repetition causes a warning and is dropped. */
export function bitmask<const C extends string>(...choices: readonly C[]): ArgumentType<readonly C[]> {
  return custom(`${choices.join(' | ')} ...`, 1, Number.POSITIVE_INFINITY, (words, c) => {
    const set = new Set<C>();
    for (const w of words) {
      const value = chosen(choices, w, c);
      if (set.has(value)) {
        c.report(w, 'duplicate-value', `duplicate value "${w.text}"`, { severity: 'warning' });
      }
      set.add(value);
    }
    return [...set];
  });
}

/** A string with variables. */
export const template: ArgumentType<TemplateData> = word('string', (w, c) => parseTemplate(w, c));

/** One or more strings with variables. */
export const templates: ArgumentType<readonly TemplateData[]> = listOf(template);

/** A regular expression; each named group becomes a variable. */
export function pattern(options: { readonly caseless?: boolean } = {}): ArgumentType<PatternData> {
  return word('regex', (w, c) => parsePattern(w, c, options));
}

/** A path, made absolute from the directory of the configuration file (`conf`) or from the prefix. */
export function path(from: 'conf' | 'prefix'): ArgumentType<string> {
  return word('file', (w, c) => c.path(w.text, from));
}

/** A list of words, each parsed by a type that takes one word. */
export function listOf<T>(
  type: ArgumentType<T>,
  { min = 1, max = Number.POSITIVE_INFINITY }: { readonly min?: number; readonly max?: number } = {},
): ArgumentType<readonly T[]> {
  return custom(max === 1 ? type.syntax : `${type.syntax} ...`, min, max, (words, c) =>
    words.map((w) => type.parse([w], c)),
  );
}

/** The type's value, or null if no words are given. */
export function optional<T>(type: ArgumentType<T>): ArgumentType<T | null> {
  return custom(`[${type.syntax}]`, 0, type.max, (words, c) => (words.length === 0 ? null : type.parse(words, c)));
}

/** Two types in sequence. */
export function pair<A, B>(a: ArgumentType<A>, b: ArgumentType<B>): ArgumentType<readonly [A, B]> {
  return sequence(a, b);
}

type ValuesOf<T extends readonly ArgumentType<unknown>[]> = {
  readonly [K in keyof T]: T[K] extends ArgumentType<infer V> ? V : never;
};

/**
 * Types in sequence. Each gets its minimum number of words; the remaining ones are given to the earliest type that
 * accepts more.
 */
export function sequence<const T extends readonly ArgumentType<unknown>[]>(...types: T): ArgumentType<ValuesOf<T>> {
  const min = types.reduce((sum, type) => sum + type.min, 0);
  const max = types.reduce((sum, type) => sum + type.max, 0);
  const syntax = types
    .map((type) => type.syntax)
    .filter((part) => part !== '')
    .join(' ');
  return custom(syntax, min, max, (words, c) => {
    let spare = words.length - min;
    let at = 0;
    const values = types.map((type) => {
      const extra = Math.min(spare, type.max - type.min);
      const count = type.min + extra;
      spare -= extra;
      at += count;
      return type.parse(words.slice(at - count, at), c);
    });
    // A tuple cannot be built by map; the values are in the order of the types.
    return values as unknown as ValuesOf<T>;
  });
}

/** One fixed word (`off`, `auto`), whose value is itself, or else the type. */
export function either<const L extends string, T>(literal: L, type: ArgumentType<T>): ArgumentType<L | T> {
  return custom<L | T>(`${literal} | ${type.syntax}`, Math.min(1, type.min), Math.max(1, type.max), (words, c) => {
    if (words.length === 1 && words[0]?.text === literal) {
      return literal;
    }
    requireCount(type, words, c);
    return type.parse(words, c);
  });
}

/** `off`, whose value is `false`, or else the type. */
export function orOff<T>(type: ArgumentType<T>): ArgumentType<T | false> {
  return mapped(either('off', type), (value) => (value === 'off' ? false : value));
}

/** Maps the type's value to another one, which must be plain data as well. */
export function mapped<A, B>(
  type: ArgumentType<A>,
  turn: (value: A, c: ArgumentContext, words: readonly Word[]) => B,
): ArgumentType<B> {
  return custom(type.syntax, type.min, type.max, (words, c) => turn(type.parse(words, c), c, words));
}

function requireCount(type: ArgumentType<unknown>, words: readonly Word[], c: ArgumentContext): void {
  if (words.length < type.min || words.length > type.max) {
    c.fail(c.statement, 'argument-count', `invalid number of arguments in "${c.directive}" directive`);
  }
}

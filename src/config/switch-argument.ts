/** Arguments of directives that enable something with parameters: `off | on [name=value] …`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { flag } from './argument-types.js';
import type { ArgumentContext } from './directive.js';

/** A parameter `name=value`. */
export interface Parameter {
  /** The value in the list of valid parameters: `TIME`. */
  readonly value: string;
  /** Returns null if the text is invalid. */
  readonly parse: (text: string) => number | null;
  /** Describes valid values. */
  readonly help?: string;
}

/** Parameters by name; null: the name alone, whose value is 1. */
export type Parameters<N extends string> = Readonly<Record<N, Parameter | null>>;

/** Returns the values of the parameters that are given, by name; null: `off`, which has none. */
export function parseSwitch<N extends string>(
  words: readonly Word[],
  parameters: Parameters<N>,
  c: ArgumentContext,
): Readonly<Partial<Record<N, number>>> | null {
  const [first, ...rest] = words as readonly [Word, ...Word[]]; // one word at least: `min`
  if (flag.parse([first], c)) return namedValues(rest, parameters, c);
  const [extra] = rest;
  if (extra === undefined) return null;
  return c.fail(extra, 'invalid-value', `invalid parameter "${extra.text}"`, { help: '"off" takes no parameters' });
}

/** Returns the values of parameters, by name; the last one counts if one is repeated, which is reported. */
export function namedValues<N extends string>(
  words: readonly Word[],
  parameters: Parameters<N>,
  c: ArgumentContext,
): Readonly<Partial<Record<N, number>>> {
  const found: Partial<Record<N, number>> = {};
  for (const word of words) {
    const [name, text] = word.text.split(/=(.*)/s, 2);
    if (!isKnown(name, parameters) || (parameters[name] === null) !== (text === undefined)) {
      return c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, { help: listOf(parameters) });
    }
    if (found[name] !== undefined) {
      c.report(word, 'duplicate-value', `duplicate parameter "${name}"`, { severity: 'warning' });
    }
    const parameter: Parameter | null = parameters[name];
    const value = parameter === null || text === undefined ? 1 : parameter.parse(text);
    if (value === null) {
      const help = parameter?.help;
      const message = `invalid value "${text}" in "${name}" parameter`;
      return c.fail(word, 'invalid-value', message, help === undefined ? {} : { help });
    }
    found[name] = value;
  }
  return found;
}

function isKnown<N extends string>(name: string | undefined, parameters: Parameters<N>): name is N {
  return name !== undefined && Object.hasOwn(parameters, name);
}

function listOf(parameters: Readonly<Record<string, Parameter | null>>): string {
  const list = Object.entries(parameters).map(([name, parameter]) =>
    parameter === null ? name : `${name}=${parameter.value}`,
  );
  return `valid parameter${list.length === 1 ? '' : 's'}: ${list.join(', ')}`;
}

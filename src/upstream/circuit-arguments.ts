/** Arguments of the directives about circuits and retries: `name=value` parameters. */
import type { Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext } from '../config/directive.js';
import { type CountedFailures, FAILURE_TYPES, type FailureType } from './failure-types.js';

/** Parser of the value of a parameter; null: invalid. */
type ParseValue = (text: string) => unknown;

/** A percentage from 0 to `max`, as a share. */
export function share(text: string, max = 100): number | null {
  const number = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)?.[1];
  if (number === undefined || Number(number) > max) return null;
  return Number(number) / 100;
}

/** A percentage above 0. */
export function positiveShare(text: string): number | null {
  const value = share(text);
  return value === 0 ? null : value;
}

/** A status of an error response. */
export function errorStatus(text: string): number | null {
  return /^[45]\d\d$/.test(text) ? Number(text) : null;
}

/** `connect,timeout,5xx,http_429`. */
export function countedFailures(text: string): CountedFailures | null {
  let types = 0;
  const statuses: number[] = [];
  for (const name of text.split(',')) {
    const status = /^http_([45]\d\d)$/.exec(name)?.[1];
    if (status !== undefined) statuses.push(Number(status));
    else if (Object.hasOwn(FAILURE_TYPES, name)) types |= FAILURE_TYPES[name as FailureType];
    else return null;
  }
  return { types, statuses };
}

/** Parses parameters, each at most once; the result has those that are written, by name. */
export function parseParameters<P extends Readonly<Record<string, ParseValue>>>(
  words: readonly Word[],
  parsers: P,
  c: ArgumentContext,
): { readonly [N in keyof P]?: Exclude<ReturnType<P[N]>, null> } {
  const found: Record<string, unknown> = {};
  for (const word of words) {
    const [name = '', value] = word.text.split(/=(.*)/s, 2);
    const parse = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
    if (parse === undefined || value === undefined) {
      const help = `valid parameters: ${Object.keys(parsers).join('=, ')}=`;
      return c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, { help });
    }
    if (found[name] !== undefined) c.fail(word, 'duplicate-value', `duplicate parameter "${name}"`);
    const parsed = parse(value);
    if (parsed === null) c.fail(word, 'invalid-value', `invalid value "${value}" in "${name}" parameter`);
    found[name] = parsed;
  }
  return found as { [N in keyof P]?: Exclude<ReturnType<P[N]>, null> }; // each is the result of its parser
}

/** Fails at a parameter that requires another one. */
export function requireParameter(words: readonly Word[], name: string, other: string, c: ArgumentContext): void {
  const at = words.find(({ text }) => text.startsWith(`${name}=`));
  if (at === undefined || words.some(({ text }) => text.startsWith(`${other}=`))) return;
  c.fail(at, 'invalid-value', `"${name}" parameter requires "${other}"`);
}

/** What a `location` says, read from its words. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { Scope } from './scope.js';

export interface LocationWords {
  readonly kind: 'exact' | 'prefix' | 'regex' | 'named';
  /** The URI, the expression, or the name with its `@`. */
  readonly name: string;
  /** `^~`. */
  readonly noRegex: boolean;
  readonly caseless: boolean;
  /** The word that holds the name. */
  readonly at: Word;
}

const known = new WeakMap<Scope, LocationWords | null>();

/** Null where the block is no `location`, or one without words. */
export function locationOf(scope: Scope): LocationWords | null {
  let words = known.get(scope);
  if (words === undefined) {
    words = read(scope);
    known.set(scope, words);
  }
  return words;
}

function read(scope: Scope): LocationWords | null {
  const words = scope.kind === 'location' ? (scope.opener?.args ?? []) : [];
  const at = words.at(-1);
  if (at === undefined) return null;
  // Most are plain prefixes.
  if (words.length === 1 && at.text.startsWith('/')) {
    return { kind: 'prefix', name: at.text, noRegex: false, caseless: false, at };
  }
  const [, sign = '', name = ''] = /^(=|\^~|~\*|~)?(.*)$/s.exec(words.length > 1 ? '' : at.text) ?? [];
  const modifier = words.length > 1 ? (words[0]?.text ?? '') : sign;
  const text = words.length > 1 ? at.text : name;
  const rest = { name: text, noRegex: modifier === '^~', caseless: modifier === '~*', at };
  if (modifier === '=') return { kind: 'exact', ...rest };
  if (modifier.startsWith('~')) return { kind: 'regex', ...rest };
  return { kind: text.startsWith('@') ? 'named' : 'prefix', ...rest };
}

/** The location around a block (an `if`, a `limit_except`), or the block itself. */
export function enclosingLocation(scope: Scope): LocationWords | null {
  const holder = scope.within('location');
  return holder === null ? null : locationOf(holder);
}

/** The location as it is spoken of: `location /x`. */
export function titleOf(scope: Scope): string {
  const words = scope.opener?.args.map(({ text }) => text) ?? [];
  return [scope.directive, ...words].join(' ');
}

/** Parsed arguments of a `location`. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';

export interface LocationWords {
  readonly kind: 'exact' | 'prefix' | 'regex' | 'named';
  /** The URI, the expression, or the name with its `@`. */
  readonly name: string;
  /** `^~`. */
  readonly noRegex: boolean;
  readonly caseless: boolean;
  /** The word that contains the name. */
  readonly at: Word;
}

/** Parses the arguments of a `location`; null if there are none. */
export function locationWords({ args }: Statement): LocationWords | null {
  const at = args.at(-1);
  if (at === undefined) return null;
  if (args.length > 1) return create(args[0]?.text ?? '', at.text, at);
  // Most are plain prefixes.
  if (at.text.startsWith('/')) return create('', at.text, at);
  const [, sign = '', name = ''] = /^(=|\^~|~\*|~)?(.*)$/s.exec(at.text) ?? [];
  return create(sign, name, at);
}

function create(modifier: string, name: string, at: Word): LocationWords {
  const regex = modifier.startsWith('~');
  const kind = modifier === '=' ? 'exact' : regex ? 'regex' : name.startsWith('@') ? 'named' : 'prefix';
  return { kind, name, noRegex: modifier === '^~', caseless: modifier === '~*', at };
}

/** Where the variables of a configuration get their values. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { patternsOf } from './patterns.js';
import { treeOf } from './regex.js';
import type { Scope } from './scope.js';

/** One place that gives a variable its value. */
export interface Definition {
  /** In lower case, without `$`. */
  readonly name: string;
  /** The block in which it happens; for `map` and its like the block of entries. */
  readonly scope: Scope;
  readonly at: Word | { readonly source: Word['source']; readonly start: number; readonly end: number };
  /** Computed whenever it is asked for, wherever that is (`map`); otherwise only where its directive is carried out. */
  readonly computed: boolean;
}

/** Blocks of entries that make a variable. */
const COMPUTED = new Set(['map', 'geo', 'split_clients']);

const known = new WeakMap<Scope, readonly Definition[]>();

export function definitionsOf(c: LintContext): readonly Definition[] {
  let found = known.get(c.main);
  if (found === undefined) {
    found = [...find(c)];
    known.set(c.main, found);
  }
  return found;
}

function* find(c: LintContext): Generator<Definition> {
  for (const scope of c.main.all()) {
    if (scope.kind === 'entries') {
      const at = COMPUTED.has(scope.directive) ? scope.opener?.args.at(-1) : undefined;
      if (at?.text.startsWith('$') === true) yield { name: nameOf(at), scope, at, computed: true };
      continue;
    }
    for (const { name, args } of scope.statements) {
      // `set`, and what other modules of nginx have: `auth_request_set`, `js_set`, `set_by_lua`.
      if (!/^set(?:_|$)|_set$|_var$/.test(name.text)) continue;
      const [at] = args;
      if (at?.text.startsWith('$') === true) yield { name: nameOf(at), scope, at, computed: scope.kind === 'http' };
    }
  }
  for (const { text, caseless, at, scope, directive } of patternsOf(c)) {
    if (!text.includes('(?')) continue;
    for (const name of treeOf(text, caseless)?.names ?? []) yield { name, scope, at, computed: directive === 'map' };
  }
}

function nameOf({ text }: Word): string {
  return text.slice(1).toLowerCase();
}

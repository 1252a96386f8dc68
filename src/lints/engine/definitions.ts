/** Where the variables of a configuration get their values. */
import type { Span, Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import { patternsOf } from './patterns.js';
import { groupNames } from './regex.js';
import type { Scope } from './scope.js';

/** One place that gives a variable its value. */
export interface Definition {
  /** In lower case, without `$`. */
  readonly name: string;
  /** The block in which it happens; for `map` and its like the block of entries. */
  readonly scope: Scope;
  readonly at: Span;
  /** Computed whenever it is asked for, wherever that is (`map`); otherwise only where its directive is carried out. */
  readonly computed: boolean;
}

/** Blocks of entries that make a variable. */
const COMPUTED = new Set(['map', 'geo', 'split_clients']);

/** What else stands there has a finding of its own. */
const NAMED = /^\$\w+$/;

export const definitionsOf = oncePerConfig((c: LintContext): readonly Definition[] => [...find(c)]);

function* find(c: LintContext): Generator<Definition> {
  for (const scope of c.scopes('entries')) {
    const at = COMPUTED.has(scope.directive) ? scope.opener?.args.at(-1) : undefined;
    if (at !== undefined && NAMED.test(at.text)) yield { name: nameOf(at), scope, at, computed: true };
  }
  for (const directive of c.main.directives()) {
    // `set`, and what other modules of nginx have: `auth_request_set`, `js_set`, `set_by_lua`.
    if (!/^set(?:_|$)|_set$|_var$/.test(directive)) continue;
    for (const { scope, statement } of c.written(directive)) {
      const [at] = statement.args;
      if (at !== undefined && NAMED.test(at.text))
        yield { name: nameOf(at), scope, at, computed: scope.kind === 'http' };
    }
  }
  for (const pattern of patternsOf(c)) {
    const { text, scope, directive } = pattern;
    for (const name of groupNames(text)) yield { name, scope, at: pattern.at, computed: directive === 'map' };
  }
}

function nameOf({ text }: Word): string {
  return text.slice(1).toLowerCase();
}

/** Definitions of the variables of a configuration. */
import type { Span, Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import { patternsOf } from './patterns.js';
import { groupNames } from './regex.js';
import type { Scope } from './scope.js';

/** A statement or expression that sets a variable. */
export interface Definition {
  /** In lower case, without `$`. */
  readonly name: string;
  /** The block that contains the definition; for `map` and similar directives the block of entries. */
  readonly scope: Scope;
  readonly at: Span;
  /** True if evaluated on every use (`map`); otherwise set only when the directive is executed. */
  readonly computed: boolean;
}

/** Blocks of entries that define a variable. */
const COMPUTED = new Set(['map', 'geo', 'split_clients']);

/** A valid variable; anything else has a separate finding. */
const NAMED = /^\$\w+$/;

export const definitionsOf = oncePerConfig((c: LintContext): readonly Definition[] => [...find(c)]);

function* find(c: LintContext): Generator<Definition> {
  for (const scope of c.scopes('entries')) {
    const at = COMPUTED.has(scope.directive) ? scope.opener?.args.at(-1) : undefined;
    if (at !== undefined && NAMED.test(at.text)) yield { name: nameOf(at), scope, at, computed: true };
  }
  for (const directive of c.main.directives()) {
    // `set`, and directives of other nginx modules: `auth_request_set`, `js_set`, `set_by_lua`.
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

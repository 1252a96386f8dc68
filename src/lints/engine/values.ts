/** The values that directives give to variables. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import type { Scope } from './scope.js';

/** One value that a variable may have. */
export interface Assigned {
  readonly value: Word;
  /** The block with the `set`, or the block of entries (`map`, `geo`). */
  readonly scope: Scope;
}

/** Words of a `map` that give no value. */
const NO_ENTRIES = new Set(['hostnames', 'volatile', 'include', 'ranges', 'proxy', 'delete', 'proxy_recursive']);

const known = new WeakMap<Scope, ReadonlyMap<string, readonly Assigned[]>>();

/** Everything that `set`, `map`, `geo` and `split_clients` give to a variable; its name in lower case, without `$`. */
export function assignedTo(c: LintContext, variable: string): readonly Assigned[] {
  let all = known.get(c.main);
  if (all === undefined) {
    all = collect(c);
    known.set(c.main, all);
  }
  return all.get(variable) ?? [];
}

/** What holds in a block: of `set`, only what stands in the same server, or outside of all. */
export function assignedIn(c: LintContext, variable: string, scope: Scope): readonly Assigned[] {
  const server = scope.within('server');
  return assignedTo(c, variable).filter((one) => {
    const its = one.scope.within('server');
    return its === null || its === server;
  });
}

function collect(c: LintContext): Map<string, Assigned[]> {
  const all = new Map<string, Assigned[]>();
  const add = (variable: Word | undefined, value: Word | undefined, scope: Scope) => {
    if (variable === undefined || value === undefined || !variable.text.startsWith('$')) return;
    const name = variable.text.slice(1).toLowerCase();
    const others = all.get(name);
    if (others === undefined) all.set(name, [{ value, scope }]);
    else others.push({ value, scope });
  };
  for (const scope of c.main.all()) {
    if (scope.kind === 'entries') {
      const variable = scope.opener?.args.at(-1);
      for (const { name, args } of scope.statements) {
        if (!NO_ENTRIES.has(name.text)) add(variable, args[0], scope);
      }
      continue;
    }
    for (const { args } of scope.own('set')) add(args[0], args[1], scope);
  }
  return all;
}

/** Whether the whole configuration was read: where an included file is missing, nobody knows what is not written. */
export function isWhole(c: LintContext): boolean {
  return !c.findings.some(({ code }) => code === 'file-not-found');
}

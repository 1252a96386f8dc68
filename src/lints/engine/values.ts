/** Values that directives assign to variables. */
import type { Span, Word } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import type { Scope } from './scope.js';

/** One value that a variable may have. */
export interface Assigned {
  readonly value: Word;
  /** The block with the `set`, or the block of entries (`map`, `geo`). */
  readonly scope: Scope;
}

/** Parameters of `map` and `geo` that assign no value. */
const NO_ENTRIES = new Set(['hostnames', 'volatile', 'include', 'ranges', 'proxy', 'delete', 'proxy_recursive']);

/** By variable, and by the server that contains the assignment; null for assignments that apply to all. */
type Index = ReadonlyMap<string, ReadonlyMap<Scope | null, readonly Assigned[]>>;

/**
 * All values that `set`, `map`, `geo` and `split_clients` assign to a variable that is used in a block; its name is in
 * lower case, without `$`. A `set` counts only in the same server.
 */
export function assignedIn(c: LintContext, variable: string, scope: Scope): readonly Assigned[] {
  const byServer = everyAssigned(c).get(variable);
  if (byServer === undefined) return [];
  const server = scope.within('server');
  return [...(byServer.get(null) ?? []), ...(server === null ? [] : (byServer.get(server) ?? []))];
}

/**
 * Values that a variable may have in a block: those of the nearest enclosing block that sets it unconditionally, and of
 * the `if` blocks in between; without such a block, all values of `assignedIn`.
 */
export function assignedFor(c: LintContext, variable: string, scope: Scope): readonly Assigned[] {
  const all = assignedIn(c, variable, scope);
  if (all.length < 2) return all;
  const near: Assigned[] = [];
  for (let each: Scope | null = scope; each !== null && each.kind !== 'http'; each = each.parent) {
    const block = each;
    near.push(...all.filter((one) => one.scope === block || (one.scope.kind === 'if' && one.scope.parent === block)));
    if (each.kind !== 'if' && near.some((one) => one.scope === block)) return near;
  }
  return all;
}

const everyAssigned = oncePerConfig((c: LintContext): Index => {
  const all = new Map<string, Map<Scope | null, Assigned[]>>();
  const add = (variable: Word | undefined, value: Word | undefined, scope: Scope) => {
    if (variable === undefined || value === undefined || !variable.text.startsWith('$')) return;
    const name = variable.text.slice(1).toLowerCase();
    let byServer = all.get(name);
    if (byServer === undefined) {
      byServer = new Map();
      all.set(name, byServer);
    }
    const server = scope.within('server');
    const others = byServer.get(server);
    if (others === undefined) byServer.set(server, [{ value, scope }]);
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
});

/**
 * Whether the absence of a directive can be concluded: no included file is missing, and no directive is misspelt, which
 * would otherwise be reported a second time as the absence of the intended one.
 */
export function isComplete(c: LintContext): boolean {
  return !c.findings.some(
    ({ code, fix }) => code === 'file-not-found' || (code === 'unknown-directive' && fix !== undefined),
  );
}

/** Whether a block has an unknown directive or one without `;`, which may be the one that seems to be missing. */
export function hasSuspectDirective({ statements }: Scope, c: LintContext): boolean {
  const places = c.findings.flatMap(({ code, at }) => (UNREAD.has(code) && at !== null ? [at] : []));
  const isAt = ({ source, start, end }: Span) =>
    places.some((at) => at.source === source && at.start >= start && at.start <= end);
  return places.length > 0 && statements.some(isAt);
}

const UNREAD: ReadonlySet<string> = new Set(['unknown-directive', 'missing-semicolon']);

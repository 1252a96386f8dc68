/**
 * Variables of `js_set` whose functions are `async`. Variables are evaluated at once wherever they are used, so that such a
 * function cannot be called then: it is called when a request enters a location that mentions the variable, which waits for it.
 */
import type { CheckedBlock } from '../../config/checked-config.js';
import type { Exchange } from '../../program/exchange.js';
import type { Handler } from '../../program/module.js';
import type { Variable } from '../../program/variable.js';
import { NEXT, type Verdict } from '../../program/verdict.js';
import { requestOf, takeReturned } from '../../scripting/request-object.js';
import { hasFailed, type ScriptFunction } from '../../scripting/script-function.js';
import type { ScriptScope } from '../../scripting/script-scope.js';
import type { Scripts } from '../../scripting/scripts.js';
import type { ComputedVariable } from './arguments.js';

/** A variable that is computed beforehand. */
interface Awaited {
  readonly variable: Variable;
  readonly fn: ScriptFunction;
}

/** Block directives that define variables: their contents count where the variable is mentioned. */
type Definitions = ReadonlyMap<string, unknown>;

/** Entries of the block `http` that define variables by others (`map`, `split_clients`). */
export function definitionsOf(http: CheckedBlock): Definitions {
  const definitions = new Map<string, unknown>();
  for (const values of Object.values(http.values)) {
    if (!Array.isArray(values)) continue;
    for (const value of values as readonly unknown[]) {
      const name = definedName(value);
      if (name !== null) definitions.set(name, value);
    }
  }
  return definitions;
}

function definedName(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const { argument, variable } = value as {
    readonly argument?: { readonly variable?: unknown };
    readonly variable?: unknown;
  };
  const name = argument?.variable ?? variable;
  return typeof name === 'string' ? name : null;
}

/** Names of the variables that the directives of a block mention, also by way of others. */
function mentionedIn(block: CheckedBlock, definitions: Definitions): ReadonlySet<string> {
  const names = new Set<string>();
  const search = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('variable' in value && typeof value.variable === 'string' && !names.has(value.variable)) {
      names.add(value.variable);
      search(definitions.get(value.variable));
    }
    for (const each of Object.values(value)) search(each);
  };
  const own = Object.entries(block.values).filter(([name]) => !ONLY_DEFINING.has(name));
  for (const [, value] of own) search(value);
  search(block.steps);
  return names;
}

/** Directives whose lists are inherited, but which only define. */
const ONLY_DEFINING: ReadonlySet<string> = new Set(['js_set', 'js_var', 'map', 'split_clients', 'geo', 'log_format']);

/** Handler that computes the asynchronous variables that a block mentions; null if there are none. */
export function awaitVariables(
  block: CheckedBlock,
  scope: ScriptScope | null,
  computed: readonly ComputedVariable[],
  definitions: Definitions,
  scripts: Scripts,
): Handler | null {
  if (scope === null || computed.length === 0) return null;
  const mentioned = mentionedIn(block, definitions);
  const awaited: Awaited[] = [];
  for (const { variable: name, function: fn } of computed) {
    const found = mentioned.has(name) ? scope.function(fn.name, 'js_set') : '';
    const variable = scripts.variable(name);
    if (typeof found !== 'string' && found.isAsync && variable !== null) awaited.push({ variable, fn: found });
  }
  if (awaited.length === 0) return null;
  return async (x): Promise<Verdict> => {
    for (const each of awaited) {
      if (x.slots[each.variable.slot] === undefined) await assign(x, each, scripts);
    }
    return NEXT;
  };
}

async function assign(x: Exchange, { variable, fn }: Awaited, scripts: Scripts): Promise<void> {
  const value = await fn.run(x, [requestOf(x, scripts)]);
  const returned = takeReturned(x);
  // Empty if the function failed: otherwise each use would call it again.
  x.slots[variable.slot] = hasFailed(value) ? '' : (fn.bytesOf(x, returned === null ? value : returned.value) ?? '');
}

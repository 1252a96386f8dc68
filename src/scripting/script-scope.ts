/** Scope of the functions that a block names: the modules imported there, and the environment in which they are evaluated. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { GivenScripts } from '../config/module-declaration.js';
import { toBytes } from '../diagnostics/byte-string.js';
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';
import { positionOf } from './edits.js';
import type { Environment } from './environment.js';
import { sourcePlace } from './exception-text.js';
import type { ImportData } from './function-name.js';
import type { SearchPaths, UserModule } from './module-graph.js';
import { type FunctionOwner, ScriptFunction } from './script-function.js';
import { definitionOf } from './static-exports.js';

/** Imports in force in a block; the last one with a name takes precedence. */
export function importsOf(block: CheckedBlock): ReadonlyMap<string, ImportData> {
  const imports = (block.values.js_import ?? []) as readonly ImportData[]; // declared so
  return new Map(imports.map((each) => [each.name, each]));
}

/** Places of modules in a block. */
export function searchPathsOf(block: CheckedBlock): SearchPaths {
  const paths = (block.values.js_path ?? []) as readonly string[]; // declared so
  const [first] = importsOf(block).values();
  return { conf: first?.directory ?? '', paths };
}

/** Reason why a name denotes no function: it has no value, or a value of another type. */
type NoFunction = 'missing' | 'other';

/** The reason in njs's words. */
export function reasonOf(found: NoFunction, name: string, directive: string): string {
  return found === 'missing' ? `js function "${name}" not found` : `"${name}" of "${directive}" is not a function`;
}

type Callable = (...args: readonly unknown[]) => unknown;

export class ScriptScope {
  private readonly functions = new Map<string, ScriptFunction | string>();

  constructor(
    readonly environment: Environment,
    /** Imported modules by name. */
    readonly modules: ReadonlyMap<string, UserModule>,
    private readonly owner: FunctionOwner,
    /** Modules passed as objects; imported modules of the same name take precedence. */
    private readonly given: GivenScripts,
    /** Whether each request has variables of modules of its own: `js_engine njs`. */
    private readonly isolates: boolean,
  ) {}

  /** Returns a function by its name in directives, or the reason why there is none. Bytes. */
  function(name: string, directive: string): ScriptFunction | string {
    const key = `${directive} ${name}`;
    let found = this.functions.get(key);
    if (found === undefined) {
      found = this.find(name, directive);
      this.functions.set(key, found);
    }
    return found;
  }

  private find(name: string, directive: string): ScriptFunction | string {
    const [first = '', ...path] = name.split('.');
    const module = this.modules.get(first);
    const given = this.given[first];
    let found: Callable | NoFunction;
    if (module !== undefined) found = exported(this.environment.namespace(module), path);
    else if (given !== undefined) found = functionOf(given, path);
    else return `no imports defined for "${directive}" "${name}", use js_import directive`;
    if (typeof found === 'string') return reasonOf(found, name, directive);
    const place = module === undefined ? null : placeOf(module, path);
    const callableFor =
      module === undefined || !this.isolates
        ? null
        : (x: Exchange) => this.callableFor(x, module, path, name, directive);
    return new ScriptFunction(name, directive, found, this.owner, place, callableFor);
  }

  /** The function of a request with variables of its own. Throws what the statements of its module throw. */
  private callableFor(
    x: Exchange,
    module: UserModule,
    path: readonly string[],
    name: string,
    directive: string,
  ): Callable {
    let environments = x.state(ENVIRONMENTS);
    if (environments === undefined) {
      environments = new WeakMap();
      x.setState(ENVIRONMENTS, environments);
    }
    let environment = environments.get(this.environment);
    if (environment === undefined) {
      environment = this.environment.renewed();
      environments.set(this.environment, environment);
    }
    const found = exported(environment.executedAgain(module), path);
    if (typeof found === 'string') throw new TypeError(reasonOf(found, name, directive));
    return found;
  }
}

/** Environments of a request with `js_engine njs`, by those of the table. */
const ENVIRONMENTS = new StateKey<WeakMap<Environment, Environment>>('environments of scripts');

function exported(namespace: Readonly<Record<string, unknown>>, path: readonly string[]): Callable | NoFunction {
  let value: unknown;
  try {
    value = path.reduce(member, namespace.default);
    if (value === undefined && path.length > 0) value = path.reduce(member, namespace as unknown);
  } catch {
    // A getter threw: the value is unknown.
  }
  if (value === undefined) return 'missing';
  return typeof value === 'function' ? (value as Callable) : 'other';
}

/** Place where a module defines a function; null if it cannot be found in the text. Bytes. */
function placeOf(module: UserModule, path: readonly string[]): string | null {
  const found = definitionOf(module, path.length === 0 ? ['default'] : path);
  if (found === null) return null;
  const { module: definer, at } = found;
  return toBytes(sourcePlace(definer, positionOf(definer.text, at)));
}

/** Function at a path of an object, bound to the object that contains it; or the reason why there is none. */
export function functionOf(object: object, path: readonly string[]): Callable | NoFunction {
  let holder: unknown = object;
  let value: unknown = object;
  for (const name of path) [holder, value] = [value, member(value, name)];
  if (value === undefined) return 'missing';
  return typeof value === 'function' ? (value.bind(holder) as Callable) : 'other';
}

function member(value: unknown, name: string): unknown {
  return value === null || value === undefined ? undefined : (value as Readonly<Record<string, unknown>>)[name];
}

/** The scope of a location; null where no modules are imported. */
export const SCRIPT_SCOPE = new SettingsKey<ScriptScope | null>('script scope', null);

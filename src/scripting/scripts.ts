/** The user modules of a table, and the functions that its directives name. */
import type { CheckedBlock } from '../config/checked-config.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { addErrorOwner } from '../logging/error-owners.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Compiler } from '../program/module.js';
import type { Variable } from '../program/variable.js';
import type { Getter } from '../program/variable-spec.js';
import { currentSession } from './current-session.js';
import { Environment } from './environment.js';
import { exceptionText, userFrames } from './exception-text.js';
import type { FunctionName } from './function-name.js';
import { ModuleError } from './module-error.js';
import { ModuleGraph, StoredFiles, type UserModule } from './module-graph.js';
import { consoleOf, NgxObject, NjsObject } from './ngx-object.js';
import type { FunctionOwner, ScriptFunction } from './script-function.js';
import { importsOf, ScriptScope, searchPathsOf } from './script-scope.js';
import { ScriptTimers } from './script-timers.js';

const KEY = 'scripts';

/** Number of names of variables whose getters are kept: scripts may compute names. */
const MAX_GETTERS = 1000;

/** The scripts of the table that is compiled, created on first use. */
export function scriptsOf(compiler: Compiler): Scripts {
  return compiler.shared.get<Scripts>(KEY) ?? compiler.shared.set(KEY, new Scripts(compiler));
}

/** The scripts of the table that is compiled; null if its configuration names none. */
export function createdScripts(compiler: Compiler): Scripts | null {
  return compiler.shared.get<Scripts>(KEY) ?? null;
}

/** Whether a block, or one in it, has a directive of scripts. */
export function namesScripts(block: CheckedBlock): boolean {
  return block.own.some((name) => name.startsWith('js_')) || innerBlocks(block).some(namesScripts);
}

function innerBlocks({ blocks, steps }: CheckedBlock): readonly CheckedBlock[] {
  const conditional = steps.flatMap((step) => (step.block === null ? [] : [step.block]));
  return conditional.length === 0 ? blocks : [...blocks, ...conditional];
}

export class Scripts implements FunctionOwner {
  /** Called when the table is no longer used. */
  readonly dispose = new Set<() => void>();
  /** Further names that the modules of a block can use, with their values. Providers add to the list. */
  readonly globals: ((block: CheckedBlock) => Iterable<readonly [name: string, value: unknown]>)[] = [];
  /** Names of variables that `js_var` defines. */
  readonly variableNames = new Set<string>();
  tracksSessions = false;
  readonly simulates: boolean;
  readonly ngx: NgxObject;
  private readonly njs: NjsObject;
  /** See `measures`; null before the first call, when the whole configuration is compiled. */
  private measured: boolean | null = null;
  private readonly timers: ScriptTimers;
  private readonly environments = new Map<string, Environment>();
  private readonly scopes = new Map<string, ScriptScope>();
  private readonly getters = new Map<string, Getter | null>();

  constructor(private readonly compiler: Compiler) {
    this.simulates = compiler.observer.simulates;
    this.timers = new ScriptTimers((error, x) => this.report('js exception', error, x));
    this.ngx = new NgxObject(compiler, confDirectoryOf(compiler));
    this.njs = new NjsObject(
      (error, x) => this.report('js exception', error, x),
      (call) => this.dispose.add(call),
    );
    this.dispose.add(
      addErrorOwner((error, kind) => {
        if (!this.owns(error)) return false;
        this.report(kind === 'rejection' ? 'js unhandled rejection' : 'js exception', error, currentSession());
        return true;
      }),
    );
  }

  /** Loads and evaluates the modules that blocks of `http` import. */
  async load(http: CheckedBlock): Promise<void> {
    const blocks: CheckedBlock[] = [http];
    for (let block = blocks.pop(); block !== undefined; block = blocks.pop()) {
      if (block === http || DEFINING.some((name) => (block as CheckedBlock).own.includes(name))) {
        await this.loadBlock(block);
      }
      for (const inner of innerBlocks(block)) blocks.push(inner);
    }
  }

  private async loadBlock(block: CheckedBlock): Promise<void> {
    const imports = importsOf(block);
    if (imports.size === 0) return;
    const environment = this.environment(block);
    for (const { file, at } of imports.values()) {
      try {
        const module = moduleOf(environment.graph, file);
        if (module.parsed.waits) this.tracksSessions = true;
        environment.graph.verify();
        await environment.evaluate(module);
      } catch (error) {
        if (error instanceof ModuleError) this.compiler.fail(toBytes(error.withPlace), at);
        throw error;
      }
    }
  }

  /** Returns the function that a directive of a block names. Throws StartError if there is none. */
  function(block: CheckedBlock, { name, at }: FunctionName, directive: string): ScriptFunction {
    const found = this.scope(block)?.function(name, directive);
    if (found === undefined) {
      return this.compiler.fail(`no imports defined for "${directive}" "${name}", use js_import directive`, at);
    }
    return typeof found === 'string' ? this.compiler.fail(found, at) : found;
  }

  /** The scope of a block; null if no modules are imported there. */
  scope(block: CheckedBlock): ScriptScope | null {
    const imports = importsOf(block);
    const { scripts: given } = this.compiler;
    if (imports.size === 0 && Object.keys(given).length === 0) return null;
    const isolates = block.values.js_engine === 'njs';
    const key = JSON.stringify([
      environmentKey(block),
      isolates,
      ...[...imports.values()].map(({ name, file }) => [name, file]),
    ]);
    let scope = this.scopes.get(key);
    if (scope === undefined) {
      const environment = this.environment(block);
      const modules = new Map<string, UserModule>();
      for (const { name, file } of imports.values()) modules.set(name, moduleOf(environment.graph, file));
      scope = new ScriptScope(environment, modules, this, given, isolates);
      this.scopes.set(key, scope);
    }
    return scope;
  }

  /** The environment of a block, which blocks with the same directives share. */
  environment(block: CheckedBlock): Environment {
    const key = environmentKey(block);
    let environment = this.environments.get(key);
    if (environment === undefined) {
      const { compiler } = this;
      const globals = new Map<string, unknown>([
        ['ngx', this.ngx],
        ['njs', this.njs],
        ['console', consoleOf(compiler)],
        ...Object.entries(this.timers.functions),
        ...this.globals.flatMap((each) => [...each(block)]),
      ]);
      const graph = new ModuleGraph(searchPathsOf(block), new StoredFiles(compiler.files), [...globals.keys()]);
      environment = new Environment(graph, globals);
      this.environments.set(key, environment);
    }
    return environment;
  }

  describe(error: unknown): string {
    return toBytes(
      exceptionText(
        error,
        [...this.environments.values()].map(({ graph }) => graph),
      ),
    );
  }

  /** Logs an error of a script; `x`: the exchange for which it ran, if known. */
  private report(what: string, error: unknown, x: Exchange | null): void {
    const message = `${what}: ${this.describe(error)}`;
    if (x !== null) logError(x, 'error', message);
    else this.compiler.errorLog.write('error', message);
  }

  /** Whether an error was thrown by a user module of this table. */
  private owns(error: unknown): boolean {
    return [...this.environments.values()].some(({ graph }) => userFrames(error, graph).length > 0);
  }

  get measures(): boolean {
    const { compiler } = this;
    this.measured ??=
      this.simulates || compiler.mentioned('js_time') !== null || compiler.mentioned('js_blocked_time') !== null;
    return this.measured;
  }

  /** Getter of a variable; null if it does not exist. */
  getter(name: string): Getter | null {
    let getter = this.getters.get(name);
    if (getter === undefined) {
      getter = this.compiler.lookup(name);
      if (this.getters.size < MAX_GETTERS) this.getters.set(name, getter);
    }
    return getter;
  }

  /** A variable that the configuration mentions; null if it does not. */
  variable(name: string): Variable | null {
    return this.compiler.mentioned(name);
  }

  /** Clears the timers that functions have set for an exchange. */
  clearTimers(x: Exchange): void {
    this.timers.clearFor(x);
  }

  close(): void {
    this.timers.dispose();
    for (const dispose of this.dispose) dispose();
  }
}

/** Directives that change the scope of a block. */
const DEFINING = ['js_import', 'js_path', 'js_preload_object'];

function environmentKey({ values }: CheckedBlock): string {
  return JSON.stringify([values.js_path ?? [], values.js_preload_object ?? []]);
}

function moduleOf(graph: ModuleGraph, file: string): UserModule {
  const path = graph.find(file);
  if (path === null) throw new ModuleError('missing', `Cannot load module "${toText(file)}"`, toText(file), null, null);
  return graph.load(path);
}

/** Directory of the configuration file, with a trailing slash. */
function confDirectoryOf({ config }: Compiler): string {
  const { file } = config.at;
  return file.slice(0, file.lastIndexOf('/') + 1);
}

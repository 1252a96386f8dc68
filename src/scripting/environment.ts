/** Instances of user modules: the values that their statements have created. One set per table. */
import { pathToFileURL } from 'node:url';
import { positionOf } from './edits.js';
import { reasonOf, userFrames } from './exception-text.js';
import { ModuleError } from './module-error.js';
import type { Link, ModuleGraph, UserModule } from './module-graph.js';
import { BUILT_IN_MODULES } from './njs/built-in-modules.js';
import { runScript } from './node-loader.js';

type Namespace = Record<string, unknown>;

/** Value of the script of a module (`parseModule`). */
interface Compiled {
  readonly load: (specifier: string) => Promise<Namespace>;
  readonly run: (...given: readonly unknown[]) => unknown;
}

/** ms for which the statements of modules may wait when they are loaded. */
const LOAD_TIMEOUT = 10_000;

class Instance {
  readonly namespace: Namespace = Object.create(null) as Namespace;
  evaluation: Promise<void> | null = null;
  compiled: Compiled | null = null;
  /** By request of the module. */
  namespaces: readonly Namespace[] = [];

  constructor(readonly module: UserModule) {
    Object.defineProperty(this.namespace, Symbol.toStringTag, { value: 'Module' });
  }
}

export class Environment {
  private readonly instances = new Map<UserModule, Instance>();

  /**
   * @param globals values of the names that every module can use
   * @param original the environment whose modules have been evaluated and are executed again; null: none
   */
  constructor(
    readonly graph: ModuleGraph,
    private readonly globals: ReadonlyMap<string, unknown>,
    private readonly original: Environment | null = null,
  ) {}

  /** An environment in which `executedAgain` executes the same modules, for variables of their own. */
  renewed(): Environment {
    return new Environment(this.graph, this.globals, this);
  }

  /**
   * Namespace of a module of the original environment, whose statements are executed at once and again, after those of the
   * modules that it imports. A module with `await` outside of functions is not executed again: its original is used.
   */
  executedAgain(module: UserModule): Namespace {
    const { original } = this;
    if (original === null || module.parsed.awaits) return (original ?? this).namespace(module);
    const instance = this.instance(module);
    if (instance.compiled !== null) return instance.namespace;
    const { compiled, namespaces } = original.instance(module);
    if (compiled === null) return original.namespace(module);
    // Before its imports, which may import it in turn.
    instance.compiled = compiled;
    instance.namespaces = module.links.map((link, i) =>
      link.kind === 'module' ? this.executedAgain(link.module) : (namespaces[i] as Namespace),
    );
    this.execute(instance, compiled, async (specifier) => {
      const link = this.graph.link(String(specifier), module, 0);
      if (link.kind !== 'module') return this.loaded(link, compiled.load);
      await original.evaluate(link.module);
      return this.executedAgain(link.module);
    });
    return instance.namespace;
  }

  /** Evaluates a module after those that it imports, each once; returns its namespace. Rejects with ModuleError. */
  async evaluate(module: UserModule): Promise<Namespace> {
    const instance = this.instance(module);
    await inTime(this.run(instance, new Set()), module);
    return instance.namespace;
  }

  /** Namespace of an evaluated module. */
  namespace(module: UserModule): Namespace {
    return this.instance(module).namespace;
  }

  private instance(module: UserModule): Instance {
    let instance = this.instances.get(module);
    if (instance === undefined) {
      instance = new Instance(module);
      this.instances.set(module, instance);
      this.forwardExports(instance);
    }
    return instance;
  }

  /** @param waiting modules whose evaluation waits for this one: in a cycle, they are evaluated later */
  private run(instance: Instance, waiting: ReadonlySet<Instance>): Promise<void> {
    if (waiting.has(instance)) return Promise.resolve();
    instance.evaluation ??= this.evaluateOnce(instance, new Set([...waiting, instance]));
    return instance.evaluation;
  }

  private async evaluateOnce(instance: Instance, waiting: ReadonlySet<Instance>): Promise<void> {
    const { module } = instance;
    const { script, requests } = module.parsed;
    const compiled = runScript(script.text, module.name) as Compiled;
    const namespaces: Namespace[] = [];
    for (const [i, link] of module.links.entries()) {
      if (link.kind === 'module') await this.run(this.instance(link.module), waiting);
      try {
        namespaces.push(await this.loaded(link, compiled.load));
      } catch (error) {
        if (error instanceof ModuleError) throw error;
        const request = requests[i];
        const place = positionOf(module.text, request?.at ?? 0);
        throw new ModuleError('failed', reasonOf(error), module.name, place, module.text);
      }
    }
    instance.compiled = compiled;
    instance.namespaces = namespaces;
    const load = async (specifier: string): Promise<Namespace> => {
      const link = this.graph.link(String(specifier), module, 0);
      if (link.kind === 'module') return this.evaluate(link.module);
      return this.loaded(link, compiled.load);
    };
    try {
      await this.execute(instance, compiled, load);
    } catch (error) {
      if (error instanceof ModuleError) throw error;
      const [frame] = userFrames(error, this.graph);
      const place = frame === undefined ? null : { line: frame.line, column: frame.column };
      throw new ModuleError(
        'failed',
        reasonOf(error),
        frame?.module.name ?? module.name,
        place,
        frame?.module.text ?? null,
      );
    }
  }

  /** Executes the statements of a module; the result is a promise if it has an `await` outside of functions. */
  private execute(instance: Instance, compiled: Compiled, load: (specifier: string) => Promise<Namespace>): unknown {
    const { module, namespace, namespaces } = instance;
    this.forwardNames(instance, namespaces);
    const exports = (getters: Readonly<Record<string, () => unknown>>): void => {
      for (const [name, get] of Object.entries(getters)) define(namespace, name, get);
    };
    const meta = { url: pathToFileURL(module.name).href, filename: module.name, dirname: directoryOf(module.name) };
    return compiled.run(exports, namespaces, load, meta, ...this.globals.values());
  }

  private async loaded(link: Link, load: Compiled['load']): Promise<Namespace> {
    if (link.kind === 'module') return this.instance(link.module).namespace;
    if (link.kind === 'package') return load(link.specifier);
    const builtIn = BUILT_IN_MODULES.get(link.name);
    return builtIn === undefined ? load(link.name) : { ...(await builtIn()) };
  }

  /** Defines the exports of a module: its own, which throw until they are initialized, and those of other user modules. */
  private forwardExports({ module, namespace }: Instance): void {
    const { exports, exportsAll } = module.parsed;
    for (const { name, from } of exports) {
      if (from === null) {
        define(namespace, name, () => {
          throw new ReferenceError(`Cannot access '${name}' before initialization`);
        });
      }
    }
    for (const { name, from } of exports) {
      const link = from === null ? undefined : module.links[from.request];
      if (link?.kind !== 'module' || from === null) continue;
      define(namespace, name, () => member(this.instance(link.module).namespace, from.name));
    }
    for (const request of exportsAll) {
      const link = module.links[request];
      if (link?.kind !== 'module' || link.module === module) continue;
      const other = this.instance(link.module).namespace;
      for (const name of Object.keys(other)) if (name !== 'default') forward(namespace, name, other);
    }
  }

  /** Defines the exports whose values come from modules that Node has loaded. */
  private forwardNames({ module, namespace }: Instance, namespaces: readonly Namespace[]): void {
    for (const { name, from } of module.parsed.exports) {
      const other = from === null ? undefined : namespaces[from.request];
      if (from !== null && other !== undefined) define(namespace, name, () => member(other, from.name));
    }
    for (const request of module.parsed.exportsAll) {
      const other = namespaces[request];
      if (other === undefined) continue;
      for (const name of Object.keys(other)) if (name !== 'default') forward(namespace, name, other);
    }
  }
}

function member(namespace: Namespace, name: string): unknown {
  return name === '*' ? namespace : namespace[name];
}

function define(namespace: Namespace, name: string, get: () => unknown): void {
  Object.defineProperty(namespace, name, { get, enumerable: true, configurable: true });
}

/** A module's own exports take precedence. */
function forward(namespace: Namespace, name: string, other: Namespace): void {
  if (!(name in namespace)) define(namespace, name, () => other[name]);
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** Limits the time of loading: a module may await a promise that never settles. */
async function inTime(work: Promise<void>, { name }: UserModule): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `module "${name}" was not loaded in ${LOAD_TIMEOUT / 1000} s`;
    timer = setTimeout(() => reject(new ModuleError('failed', message, name, null, null)), LOAD_TIMEOUT);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** CheckedConfig → RoutingTable: binds modules, variables and templates, and compiles each location's program. */
import type { CheckedBlock, CheckedConfig, CheckedStep } from '../config/checked-config.js';
import type { ConfOf, Directives } from '../config/directive.js';
import { type GivenScripts, givenScripts } from '../config/module-declaration.js';
import { Expression } from '../config/pcre/expression.js';
import type { Place } from '../config/place.js';
import type { PatternData, TemplateData } from '../config/template.js';
import type { ErrorLog } from '../logging/error-log.js';
import { Tap } from '../tap/tap.js';
import { LocalBackend } from '../zones/local-backend.js';
import type { ZoneBackend } from '../zones/zone.js';
import { Confs } from './confs.js';
import type { Handler } from './handler.js';
import {
  type CompiledPattern,
  type Compiler,
  type Listening,
  type Module,
  type PhaseHandler,
  type Scope,
  Shared,
} from './module.js';
import { type Hooks, type Observer, UNOBSERVED } from './observer.js';
import { searchFor } from './pattern-search.js';
import { PHASES, type Phase } from './phases.js';
import { NO_PROCESS, type ProcessLink } from './process-link.js';
import { LocationProgram, NONE, type PhaseHandlers, type ServerProgram } from './program.js';
import { newSecret } from './secret.js';
import type { Session } from './session.js';
import { LocationSettings } from './settings.js';
import { Template } from './template.js';
import { TimeSlice } from './time-slice.js';
import { Variable } from './variable.js';
import type { Getter, VariableSpec } from './variable-spec.js';
import { withStores } from './zone-stores.js';

/** Compiled configuration: listeners with their servers. Created for each (re)load. */
export class RoutingTable {
  constructor(
    readonly listeners: readonly Listening[],
    /** Number of slots that an exchange needs for its variables. */
    readonly slots: () => number,
    readonly shared: Shared,
    readonly config: CheckedConfig,
    /** Number of the configuration; counts from 1 over the reloads. */
    readonly generation: number,
    /** Compiled programs by block. */
    readonly programs: Programs,
  ) {}
  /** Active exchanges and tunnels that began with this table. */
  users = 0;
  /** Possible sources of further requests: listeners being closed, and their connections. */
  expecting = 0;
  /** Called when the table is unused and a newer one is in force. */
  onUnused: (() => void) | null = null;

  get unused(): boolean {
    return this.users === 0 && this.expecting === 0;
  }
}

/** Compiled programs by block, and the variables: for exchanges that move to another table. */
export interface Programs {
  readonly locations: ReadonlyMap<CheckedBlock, LocationProgram>;
  readonly servers: ReadonlyMap<CheckedBlock, ServerProgram>;
  readonly variables: ReadonlyMap<string, Variable>;
}

/** A valid configuration cannot be started: a host does not resolve, or a port is in use. */
export class StartError extends Error {
  constructor(
    message: string,
    readonly at: Place | null,
  ) {
    super(message);
  }
}

export interface CompileOptions {
  readonly errorLog: ErrorLog;
  /** The table in force, for objects that survive a reload. */
  readonly previous?: RoutingTable | null;
  /** Number of the configuration; counts from 1 over the reloads. Default: 1. */
  readonly generation?: number;
  /** Prefix of relative paths (`-p`). */
  readonly prefix: string;
  /** See `Compiler.secret`. Default: random. */
  readonly secret?: Buffer;
  /** See `Compiler.files`. Default: none. */
  readonly files?: Readonly<Record<string, string>>;
  /** Location of zones shared by workers. Default: in this process, in the backend of the table in force. */
  readonly zones?: ZoneBackend;
  /** Location of zones that outlive this process. Default: as `zones`. */
  readonly lastingZones?: ZoneBackend;
  /** Whether the table is compiled only as a test: it serves nothing and does not listen. */
  readonly onlyTest?: boolean;
  /** See `Compiler.replacement`. Default: false. */
  readonly replacement?: boolean;
  /** The traffic tap to which its requests are published. Default: one without subscribers. */
  readonly tap?: Tap;
  /** The process in which it serves. Default: none. */
  readonly link?: ProcessLink;
  /** Observes the table and its requests; such a table does not serve and logs nothing. Default: none. */
  readonly observer?: Observer;
}

const ZONE_HOME = 'home of zones';

/** Compiles a configuration; rejects with StartError. */
export async function compileRoutingTable(
  config: CheckedConfig,
  modules: readonly Module[],
  options: CompileOptions,
): Promise<RoutingTable> {
  const compiler = new TableCompiler(config, modules, options);
  let listeners: Listening[];
  try {
    listeners = await compiler.run();
  } catch (error) {
    // Close the objects opened for this table only.
    compiler.shared.close(options.previous ? [options.previous.shared] : []);
    throw error;
  }
  return new RoutingTable(listeners, () => compiler.slots, compiler.shared, config, options.generation ?? 1, compiler);
}

type ModuleConf = ConfOf<Directives>;

/** Variables of `http` modules are evaluated for exchanges only: no other session uses a table's servers. */
function forSession(getter: Getter | null): Variable['getter'] {
  return getter as Variable['getter'];
}

class TableCompiler implements Compiler, Programs {
  readonly shared = new Shared();
  /**
   * Cleared after compilation. Compiled closures capture the compiler; keeping this would retain every earlier table.
   */
  previous: Shared | null;
  readonly prefix: string;
  readonly errorLog: ErrorLog;
  readonly zones: ZoneBackend;
  readonly lastingZones: ZoneBackend;
  private givenSecret: Buffer | null;
  readonly files: Map<string, string>;
  readonly scripts: GivenScripts;
  readonly observer: Observer;
  readonly tap: Tap;
  readonly link: ProcessLink;
  readonly onlyTest: boolean;
  readonly replacement: boolean;
  readonly slice = new TimeSlice();
  readonly variables = new Map<string, Variable>();
  readonly locations = new Map<CheckedBlock, LocationProgram>();
  readonly servers = new Map<CheckedBlock, ServerProgram>();
  private readonly builtIn = new Map<string, VariableSpec>();
  private readonly families: { readonly prefix: string; readonly spec: VariableSpec }[] = [];
  private readonly confs: Confs;
  private readonly work: Promise<void>[] = [];
  private readonly ordered = new Map<keyof Hooks, readonly Module[]>();
  /** Modules with a `settings` hook. */
  private readonly withSettings: readonly Module[];

  constructor(
    readonly config: CheckedConfig,
    private readonly modules: readonly Module[],
    {
      previous,
      prefix,
      errorLog,
      zones,
      lastingZones,
      secret,
      files = {},
      onlyTest = false,
      replacement = false,
      observer = UNOBSERVED,
      tap = new Tap(),
      link = NO_PROCESS,
    }: CompileOptions,
  ) {
    this.observer = observer;
    this.tap = tap;
    this.link = link;
    this.onlyTest = onlyTest;
    this.previous = previous?.shared ?? null;
    this.prefix = prefix;
    this.givenSecret = secret ?? null;
    this.files = new Map(Object.entries(files));
    this.errorLog = errorLog;
    this.replacement = replacement;
    const home = zones ?? this.previous?.get<ZoneBackend>(ZONE_HOME) ?? new LocalBackend();
    this.zones = withStores(this, this.shared.set(ZONE_HOME, home));
    this.lastingZones = lastingZones ?? home;
    this.scripts = givenScripts(modules);
    this.confs = new Confs(modules);
    this.withSettings = modules.filter(({ settings }) => settings !== undefined);
    for (const module of modules) {
      for (const [name, spec] of Object.entries(module.variables ?? {})) {
        if (name.endsWith('*')) this.families.push({ prefix: name.slice(0, -1), spec });
        else this.builtIn.set(name, spec);
      }
    }
    this.families.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  get secret(): Buffer {
    this.givenSecret ??= newSecret();
    return this.givenSecret;
  }

  get slots(): number {
    return this.variables.size;
  }

  async run(): Promise<Listening[]> {
    const listeners: Listening[] = [];
    const httpBlocks = this.config.blocks.filter((block) => block.context === 'http');
    for (const http of httpBlocks) {
      for (const module of this.modules) {
        await module.http?.(this.conf(module, http), http, this);
        if (this.slice.over) await this.slice.next();
      }
      for (const module of this.modules) {
        if (module.routes !== undefined) {
          const routes = await module.routes(this.conf(module, http), http, this);
          for (const listening of routes) listeners.push(listening);
        }
      }
    }
    await Promise.all(this.work);
    this.previous = null;
    this.files.clear();
    this.confs.clear();
    this.work.length = 0;
    return listeners;
  }

  await(work: Promise<void>): void {
    // A rejection is reported when all are awaited; until then it must not count as unhandled.
    work.catch(() => {});
    this.work.push(work);
  }

  fail(message: string, at: Place | null): never {
    throw new StartError(message, at);
  }

  whenServing(load: () => Promise<void>): void {
    if (!this.onlyTest) this.await(load());
  }

  // -- variables

  variable(name: string): Variable {
    const existing = this.variables.get(name);
    if (existing !== undefined) return existing;
    const variable = new Variable(name, this.variables.size);
    this.variables.set(name, variable);
    this.bind(variable);
    return variable;
  }

  define(name: string, getter: Getter | null, cached = false): Variable {
    const variable = this.variable(name);
    if (getter !== null) {
      variable.getter = forSession(getter);
      variable.cached = cached;
    }
    return variable;
  }

  lookup(name: string): Getter | null {
    const existing = this.variables.get(name);
    if (/^[0-9]$/.test(name)) return null;
    if (existing !== undefined) return (x) => existing.value(x);
    // Neither given a slot nor cached: pages could use any number of names.
    const variable = new Variable(name, -1);
    this.bind(variable);
    return variable.getter;
  }

  mentioned(name: string): Variable | null {
    return this.variables.get(name) ?? null;
  }

  private bind(variable: Variable): void {
    const { name } = variable;
    if (/^[1-9]$/.test(name)) {
      const group = Number(name);
      variable.getter = (x) => x.captures?.[group];
      return;
    }
    const spec = this.builtIn.get(name);
    if (spec !== undefined) {
      variable.getter = forSession(spec.get ?? null);
      variable.setter = (spec.set ?? null) as Variable['setter']; // as in `forSession`
      variable.cached = spec.cached === true;
      return;
    }
    const family = this.families.find((f) => name.startsWith(f.prefix) && name.length > f.prefix.length);
    if (family !== undefined) {
      variable.getter = forSession(family.spec.family?.(name.slice(family.prefix.length)) ?? null);
      variable.cached = family.spec.cached === true;
    }
  }

  template(data: TemplateData): Template {
    if (typeof data === 'string') return new Template(data, [data]);
    return new Template(
      null,
      data.map((piece) => (typeof piece === 'string' ? piece : this.variable(piece.variable))),
    );
  }

  pattern(data: PatternData): CompiledPattern {
    const expression = new Expression(data);
    const names = data.names.map((name, i) => ({ group: data.indexes[i] ?? 0, variable: this.variable(name) }));
    return {
      test(x: Session, subject: string): boolean {
        const match = searchFor(x, expression, subject);
        if (match === null) return false;
        x.captures = match;
        for (const { group, variable } of names) x.slots[variable.slot] = match[group] ?? '';
        return true;
      },
    };
  }

  // -- blocks

  conf<D extends Directives>(module: Module<D>, block: CheckedBlock): ConfOf<D> {
    return this.confs.of(module, block);
  }

  program(block: CheckedBlock, server: ServerProgram | null, outer: Scope | null = null): LocationProgram {
    const program = new LocationProgram(new LocationSettings(this.errorLog));
    program.block = block;
    if (!this.onlyTest) this.locations.set(block, program);
    if (outer !== null) program.name = outer.program.name;
    const scope = this.scope(block, program, server, outer);
    for (const module of this.withSettings) module.settings?.(this.conf(module, block), scope);
    program.handlers = this.handlers('location', scope);
    program.headerFilters = this.compileHook('headerFilter', (m) => m.headerFilter, scope);
    program.bodyFilters = this.compileHook('bodyFilter', (m) => m.bodyFilter, scope);
    return program;
  }

  serverHandlers(block: CheckedBlock, server: ServerProgram): void {
    if (!this.onlyTest) this.servers.set(block, server);
    const scope = this.scope(block, server.base, server);
    server.handlers = this.handlers('server', scope);
  }

  private handlers(level: 'server' | 'location', scope: Scope): PhaseHandlers {
    return PHASES.map((phase) => (phase.level === level ? this.phase(phase.name, scope) : NONE));
  }

  private phase(phase: Phase, scope: Scope): readonly Handler[] {
    // Log files would be opened for a table that is only observed.
    if (phase === 'log' && this.observer.simulates) return NONE;
    return this.compileHook(phase, (m) => m.phases?.[phase], scope);
  }

  private compileHook<K extends keyof Hooks>(
    name: K,
    hook: (module: Module) => PhaseHandler<ModuleConf, Hooks[K]> | undefined,
    scope: Scope,
  ): readonly Hooks[K][] {
    let modules = this.ordered.get(name);
    if (modules === undefined) {
      modules = this.modules
        .filter((m) => hook(m) !== undefined)
        .sort((a, b) => (hook(a)?.order ?? 0) - (hook(b)?.order ?? 0));
      this.ordered.set(name, modules);
    }
    let compiled: readonly Hooks[K][] = NONE;
    for (const module of modules) {
      const handler = hook(module)?.compile(this.conf(module, scope.block), scope) ?? null;
      if (handler === null) continue;
      // Exact-size arrays: there is one per location and phase, and `push` would reserve space for seventeen elements.
      compiled = [...compiled, this.observer.wrap(name, handler, module.name, scope.block)];
    }
    return compiled;
  }

  private scope(
    block: CheckedBlock,
    program: LocationProgram,
    server: ServerProgram | null,
    outer: Scope | null = null,
  ): Scope {
    const scope: Scope = {
      compiler: this,
      block,
      program,
      server,
      outer,
      owns: (directive) => block.own.includes(directive),
      nested: (step: CheckedStep) => {
        if (step.block === null) throw new Error(`${step.directive} has no body`);
        const nested = this.program(step.block, server, scope);
        nested.autoRedirect = program.autoRedirect;
        return nested;
      },
    };
    return scope;
  }
}

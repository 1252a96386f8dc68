/** Module interface: directives, variables, and the handlers compiled into a location's program. */
import type { CheckedBlock, CheckedConfig, CheckedStep } from '../config/checked-config.js';
import type { ConfOf, Directives } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { Place } from '../config/place.js';
import type { PatternData, TemplateData } from '../config/template.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { AcceptStep } from '../net/accept-step.js';
import type { ZoneBackend } from '../zones/zone.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
import type { Observer } from './observer.js';
import type { Phase } from './phases.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from './program.js';
import type { Session } from './session.js';
import type { Template } from './template.js';
import type { TimeSlice } from './time-slice.js';
import type { Getter, VariableSpec } from './variable.js';
import type { Variable } from './variable-slot.js';

export type { BodyFilter, BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
export type { Phase } from './phases.js';

/** A handler of one phase. Handlers of a phase run in ascending `order`. */
export interface PhaseHandler<C, H = Handler> {
  readonly order: number;
  /**
   * Whether compiling it cannot fail and does not open, look up or share anything: it is skipped for a table that is
   * only a test.
   */
  readonly pure?: true;
  /**
   * Called for each server or location, according to the level of the phase (`PHASES`); null if the handler does not
   * apply.
   */
  compile(conf: C, at: Scope): H | null;
}

/** The block being compiled, and the means to compile its contents. */
export interface Scope {
  readonly compiler: Compiler;
  readonly block: CheckedBlock;
  /** The program being compiled; its settings are already set. */
  readonly program: LocationProgram;
  readonly server: ServerProgram | null;
  /** The enclosing block of an `if` or `limit_except` body; null elsewhere. */
  readonly outer: Scope | null;
  /** Whether the directive is written in this block, not inherited. */
  owns(directive: string): boolean;
  /** Compiles the body of an `if` step: the location that applies while the condition is true. */
  nested(step: CheckedStep): LocationProgram;
}

/** Compiles a checked configuration; one per routing table. */
export interface Compiler {
  readonly config: CheckedConfig;
  /** Directory of relative paths in the running proxy (`-p`), with a trailing slash, or empty. */
  readonly prefix: string;
  /** The error log of the process. */
  readonly errorLog: ErrorLog;
  /** Whether the table is compiled only as a test: objects needed only by requests are omitted, and nothing is kept. */
  readonly onlyTest: boolean;
  /** The observer; null in a table that serves. */
  readonly observer: Observer | null;
  /** Shared objects of the running configuration that survive a reload (peers, zones); null at the start. */
  readonly previous: Shared | null;
  readonly shared: Shared;
  /** Location of zones; the same backend for all tables of the process. */
  readonly zones: ZoneBackend;
  template(data: TemplateData): Template;
  /** Returns the variable of that name (without `$`), creating it if necessary. */
  variable(name: string): Variable;
  /**
   * Returns the getter of a variable whose name is only known at run time (in an included page); null if it does not
   * exist. Captures of regular expressions are excluded.
   */
  lookup(name: string): Getter | null;
  /** Binds a variable that a directive creates (`map`, `set`, `split_clients`, named captures). */
  define(name: string, getter: Getter | null, cached?: boolean): Variable;
  /** Compiles a regular expression; its named groups become variables that a match sets. */
  pattern(data: PatternData): CompiledPattern;
  /** A module's values in a block, including defaults. */
  conf<D extends Directives>(module: Module<D>, block: CheckedBlock): ConfOf<D>;
  /** The program of a block (a server's own level, or a location): settings and handlers of all modules. */
  program(block: CheckedBlock, server: ServerProgram | null, outer?: Scope | null): LocationProgram;
  /** Adds the server-level handlers (`postRead`, `serverRewrite`) of a block to its program. */
  serverHandlers(block: CheckedBlock, server: ServerProgram): void;
  /** Divides long compilations; hooks that build many objects check it after each. */
  readonly slice: TimeSlice;
  /** Registers work that must be done before the table is used (such as resolving a name). */
  await(work: Promise<void>): void;
  /**
   * Loads code that only traffic needs, before the table is used. Skipped when only a configuration is tested, which
   * saves a considerable part of the test's time.
   */
  whenServing(load: () => Promise<void>): void;
  /** Aborts the compilation with an error that only shows at start (a host that does not resolve, a port in use). */
  fail(message: string, at: Place | null): never;
}

/** A listen address and its servers. */
export interface Listening {
  /**
   * Canonical form, such as `127.0.0.1:8080`, `[::]:80` or `unix:/run/x.sock`: listeners with equal keys are the same
   * socket.
   */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket, or null. */
  readonly path: string | null;
  readonly backlog: number;
  readonly ipv6only: boolean;
  readonly reuseport: boolean;
  /** ALPN name of the protocol of its connections, unless a step sets another: `http/1.1`. */
  readonly protocol: string;
  /** Steps between accept and the protocol, in order: PROXY protocol, TLS. Null if there are none. */
  readonly steps: readonly AcceptStep[] | null;
  readonly program: ListenerProgram;
  /** For a wildcard address: listeners of specific addresses on its port, by local address. */
  readonly byLocalAddress: ReadonlyMap<string, ListenerProgram> | null;
}

/** Objects that modules share within a table, by key: upstreams, zones, maps. */
export class Shared {
  private readonly objects = new Map<string, unknown>();
  get<T>(key: string): T | undefined {
    return this.objects.get(key) as T | undefined;
  }
  set<T>(key: string, value: T): T {
    this.objects.set(key, value);
    return value;
  }
  entries(): IterableIterator<[string, unknown]> {
    return this.objects.entries();
  }
  /** Closes all closable objects that none of the others contains. */
  close(others: Iterable<Shared>): void {
    const kept = new Set<unknown>();
    for (const other of others) for (const object of other.objects.values()) kept.add(object);
    for (const object of this.objects.values()) if (!kept.has(object) && isCloseable(object)) object.close();
  }
}

function isCloseable(object: unknown): object is { close(): void } {
  return typeof object === 'object' && object !== null && 'close' in object && typeof object.close === 'function';
}

/** A regular expression of a compiled configuration. */
export interface CompiledPattern {
  /**
   * Searches; on success sets `x.captures` and the variables of named groups. Throws `MatchFailed`, already logged, if
   * the search was aborted: the response is 500 unless the caller handles it.
   */
  test(x: Session, subject: string): boolean;
}

/**
 * A module, created by `defineModule`. Its hooks are declared as methods, so that a module with specific directive
 * types is assignable to the general type.
 */
export interface Module<D extends Directives = Directives> {
  /** nginx's name without `ngx_` and `_module`: `http_proxy` is `proxy`. */
  readonly name: string;
  /** One paragraph for the documentation. */
  readonly doc: string;
  readonly directives: D;
  readonly variables?: Readonly<Record<string, VariableSpec>>;
  /** Checks whole blocks: runs for each block that contains a directive of this module. */
  check?(block: CheckedBlock, c: CheckContext): void;
  /** See `ModuleDeclaration`. */
  holds?(block: CheckedBlock, config: CheckedConfig): Readonly<Record<string, unknown>>;
  /**
   * Builds objects shared by all servers (`map`, `upstream`, zones, log files): runs once, before servers are compiled.
   */
  http?(conf: ConfOf<D>, block: CheckedBlock, compiler: Compiler): void | Promise<void>;
  /** Builds the listeners with their servers, after every `http` hook; implemented by the core module. */
  routes?(conf: ConfOf<D>, block: CheckedBlock, compiler: Compiler): Listening[] | Promise<Listening[]>;
  /** Sets settings of a location's program (limits, timeouts) before any handler is compiled. */
  settings?(conf: ConfOf<D>, at: Scope): void;
  readonly phases?: { readonly [P in Phase]?: PhaseHandler<ConfOf<D>> };
  readonly headerFilter?: PhaseHandler<ConfOf<D>, HeaderFilter>;
  readonly bodyFilter?: PhaseHandler<ConfOf<D>, BodyFilterFactory>;
}

/** Declares a module; the types of `conf` follow from the declared directives. */
export function defineModule<const D extends Directives>(module: Module<D>): Module<D> {
  return module;
}

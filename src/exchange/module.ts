/** What a module is: its directives, its variables, and the handlers that its directives put into a location's program. */
import type { CheckedBlock, CheckedConfig, CheckedStep, Place } from '../config/checked-config.js';
import type { ConfOf, Directives } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { PatternData, TemplateData } from '../config/template.js';
import type { ZoneBackend } from '../zones/zone.js';
import type { ErrorLog } from './error-log.js';
import type { BodyFilter, Exchange } from './exchange.js';
import type { Observer } from './observer.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from './program.js';
import type { Template } from './template.js';
import type { TimeSlice } from './time-slice.js';
import type { Getter, Variable, VariableSpec } from './variable.js';
import type { Verdict } from './verdict.js';

/** A phase handler. It answers at once, or with a promise only when it must wait. */
export type Handler = (x: Exchange) => Verdict | Promise<Verdict>;
/**
 * Changes the answer's head before it is sent; runs once per answer. A status that it returns (412, 416) is sent instead
 * of the answer.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: most filters return nothing
export type HeaderFilter = (x: Exchange) => number | void;
/** Makes a body filter for one answer, after the header filters ran; null where this answer is left alone. */
export type BodyFilterFactory = (x: Exchange) => BodyFilter | null;

/** nginx's phases that run handlers, in order. */
export const PHASES = [
  'postRead',
  'serverRewrite',
  'rewrite',
  'preaccess',
  'access',
  'precontent',
  'content',
  'log',
] as const;
export type Phase = (typeof PHASES)[number];

/** What compiles into one phase. Handlers of a phase run in ascending `order`. */
export interface PhaseHandler<C, H = Handler> {
  readonly order: number;
  /** Compiling it cannot fail, and opens, looks up and shares nothing: a table that is only a test does without. */
  readonly pure?: true;
  /** Called for each server (phases `postRead`, `serverRewrite`) or location (all others); null where it asks for nothing. */
  compile(conf: C, at: Scope): H | null;
}

/** The block that is being compiled, and the means to compile what is in it. */
export interface Scope {
  readonly compiler: Compiler;
  readonly block: CheckedBlock;
  /** The program that is being filled; settings are already in it. */
  readonly program: LocationProgram;
  readonly server: ServerProgram | null;
  /** The block around an `if` or `limit_except` body; null elsewhere. */
  readonly outer: Scope | null;
  /** True where the directive is written in this very block, not inherited. */
  owns(directive: string): boolean;
  /** Compiles the body of an `if` step: the location that holds while the condition does. */
  nested(step: CheckedStep): LocationProgram;
}

/** Compiles a checked configuration; one for each routing table. */
export interface Compiler {
  readonly config: CheckedConfig;
  /** The directory that relative paths of the running proxy start from (`-p`), with a slash at its end or empty. */
  readonly prefix: string;
  /** The error log of the process. */
  readonly errorLog: ErrorLog;
  /** The table is made to see whether it can be made: what only serves requests is left out, and nothing is kept. */
  readonly onlyTest: boolean;
  /** Who watches; null in a table that is to serve. */
  readonly observer: Observer | null;
  /** The table of the running configuration, for what is to live on over a reload (peers, zones); null at the start. */
  readonly previous: Shared | null;
  readonly shared: Shared;
  /** Where zones live; the same home over all tables of the process. */
  readonly zones: ZoneBackend;
  template(data: TemplateData): Template;
  /** The variable of that name (without `$`), created where it is not there yet. */
  variable(name: string): Variable;
  /**
   * What gives a variable that is named only while the proxy runs (in an included page); null where there is none of that
   * name. Captures of regular expressions are not among them.
   */
  lookup(name: string): Getter | null;
  /** Binds a variable that a directive creates (`map`, `set`, `split_clients`, named captures). */
  define(name: string, getter: Getter | null, cached?: boolean): Variable;
  /** A regular expression for `exec`; its named groups become variables that `capture` fills. */
  pattern(data: PatternData): CompiledPattern;
  /** A module's values in a block, defaults filled in. */
  conf<D extends Directives>(module: Module<D>, block: CheckedBlock): ConfOf<D>;
  /** The program of a block (a server's own level, or a location): settings and handlers of all modules. */
  program(block: CheckedBlock, server: ServerProgram | null, outer?: Scope | null): LocationProgram;
  /** The server-level handlers (`postRead`, `serverRewrite`) of a block, put into its program. */
  serverHandlers(block: CheckedBlock, server: ServerProgram): void;
  /** Divides long compilations; hooks that build many things look at it after each. */
  readonly slice: TimeSlice;
  /** Something that must be done before the table is used (a name that is being resolved). */
  await(work: Promise<void>): void;
  /**
   * Loads what only traffic needs, before the table is used. A table that is made to test a configuration does without,
   * which saves a good part of the time that the test takes.
   */
  whenServing(load: () => Promise<void>): void;
  /** Stops the compilation: something that only shows at start (a host that does not resolve, a port in use). */
  fail(message: string, at: Place | null): never;
}

/** One address on which the proxy is to listen, and the servers behind it. */
export interface Listening {
  /** Canonical form, such as `127.0.0.1:8080`, `[::]:80` or `unix:/run/x.sock`: two listeners are the same socket when it is equal. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket, or null. */
  readonly path: string | null;
  readonly backlog: number;
  readonly ipv6only: boolean;
  readonly reuseport: boolean;
  readonly program: ListenerProgram;
  /** For a wildcard address: the listeners of single addresses on its port, by local address. */
  readonly byLocalAddress: ReadonlyMap<string, ListenerProgram> | null;
}

/** Objects that modules share over a whole table, by key: upstreams, zones, maps. */
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
  /** Closes what can be closed, except what one of the others holds as well. */
  close(others: Iterable<Shared>): void {
    const kept = new Set<unknown>();
    for (const other of others) for (const object of other.objects.values()) kept.add(object);
    for (const object of this.objects.values()) if (!kept.has(object) && isCloseable(object)) object.close();
  }
}

function isCloseable(object: unknown): object is { close(): void } {
  return typeof object === 'object' && object !== null && 'close' in object && typeof object.close === 'function';
}

/** A regular expression in a compiled configuration. */
export interface CompiledPattern {
  /**
   * Searches; on success sets `x.captures` and the variables of named groups. Throws `MatchFailed`, which is logged already,
   * where the search was given up: the request is answered with 500 unless the caller has something better.
   */
  test(x: Exchange, subject: string): boolean;
}

/**
 * A module; `defineModule` makes it. Its hooks are declared as methods, so that a module that knows its own directives is
 * still one among all modules.
 */
export interface Module<D extends Directives = Directives> {
  /** nginx's name of it, without `ngx_` and `_module`: `http_proxy` is `proxy`. */
  readonly name: string;
  /** One paragraph for the documentation. */
  readonly doc: string;
  readonly directives: D;
  readonly variables?: Readonly<Record<string, VariableSpec>>;
  /** Checks that look at a whole block: run for each one in which a directive of this module is written. */
  check?(block: CheckedBlock, c: CheckContext): void;
  /** See `ModuleDeclaration`. */
  holds?(block: CheckedBlock, config: CheckedConfig): Readonly<Record<string, unknown>>;
  /** Builds what all servers share (`map`, `upstream`, zones, log files): run once, before servers compile. */
  http?(conf: ConfOf<D>, block: CheckedBlock, compiler: Compiler): void | Promise<void>;
  /** Builds the listeners with their servers, when every `http` hook has run. The core module does. */
  routes?(conf: ConfOf<D>, block: CheckedBlock, compiler: Compiler): Listening[] | Promise<Listening[]>;
  /** Fills in settings of a location's program (limits, timeouts) before any handler is compiled. */
  settings?(conf: ConfOf<D>, at: Scope): void;
  readonly phases?: { readonly [P in Phase]?: PhaseHandler<ConfOf<D>> };
  readonly headerFilter?: PhaseHandler<ConfOf<D>, HeaderFilter>;
  readonly bodyFilter?: PhaseHandler<ConfOf<D>, BodyFilterFactory>;
}

/** Declares a module; the types of `conf` follow from the declared directives. */
export function defineModule<const D extends Directives>(module: Module<D>): Module<D> {
  return module;
}

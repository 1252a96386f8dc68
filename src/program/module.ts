/** Module interface: directives, variables, and the handlers compiled into a location's program. */
import type { CheckedBlock, CheckedConfig, CheckedStep } from '../config/checked-config.js';
import type { ConfOf, Directives } from '../config/directive.js';
import type { CheckContext, GivenScripts } from '../config/module-declaration.js';
import type { AcceptStep } from '../net/accept-step.js';
import type { TcpKeepalive } from '../routing/listeners.js';
import type { Tap } from '../tap/tap.js';
import type { ZoneBackend } from '../zones/zone.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
import type {
  PhaseHandler as HandlerIn,
  ModuleCompiler,
  ModuleDefinition,
  ModuleScope,
  SharedObjects,
} from './module-definition.js';
import type { Observer } from './observer.js';
import type { Phase } from './phases.js';
import type { ProcessLink } from './process-link.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from './program.js';
import type { TimeSlice } from './time-slice.js';
import type { TunnelTarget } from './tunnel-target.js';
import type { Variable } from './variable.js';
import type { Getter } from './variable-spec.js';

export type { BodyFilter, BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
export type { CompiledPattern } from './module-definition.js';
export type { Phase } from './phases.js';

/** A handler of one phase of a module of this project. */
export type PhaseHandler<C, H = Handler> = HandlerIn<C, H, Scope>;

/** The block being compiled, and the means to compile its contents. */
export interface Scope extends ModuleScope {
  readonly compiler: Compiler;
  readonly block: CheckedBlock;
  /** The program being compiled; its settings are already set. */
  readonly program: LocationProgram;
  readonly server: ServerProgram | null;
  /** The enclosing block of an `if` or `limit_except` body; null elsewhere. */
  readonly outer: Scope | null;
  /** Compiles the body of an `if` step: the location that applies while the condition is true. */
  nested(step: CheckedStep): LocationProgram;
}

/** Compiles a checked configuration; one per routing table. */
export interface Compiler extends ModuleCompiler {
  readonly config: CheckedConfig;
  /** Receives compiled parts; `UNOBSERVED` in a table that serves. */
  readonly observer: Observer;
  /** The traffic tap of the process. */
  readonly tap: Tap;
  /** The process in which the table serves. */
  readonly link: ProcessLink;
  readonly previous: Shared | null;
  readonly shared: Shared;
  /** Location of zones; the same backend for all tables of the process. */
  readonly zones: ZoneBackend;
  /**
   * Location of zones that must outlive this process: the master, even for a worker that has always been alone and keeps its
   * other zones itself. The same as `zones` for a process without a master.
   */
  readonly lastingZones: ZoneBackend;
  /**
   * Contents of files by path, byte strings: those that the master has read (`DirectiveSpec.files`), and those that hooks
   * have read and added, so that each is read once. Empty while a table serves.
   */
  readonly files: Map<string, string>;
  /** Modules of scripts that are given as objects. */
  readonly scripts: GivenScripts;
  /** The process takes the place of one that died: what was in force must not be refused because of another machine. */
  readonly replacement: boolean;
  /** See `secret.ts`. */
  readonly secret: Buffer;
  /**
   * Returns the getter of a variable whose name is only known at run time (in an included page); null if it does not
   * exist. Captures of regular expressions are excluded.
   */
  lookup(name: string): Getter | null;
  /** Variables that the configuration mentions or defines. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Returns a variable that the configuration mentions or defines; null for others. */
  mentioned(name: string): Variable | null;
  /** A module's values in a block, including defaults. */
  conf<D extends Directives>(module: Module<D>, block: CheckedBlock): ConfOf<D>;
  /** The program of a block (a server's own level, or a location): settings and handlers of all modules. */
  program(block: CheckedBlock, server: ServerProgram | null, outer?: Scope | null): LocationProgram;
  /** Adds the server-level handlers (`postRead`, `serverRewrite`) of a block to its program. */
  serverHandlers(block: CheckedBlock, server: ServerProgram): void;
  /** Divides long compilations; hooks that build many objects check it after each. */
  readonly slice: TimeSlice;
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
  /** Null if not configured. */
  readonly keepalive: TcpKeepalive | null;
  /** Whether connections to its own address use TLS. */
  readonly secure: boolean;
  /** ALPN name of the protocol of its connections, unless a step sets another: `http/1.1`. */
  readonly protocol: string;
  /** Steps between accept and the protocol, in order: PROXY protocol, TLS. Null if there are none. */
  readonly steps: readonly AcceptStep[] | null;
  readonly program: ListenerProgram;
  /** For a wildcard address: listeners of specific addresses on its port, by local address. */
  readonly byLocalAddress: ReadonlyMap<string, ListenerProgram> | null;
}

/** Files whose changes put the configuration in force again, with their new contents. */
export interface WatchedFiles {
  /** Absolute paths, as bytes. */
  readonly paths: readonly string[];
  /** ms between two checks. */
  readonly interval: number;
}

/** Objects that modules share within a table, by key: upstreams, zones, maps. */
export class Shared implements SharedObjects {
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
  /** Called when the table is in force. `generation`: number of its configuration. */
  enforced(generation: number): void {
    for (const object of this.objects.values()) if (isEnforceable(object)) object.enforced(generation);
  }
  /** Called when the table is no longer in force: another one has replaced it, or its server no longer accepts connections. */
  superseded(): void {
    for (const object of this.objects.values()) if (isEnforceable(object)) object.superseded();
  }
  /** Closes all closable objects that none of the others contains. */
  close(others: Iterable<Shared>): void {
    const kept = new Set<unknown>();
    for (const other of others) for (const object of other.objects.values()) kept.add(object);
    for (const object of this.objects.values()) if (!kept.has(object) && isCloseable(object)) object.close();
  }
}

/** An object of a table that is active while the table is in force, independently of requests. */
export interface Enforceable {
  enforced(generation: number): void;
  superseded(): void;
}

function isEnforceable(object: unknown): object is Enforceable {
  return typeof object === 'object' && object !== null && 'enforced' in object && 'superseded' in object;
}

function isCloseable(object: unknown): object is { close(): void } {
  return typeof object === 'object' && object !== null && 'close' in object && typeof object.close === 'function';
}

/** A module of this project, created by `defineModule`. */
export interface Module<D extends Directives = Directives> extends ModuleDefinition<D> {
  /** Checks whole blocks: runs for each block that contains a directive of this module. */
  check?(block: CheckedBlock, c: CheckContext): void;
  /** See `ModuleDeclaration`. */
  holds?(block: CheckedBlock, config: CheckedConfig): Readonly<Record<string, unknown>>;
  /**
   * Whether an open tunnel may continue under a location of a new configuration, although the named directive, or
   * something that the location refers to (`upstream app`), differs from `before`, its location until now. A change that
   * no module accepts ends the tunnel. `shared`: objects of the new table.
   */
  tunnelContinues?(
    change: string,
    tunnel: TunnelTarget,
    before: CheckedBlock,
    after: CheckedBlock,
    shared: Shared,
  ): boolean;
  /** See `ModuleDeclaration`. */
  readonly scripts?: GivenScripts;
  /** Files of a block that are watched for changes; null: none. */
  watches?(block: CheckedBlock): WatchedFiles | null;
  /**
   * Files that the directives of a block refer to indirectly (imports of modules) and that are read when the configuration
   * is compiled; see `DirectiveSpec.files`.
   */
  reads?(block: CheckedBlock): readonly string[];
  http?(conf: ConfOf<D>, block: CheckedBlock, compiler: Compiler): void | Promise<void>;
  /** Builds the listeners with their servers, after every `http` hook; implemented by the core module. */
  routes?(conf: ConfOf<D>, block: CheckedBlock, compiler: Compiler): Listening[] | Promise<Listening[]>;
  settings?(conf: ConfOf<D>, at: Scope): void;
  readonly phases?: { readonly [P in Phase]?: PhaseHandler<ConfOf<D>> };
  readonly headerFilter?: PhaseHandler<ConfOf<D>, HeaderFilter>;
  readonly bodyFilter?: PhaseHandler<ConfOf<D>, BodyFilterFactory>;
}

/** Declares a module; the types of `conf` follow from the declared directives. */
export function defineModule<const D extends Directives>(module: Module<D>): Module<D> {
  return module;
}

/**
 * Module interface for authors: directives, variables, and handlers. `Module` (module.ts) extends it by what only modules
 * of this project use. Part of the public API (`tsproxy/module`).
 */

import type { ConfOf, Directives } from '../config/directive.js';
import type { Place } from '../config/place.js';
import type { PatternData, TemplateData } from '../config/template.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
import type { Phase } from './phases.js';
import type { Session } from './session.js';
import type { Settings, SettingsKey } from './settings-key.js';
import type { Template } from './template.js';
import type { Variable } from './variable.js';
import type { Getter, VariableSpec } from './variable-spec.js';

/** Objects that modules share within a configuration, by key. Closable objects are closed when no configuration has them. */
export interface SharedObjects {
  get<T>(key: string): T | undefined;
  set<T>(key: string, value: T): T;
}

/** A regular expression of a compiled configuration. */
export interface CompiledPattern {
  /**
   * Searches; on success sets `x.captures` and the variables of named groups. Throws `MatchFailed`, already logged, if
   * the search was aborted: the response is 500 unless the caller handles it.
   */
  test(x: Session, subject: string): boolean;
}

/** Compiles a configuration; one per (re)load. */
export interface ModuleCompiler {
  /** Directory of relative paths in the running proxy (`-p`), with a trailing slash, or empty. */
  readonly prefix: string;
  /** The error log of the process. */
  readonly errorLog: ErrorLog;
  /** Whether the table is compiled only as a test: objects needed only by requests are omitted, and nothing is kept. */
  readonly onlyTest: boolean;
  /** Shared objects of the running configuration that survive a reload (peers, zones); null at the start. */
  readonly previous: SharedObjects | null;
  readonly shared: SharedObjects;
  template(data: TemplateData): Template;
  /** Compiles a regular expression; its named groups become variables that a match sets. */
  pattern(data: PatternData): CompiledPattern;
  /** Returns the variable of that name (without `$`), creating it if necessary. */
  variable(name: string): Variable;
  /** Binds a variable that a directive creates (`map`, `set`, `split_clients`, named captures). */
  define(name: string, getter: Getter | null, cached?: boolean): Variable;
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

/** The block being compiled, and the means to compile its contents. */
export interface ModuleScope {
  readonly compiler: ModuleCompiler;
  /** The program being compiled; its settings are already set, except in the hook `settings` itself. */
  readonly program: {
    /** Name in nginx's logs: the pattern, or empty for the server's own level. */
    readonly name: string;
    readonly settings: Settings & {
      /** Called by `settings` hooks only. */
      set<T>(key: SettingsKey<T>, value: T): void;
    };
  };
  /** Whether the directive is written in this block, not inherited. */
  owns(directive: string): boolean;
}

/** A handler of one phase. Handlers of a phase run in ascending `order`. */
export interface PhaseHandler<C, H = Handler, S = ModuleScope> {
  readonly order: number;
  /**
   * Called for each server or location, according to the level of the phase (`PHASES`); null if the handler does not
   * apply.
   */
  compile(conf: C, at: S): H | null;
}

/** An `http` block. */
export interface HttpBlock {
  /** Directives in it. */
  readonly own: readonly string[];
}

/**
 * A module. Its hooks are declared as methods, so that a module with specific directive types is assignable to the
 * general type.
 */
export interface ModuleDefinition<D extends Directives = Directives> {
  /** Unique; nginx's name without `ngx_` and `_module`: `http_proxy` is `proxy`. */
  readonly name: string;
  /** One paragraph for the documentation. */
  readonly doc: string;
  readonly directives: D;
  readonly variables?: Readonly<Record<string, VariableSpec>>;
  /**
   * Builds objects shared by all servers (`map`, `upstream`, zones, log files): runs once, before servers are compiled.
   */
  http?(conf: ConfOf<D>, block: HttpBlock, compiler: ModuleCompiler): void | Promise<void>;
  /** Sets settings of a location's program before any handler is compiled. */
  settings?(conf: ConfOf<D>, at: ModuleScope): void;
  readonly phases?: { readonly [P in Phase]?: PhaseHandler<ConfOf<D>> };
  readonly headerFilter?: PhaseHandler<ConfOf<D>, HeaderFilter>;
  readonly bodyFilter?: PhaseHandler<ConfOf<D>, BodyFilterFactory>;
}

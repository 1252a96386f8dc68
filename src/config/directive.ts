/** Declaration of a directive: its contexts, arguments, default and documentation. */
import type { Span, Statement, Word } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Fix, MissingFeature, Related, Severity } from '../diagnostics/finding.js';
import type { Place } from './place.js';

/** The kinds of block in which a directive is allowed, in nginx's terms. */
export type Context =
  | 'main'
  | 'events'
  | 'http'
  | 'server'
  | 'location'
  | 'if in server'
  | 'if in location'
  | 'limit_except'
  | 'upstream'
  | 'match';

/** Optional parts of a finding besides its message. */
export interface FindingOptions {
  readonly severity?: Severity;
  readonly help?: string;
  readonly related?: readonly Related[];
  readonly fix?: Fix;
  readonly missing?: MissingFeature;
}

/** Services for an argument type while it parses the words of one directive. */
export interface ArgumentContext {
  /** Name of the directive. */
  readonly directive: string;
  /** The block that contains it. */
  readonly context: Context;
  /** The statement, for spans. */
  readonly statement: Statement;
  /** Resolves a relative path against the directory of the configuration file (`conf`) or the prefix (`prefix`). */
  path(relative: string, from: 'conf' | 'prefix'): string;
  /** Line and column of a span as plain data, for errors that occur only at start (a port in use). */
  place(at: Span): Place;
  /** Aborts the parsing of this directive with an error. */
  fail(at: Span, code: Code, message: string, options?: FindingOptions): never;
  /**
   * Reports a value that tsproxy does not support and that affects only speed: an error that aborts the parsing of this
   * directive, or a warning if `allow_unsupported` is on; then a substitute is used.
   */
  unsupported(at: Span, message: string, options?: FindingOptions): void;
  /** Reports a finding and continues. */
  report(at: Span, code: Code, message: string, options?: FindingOptions): void;
  /**
   * Returns the value of `parse`, or null if it failed: for continuing with the next entry of a block after an invalid
   * one.
   */
  attempt<T>(parse: (c: ArgumentContext) => T): { readonly value: T } | null;
  /** Records that the configuration uses `$name` here; unknown names are reported when the whole text has been read. */
  uses(name: string, at: Span): void;
  /** Records that the directive creates `$name`. */
  defines(name: string, at: Span): void;
}

/** Argument type: parses the words after a directive's name to a plain value (one that survives structuredClone). */
export interface ArgumentType<T> {
  /** Syntax in the documentation's notation: `on | off`, `time`, `name value [always]`. Empty for no arguments. */
  readonly syntax: string;
  /** Minimum number of words; outside the range nginx's `invalid number of arguments` is reported. */
  readonly min: number;
  readonly max: number;
  parse(words: readonly Word[], c: ArgumentContext): T;
}

/** Content of a directive's block. */
export type Body<B = unknown> =
  /** Directives of this context. */
  | { readonly context: Context | ((enclosing: Context) => Context) }
  /** Entries that are not directives (`map`, `types`, `split_clients`), with `include` already expanded. */
  | { readonly entries: (statements: readonly Statement[], c: ArgumentContext) => B };

/** The value of a directive with an entries body. */
export interface WithEntries<T, B> {
  readonly argument: T;
  readonly entries: B;
}

/**
 * Inheritance of a value by nested blocks:
 * - `level` (nginx's usual rule): the innermost block that sets it wins; for a repeated directive, with its whole list.
 * - `append`: an inner block's list follows the outer one's.
 * - `none`: it applies only in the block that contains it.
 * - `noname`: it also applies in the nameless blocks of the location that contains it, `if` and `limit_except`
 *   (`proxy_pass`).
 */
export type Inheritance = 'level' | 'append' | 'none' | 'noname';

/** Relation of a value to other directives, for computing dependencies. The variables in it need not be listed. */
export interface Links {
  /** The name that it defines, and that distinguishes it from others of its directive: `$x`, `zone x`, `format x`. */
  readonly name?: string;
  /** Entries defined elsewhere that it refers to: `upstream x` (`upstream *`: any upstream), `zone x`, `format x`. */
  readonly refers?: readonly string[];
  /**
   * The value in a form that is equal for all equivalent values (entries are sorted if their order does not matter).
   */
  readonly meaning?: unknown;
}

/** One directive. */
export interface DirectiveSpec<T = unknown> {
  readonly contexts: readonly Context[];
  readonly takes: ArgumentType<T>;
  /** Default in the notation of the configuration, parsed by `takes`. */
  readonly default?: string;
  /**
   * Allowed several times in one block; its value is the list. Otherwise a second one is `"x" directive is duplicate`.
   */
  readonly repeat?: boolean;
  /**
   * Effect of a second occurrence in a block, where nginx allows it: its list `joins` that of the first, or it
   * `overrides` it. Otherwise it is a duplicate.
   */
  readonly again?: 'joins' | 'overrides';
  /** Default `level`. */
  readonly inherit?: Inheritance;
  /** Executed in the order written, among the other steps of its block (`set`, `rewrite`, `if`, `return`, `break`). */
  readonly step?: boolean;
  readonly body?: Body;
  /** Relation of one value to other directives. Default: none. */
  links?(value: unknown): Links;
  /**
   * Files that a value names and that are read when the configuration is compiled. The master reads them for worker
   * processes, whose user may have no access to them.
   */
  files?(value: unknown): readonly string[];
  /** Optional npm packages that it needs unless it is `off`: without them it is an error (`optional-package.ts`). */
  readonly packages?: readonly string[];
  /** Reason why the directive is accepted but has no effect here. */
  readonly noEffect?: string;
  /** Reasons why some of its parameters have none, by name: words `name` and `name=value`. */
  readonly noEffectParameters?: Readonly<Record<string, string>>;
  /** One paragraph. */
  readonly doc: string;
  /** One or more lines that are valid in each declared context (for a block directive: with its block). */
  readonly example: string;
  /** Text required beside the example, by context (such as a `map` that it names). Placed at http level. */
  readonly exampleNeeds?: string;
  /** Difference from nginx, if any. */
  readonly differs?: string;
  /** Whether a directive with these words is affected by the difference, if not all are. */
  readonly differsFor?: (words: readonly string[]) => boolean;
  /** Whether all directives differ, but rarely in a way that matters: `compat` lists the others without a warning. */
  readonly differsSlightly?: boolean;
}

/** The directives of a module, by name. */
export type Directives = Readonly<Record<string, DirectiveSpec>>;

/** Value of one directive as seen by a handler: typed by its arguments, repetition and default. */
export type ValueOf<S> = S extends { readonly takes: ArgumentType<infer T> }
  ? S extends { readonly repeat: true }
    ? readonly Entry<S, T>[]
    : S extends { readonly default: string }
      ? Entry<S, T>
      : Entry<S, T> | undefined
  : never;
type Entry<S, T> = S extends { readonly body: { readonly entries: (...a: never[]) => infer B } }
  ? WithEntries<T, B>
  : T;

/** Configuration read by the handlers of a module: every directive of it, by name. */
export type ConfOf<D> = { readonly [K in keyof D]: ValueOf<D[K]> };

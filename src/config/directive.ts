/** How a directive is declared: where it may stand, what it takes, what it means by default, and what is said about it. */
import type { Span, Statement, Word } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Fix, Related, Severity } from '../diagnostics/finding.js';
import type { Place } from './checked-config.js';

/** The kinds of block in which a directive may stand, in nginx's words. */
export type Context =
  | 'main'
  | 'events'
  | 'http'
  | 'server'
  | 'location'
  | 'if in server'
  | 'if in location'
  | 'limit_except'
  | 'upstream';

/** What a finding may carry beside its sentence. */
export interface FindingOptions {
  readonly severity?: Severity;
  readonly help?: string;
  readonly related?: readonly Related[];
  readonly fix?: Fix;
}

/** What an argument type may ask and say while it parses the words of one directive. */
export interface ArgumentContext {
  /** The name of the directive. */
  readonly directive: string;
  /** The block in which it stands. */
  readonly context: Context;
  /** The statement, for spans. */
  readonly statement: Statement;
  /** The directory that relative paths start from: of the configuration file (`conf`) or the prefix (`prefix`). */
  path(relative: string, from: 'conf' | 'prefix'): string;
  /** Line and column of a span: plain data, for what shows only at start (a port in use). */
  place(at: Span): Place;
  /** Ends the parsing of this directive with an error. */
  fail(at: Span, code: Code, message: string, remarks?: FindingOptions): never;
  /** Says something and goes on. */
  report(at: Span, code: Code, message: string, remarks?: FindingOptions): void;
  /** What `parse` gives, or null where it failed: to go on with the next entry of a block after a wrong one. */
  attempt<T>(parse: (c: ArgumentContext) => T): { readonly value: T } | null;
  /** The configuration uses `$name` here; unknown names are reported when the whole text has been read. */
  uses(name: string, at: Span): void;
  /** The directive creates `$name`. */
  defines(name: string, at: Span): void;
}

/** A type of arguments: parses the words after a directive's name to a plain value (one that survives structuredClone). */
export interface ArgumentType<T> {
  /** As the documentation prints it: `on | off`, `time`, `name value [always]`. Empty for no arguments. */
  readonly syntax: string;
  /** How many words it takes; outside of it nginx's `invalid number of arguments` is reported. */
  readonly min: number;
  readonly max: number;
  parse(words: readonly Word[], c: ArgumentContext): T;
}

/** What stands in a directive's block. */
export type Body<B = unknown> =
  /** Directives of this context. */
  | { readonly context: Context | ((enclosing: Context) => Context) }
  /** Entries that are not directives (`map`, `types`, `split_clients`): `include` is already expanded. */
  | { readonly entries: (statements: readonly Statement[], c: ArgumentContext) => B };

/** The value of a directive with an entries body. */
export interface WithEntries<T, B> {
  readonly argument: T;
  readonly entries: B;
}

/**
 * How a value reaches the blocks inside:
 * - `level` (nginx's usual rule): the innermost block that sets it wins; of a repeated directive the whole list.
 * - `append`: an inner block's list follows the outer one's.
 * - `none`: it holds in the block where it stands, and nowhere else.
 * - `noname`: only the nameless blocks of the location in which it stands have it too: `if` and `limit_except`
 *   (`proxy_pass`).
 */
export type Inheritance = 'level' | 'append' | 'none' | 'noname';

/** What a value is to other directives: for who asks what depends on what. The variables in it need not be told. */
export interface Links {
  /** What it defines, and goes by among others of its directive: `$x`, `zone x`, `format x`. */
  readonly name?: string;
  /** What it leads to that is written elsewhere: `upstream x` (`upstream *`: any of them), `zone x`, `format x`. */
  readonly refers?: readonly string[];
  /** The value in a form in which all that mean the same are equal (entries sorted whose order does not count). */
  readonly meaning?: unknown;
}

/** One directive. */
export interface DirectiveSpec<T = unknown> {
  readonly contexts: readonly Context[];
  readonly takes: ArgumentType<T>;
  /** What holds where it is not written, as it would be written; parsed by `takes`. */
  readonly default?: string;
  /** May stand several times in one block; its value is the list. Otherwise a second one is `"x" directive is duplicate`. */
  readonly repeat?: boolean;
  /**
   * What a second one in a block does, where nginx lets it pass: its list `joins` that of the first, or it `overrides` it.
   * Otherwise it is a duplicate.
   */
  readonly again?: 'joins' | 'overrides';
  /** Default `level`. */
  readonly inherit?: Inheritance;
  /** Carried out in the order written, among the other steps of its block (`set`, `rewrite`, `if`, `return`, `break`). */
  readonly step?: boolean;
  readonly body?: Body;
  /** What one value of it is to other directives. Default: nothing. */
  links?(value: unknown): Links;
  /** Why the directive is accepted and changes nothing here. */
  readonly noEffect?: string;
  /** One paragraph. */
  readonly doc: string;
  /** One or more lines that check in each declared context (a block directive: with its block). */
  readonly example: string;
  /** Text that must stand beside the example for it to check, by context (a `map` that it names). Put at http level. */
  readonly exampleNeeds?: string;
  /** How it differs from nginx, where it does. */
  readonly differs?: string;
  /** Whether the difference shows in a directive with these words, where it does not in all of them. */
  readonly differsFor?: (words: readonly string[]) => boolean;
}

/** The directives of a module, by name. */
export type Directives = Readonly<Record<string, DirectiveSpec>>;

/** What one directive is worth to a handler: typed by its arguments, repetition and default. */
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

/** What the handlers of a module read: every directive of it, by name. */
export type ConfOf<D> = { readonly [K in keyof D]: ValueOf<D[K]> };

/** What the checker wants to know of a module. `defineModule` declares more; the rest is for those who run it. */
import type { Span, Statement } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { CheckedBlock, CheckedConfig } from './checked-config.js';
import type { Directives, FindingOptions } from './directive.js';

/** A module as far as it is declared. */
export interface ModuleDeclaration {
  readonly name: string;
  readonly directives: Directives;
  /** By name without `$`; a name that ends in `*` is a family (`http_*`). */
  readonly variables?: Readonly<Record<string, VariableDeclaration>>;
  /** Run over every checked block in which a directive of the module is written, after the whole text was checked. */
  check?(block: CheckedBlock, c: CheckContext): void;
  /**
   * What holds in a block of the directives whose values there do not show it (rules that are steps, or lists that are
   * merged with those around): plain data by directive, for who compares configurations.
   */
  holds?(block: CheckedBlock, config: CheckedConfig): Readonly<Record<string, unknown>>;
}

export interface VariableDeclaration {
  /** May be defined again by `set` or `map`. */
  readonly changeable?: boolean;
}

/** What a module's check may ask and say. */
export interface CheckContext {
  /** The whole configuration. */
  readonly config: CheckedConfig;
  /** The block around the one that is looked at; null around `main`. */
  readonly enclosing: CheckedBlock | null;
  /** The statement that opened the block; null for `main`. */
  readonly opener: Statement | null;
  /** Every block that a directive of that name opened, anywhere in the configuration. */
  all(directive: string): readonly CheckedBlock[];
  /** The statements of a directive in this very block, in the order written. */
  statements(directive: string): readonly Statement[];
  /** The block around any block of the configuration; null around `main`. */
  around(block: CheckedBlock): CheckedBlock | null;
  /** The statement that opened any block of the configuration; null for `main`. */
  openerOf(block: CheckedBlock): Statement | null;
  /** Whether directives of nginx Plus, or of modules of others, are written in a block: they may give it what it seems to lack. */
  hasForeign(block: CheckedBlock): boolean;
  /** Adds a finding; an error unless the remarks say otherwise. */
  report(at: Span, code: Code, message: string, remarks?: FindingOptions): void;
}

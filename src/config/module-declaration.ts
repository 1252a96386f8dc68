/** The part of a module that the checker needs. `defineModule` declares more, for running it. */
import type { Span, Statement } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { CheckedBlock, CheckedConfig } from './checked-config.js';
import type { Directives, FindingOptions } from './directive.js';
import type { ConfigReader } from './reader.js';

/** Declarations of a module. */
export interface ModuleDeclaration {
  readonly name: string;
  readonly directives: Directives;
  /** By name without `$`; a name that ends in `*` denotes a family (`http_*`). */
  readonly variables?: Readonly<Record<string, VariableDeclaration>>;
  /** Called for every checked block that contains a directive of the module, after the whole text has been checked. */
  check?(block: CheckedBlock, c: CheckContext): void;
  /**
   * Effective settings of a block for directives whose values do not show them (rules that are steps, or lists merged
   * with those of enclosing blocks): plain data by directive, for comparing configurations.
   */
  holds?(block: CheckedBlock, config: CheckedConfig): Readonly<Record<string, unknown>>;
  /** Modules of scripts that a program passes as objects (`createProxy({ hooks })`), by the names that directives use. */
  readonly scripts?: GivenScripts;
}

export type GivenScripts = Readonly<Record<string, object>>;

/** Modules of scripts that the modules of a list contain. */
export function givenScripts(modules: readonly { readonly scripts?: GivenScripts }[]): GivenScripts {
  return Object.assign({}, ...modules.map(({ scripts }) => scripts)) as GivenScripts;
}

export interface VariableDeclaration {
  /** Can be redefined by `set` or `map`. */
  readonly changeable?: boolean;
  /** Difference from nginx, if any. */
  readonly differs?: string;
}

/** Services for a module's check. */
export interface CheckContext {
  /** The whole configuration. */
  readonly config: CheckedConfig;
  /** Source of the files of the configuration. */
  readonly reader: ConfigReader;
  /** Modules of scripts that are given as objects. */
  readonly scripts: GivenScripts;
  /** The block around the one being checked; null for `main`. */
  readonly enclosing: CheckedBlock | null;
  /** The statement that opened the block; null for `main`. */
  readonly opener: Statement | null;
  /** Every block opened by the named directive, anywhere in the configuration. */
  all(directive: string): readonly CheckedBlock[];
  /** The statements of a directive directly in this block, in the order written. */
  statements(directive: string): readonly Statement[];
  /** The block around any block of the configuration; null for `main`. */
  around(block: CheckedBlock): CheckedBlock | null;
  /** The statement that opened any block of the configuration; null for `main`. */
  openerOf(block: CheckedBlock): Statement | null;
  /**
   * Whether a block contains directives of nginx Plus or third-party modules, which may provide what it seems to lack.
   */
  hasForeign(block: CheckedBlock): boolean;
  /** Adds a finding; an error unless the options say otherwise. */
  report(at: Span, code: Code, message: string, options?: FindingOptions): void;
}

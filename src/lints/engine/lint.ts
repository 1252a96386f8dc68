/** Declaration of lints. */
import type { Source, Span } from '../../../grammar/syntax-tree.js';
import type { CheckedConfig } from '../../config/checked-config.js';
import type { FindingOptions } from '../../config/directive.js';
import type { Code } from '../../diagnostics/codes.js';
import type { Finding, LintCode, Severity } from '../../diagnostics/finding.js';
import type { Scope, ScopeKind, Written } from './scope.js';

/** The configuration as seen by a lint, and its reporting interface. */
export interface LintContext {
  /** The blocks as written, `include` expanded. */
  readonly main: Scope;
  /** Every block of a kind, in the order written. */
  scopes(kind: ScopeKind): readonly Scope[];
  /** All occurrences of a directive, in the order of the blocks; entries of blocks of entries do not count. */
  written(name: string): readonly Written[];
  /** Whether a text, given in lower case, occurs anywhere; case-insensitive. */
  mentions(text: string): boolean;
  /** The checked configuration; null if it has errors. */
  readonly config: CheckedConfig | null;
  /** Findings of the checker. */
  readonly findings: readonly Finding[];
  /** All source texts. */
  readonly sources: readonly Source[];
  /** Default path of the pid file; null if there is none. Byte string. */
  defaultPidFile(): string | null;
  /** Absolute path of a file named in the configuration. */
  path(relative: string): string;
  /** Adds a finding, with the lint's severity unless the options override it. */
  report(at: Span, message: string, options?: FindingOptions): void;
}

/** Declaration of a lint. `check` uses the text only, `probe` also the machine (files, host names, ports). */
export interface LintDeclaration {
  /** In kebab-case; never renamed, because users silence findings by it. */
  readonly code: string;
  readonly severity: Severity;
  /** One paragraph: the problem, and what to write instead. */
  readonly story: string;
  /**
   * Directives, separated by spaces, that the lint applies to: it is not loaded for a configuration with none of them.
   * `*text` means that text anywhere, in lower case (`*~`: a regular expression). Absent: the lint always runs.
   */
  readonly on?: string;
  /** Reports that something is missing. Not run if there are failed statements, because they may be what is missing. */
  readonly absence?: boolean;
  /** Code of a checker finding that this more specific one replaces at the same position. */
  readonly replaces?: Code;
  check?(c: LintContext): void;
  /** Must finish within about two seconds. */
  probe?(c: LintContext): Promise<void>;
}

export interface Lint extends LintDeclaration {
  readonly code: LintDeclaration['code'] & LintCode;
}

/** A lint that is not loaded yet. */
export interface NamedLint {
  /** As in the declaration; empty if the lint always runs. */
  readonly on: string;
  readonly load: () => Promise<{ readonly default: Lint }>;
}

/** Declares a lint. */
export function defineLint(declaration: LintDeclaration): Lint {
  // The only cast from a string to a lint's code.
  return { ...declaration, code: declaration.code as LintCode };
}

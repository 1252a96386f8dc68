/** How a lint is declared. */
import type { Source, Span } from '../../../grammar/syntax-tree.js';
import type { CheckedConfig } from '../../config/checked-config.js';
import type { FindingOptions } from '../../config/directive.js';
import type { Code } from '../../diagnostics/codes.js';
import type { Finding, LintCode, Severity } from '../../diagnostics/finding.js';
import type { Scope, ScopeKind, Written } from './scope.js';

/** What a lint may ask and say. */
export interface LintContext {
  /** The blocks as written, `include` expanded. */
  readonly main: Scope;
  /** Every block of a kind, in the order written. */
  scopes(kind: ScopeKind): readonly Scope[];
  /** Where a directive is written, in the order of the blocks; what stands in blocks of entries is none. */
  written(name: string): readonly Written[];
  /** Whether a text, given in small letters, stands anywhere, in whatever letters. */
  mentions(text: string): boolean;
  /** What checking made of them; null where there are errors. */
  readonly config: CheckedConfig | null;
  /** What the checker has found. */
  readonly findings: readonly Finding[];
  /** Every text that was read. */
  readonly sources: readonly Source[];
  /** Path of the pid file of a configuration that names none; null where there is none. Bytes. */
  defaultPidFile(): string | null;
  /** The absolute path of a file that the configuration names. */
  path(relative: string): string;
  /** Adds a finding, of the lint's severity unless the remarks say otherwise. */
  report(at: Span, message: string, remarks?: FindingOptions): void;
}

/** What is declared of a lint; `check` looks at the text alone, `probe` at the machine as well (files, names, ports). */
export interface LintDeclaration {
  /** In kebab-case; never renamed, because people silence findings by it. */
  readonly code: string;
  readonly severity: Severity;
  /** One paragraph: what goes wrong, and what to write instead. */
  readonly story: string;
  /**
   * The directives without one of which it has nothing to say, parted by spaces: it is not loaded for a configuration that
   * has none of them. `*text` stands for that text in any place, in small letters (`*~`: a regular expression). Absent: it
   * always looks.
   */
  readonly on?: string;
  /** A code of the checker whose finding at the same place this one replaces, because it says more. */
  readonly replaces?: Code;
  check?(c: LintContext): void;
  /** Takes no longer than about two seconds. */
  probe?(c: LintContext): Promise<void>;
}

export interface Lint extends LintDeclaration {
  readonly code: LintDeclaration['code'] & LintCode;
}

/** A lint that is not loaded yet. */
export interface NamedLint {
  /** As in the declaration; empty where it always looks. */
  readonly on: string;
  readonly load: () => Promise<{ readonly default: Lint }>;
}

/** Declares a lint. */
export function defineLint(declaration: LintDeclaration): Lint {
  // The one place where a string becomes a lint's code.
  return { ...declaration, code: declaration.code as LintCode };
}

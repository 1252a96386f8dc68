/** A finding about a configuration: its code, severity, positions and fix. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Code } from './codes.js';
import type { Severity } from './json-finding.js';

declare const lint: unique symbol;

/** The code of a lint (`src/lints/`); only `defineLint` makes one. */
export type LintCode = string & { readonly [lint]: true };

/** A code of the registry or of a lint. */
export type FindingCode = Code | LintCode;

export type { Severity };

/** An additional position that explains a finding ("first defined here"). */
export interface Related {
  readonly at: Span;
  readonly message: string;
}

/** Text edits that fix a finding; offsets refer to the span's source. */
export interface Fix {
  readonly title: string;
  /** True if the intention is guessed; `--fix` does not apply such a fix. */
  readonly guess?: boolean;
  readonly edits: readonly { readonly at: Span; readonly text: string }[];
}

/** A directive or variable (with its `$`) that tsproxy does not support, and the module that has it elsewhere. */
export interface MissingFeature {
  readonly name: string;
  readonly module: string;
}

/** One finding. `message` is nginx's own message where nginx has one. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly message: string;
  /** Null if a finding has no position in a text (a missing file). */
  readonly at: Span | null;
  readonly help?: string;
  readonly related?: readonly Related[];
  readonly fix?: Fix;
  /** Present in findings about unsupported features. */
  readonly missing?: MissingFeature;
  /** The `include` statements through which the file was reached, outermost first. */
  readonly includedFrom?: readonly Span[];
}

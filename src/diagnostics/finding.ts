/** What is said about a configuration: one finding, its severity and its places. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Code } from './codes.js';

declare const lint: unique symbol;

/** The code of a lint (`src/lints/`); only `defineLint` makes one. */
export type LintCode = string & { readonly [lint]: true };

/** A code of the registry, or a lint's. */
export type FindingCode = Code | LintCode;

export type Severity = 'error' | 'warning' | 'hint';

/** A further place that explains a finding ("first defined here"). */
export interface Related {
  readonly at: Span;
  readonly message: string;
}

/** Text edits that mend a finding; offsets are into the span's source. */
export interface Fix {
  readonly title: string;
  /** True where it is a guess at what was meant, so that `--fix` leaves it to a person. */
  readonly guess?: boolean;
  readonly edits: readonly { readonly at: Span; readonly text: string }[];
}

/** One thing that is to be said. `message` is nginx's own sentence where nginx has one. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly message: string;
  /** Null where a finding is about no place in a text (a file that is missing). */
  readonly at: Span | null;
  readonly help?: string;
  readonly related?: readonly Related[];
  readonly fix?: Fix;
  /** The `include` statements through which the file was reached, outermost first. */
  readonly includedFrom?: readonly Span[];
}

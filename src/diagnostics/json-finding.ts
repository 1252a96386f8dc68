/**
 * Findings as plain data, without other types, so that browsers can use it. Lines and columns count from 1, columns in
 * characters; `end` is exclusive.
 */

export type Severity = 'error' | 'warning' | 'hint';

export interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export interface JsonFinding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly at: JsonPlace | null;
  readonly help?: string;
  readonly related?: readonly { readonly message: string; readonly at: JsonPlace }[];
  readonly fix?: {
    readonly title: string;
    /** True if the intention is guessed; `--fix` does not apply such a fix. */
    readonly guess?: boolean;
    readonly edits: readonly { readonly at: JsonPlace; readonly text: string }[];
  };
  readonly includedFrom?: readonly JsonPlace[];
}

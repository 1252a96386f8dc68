/** A string with variables, as plain data. */

/**
 * A plain string (bytes), or pieces: strings and variables. `$1`…`$9` are variables named `1`…`9`. A template without
 * variables is always a plain string.
 */
export type TemplateData = string | readonly TemplatePiece[];
export type TemplatePiece = string | { readonly variable: string };

/** A regular expression as plain data. */
export interface PatternData {
  /** Translation to JavaScript's notation; null if no JavaScript expression matches the same. */
  readonly source: string | null;
  /** JavaScript flags: `''` or `'i'`. */
  readonly flags: string;
  /**
   * Length of the longest subject that JavaScript's RegExp is guaranteed to search in bounded time; 0 without `source`.
   */
  readonly longest: number;
  /** The expression as written. */
  readonly written: string;
  /** Matching is case-insensitive from the beginning (`~*`). */
  readonly caseless: boolean;
  /** Number of capturing groups. */
  readonly groups: number;
  /** Names of the named groups, in order; each defines a variable. */
  readonly names: readonly string[];
  /** Numbers of these groups. */
  readonly indexes: readonly number[];
}

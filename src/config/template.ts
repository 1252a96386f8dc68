/** A string with variables, as plain data. */

/**
 * A plain string (bytes), or pieces: strings and variables. `$1`…`$9` are variables named `1`…`9`.
 * A template without variables is always a plain string.
 */
export type TemplateData = string | readonly TemplatePiece[];
export type TemplatePiece = string | { readonly variable: string };

/** A regular expression as plain data. */
export interface PatternData {
  /** Its translation to JavaScript's notation; null where JavaScript has none that finds the same. */
  readonly source: string | null;
  /** JavaScript flags: `''` or `'i'`. */
  readonly flags: string;
  /** Length of the longest subject that JavaScript's RegExp is certain to search in bounded time; 0 without `source`. */
  readonly longest: number;
  /** What the user wrote. */
  readonly written: string;
  /** Letters match without regard to case from the beginning (`~*`). */
  readonly caseless: boolean;
  /** Number of capturing groups. */
  readonly groups: number;
  /** Names of the named groups, in order: each becomes a variable. */
  readonly names: readonly string[];
  /** Numbers of these groups. */
  readonly indexes: readonly number[];
}

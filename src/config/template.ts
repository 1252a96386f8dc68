/** A string with variables, as plain data. */

/**
 * A plain string (bytes), or pieces: strings and variables. `$1`…`$9` are variables named `1`…`9`.
 * A template without variables is always a plain string.
 */
export type TemplateData = string | readonly TemplatePiece[];
export type TemplatePiece = string | { readonly variable: string };

/** A regular expression as plain data: PCRE's text translated to JavaScript's. */
export interface PatternData {
  readonly source: string;
  /** JavaScript flags: `''` or `'i'` (and `s`, `m` where the pattern asked for it). */
  readonly flags: string;
  /** What the user wrote. */
  readonly written: string;
  /** Names of the named groups, in order: each becomes a variable. */
  readonly names: readonly string[];
}

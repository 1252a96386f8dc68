/**
 * The syntax tree of a configuration text.
 *
 * Inside the house a configuration text is a string of bytes (latin1: one character is one byte), as everything that
 * travels over the wire is; offsets are therefore byte offsets. Only what is shown to a person is decoded as UTF-8.
 */

/** A text with its name, as it was read. */
export interface Source {
  /** Path as the user would recognise it (absolute, or a label such as `<inline>`). */
  readonly name: string;
  /** The bytes of the file, one character each. */
  readonly text: string;
}

/** A stretch of a source: from `start` up to but not including `end`, as offsets. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** How a word was written. */
export type Quote = '' | '"' | "'";

/** One word of a statement. */
export interface Word extends Span {
  /** The value: quotes taken off, `\"` `\'` `\\` `\t` `\r` `\n` resolved, every other backslash kept (as nginx does). */
  readonly text: string;
  readonly quote: Quote;
  /** A mistake in the way it is written was reported; its value is not what was meant. */
  readonly damaged?: true;
}

/** A comment from its `#` up to the end of its line (line break not included). */
export interface Comment extends Span {
  /** The text after `#`. */
  readonly text: string;
  /** True when something else stands before it on its line. */
  readonly trailing: boolean;
}

/** What a block holds, in the order written. */
export type Item = Statement | Comment;

/** `{ ... }` */
export interface Block extends Span {
  readonly items: readonly Item[];
  /** What stands between the braces where that is in another language (`content_by_lua_block`); there are no items then. */
  readonly foreign?: string;
}

/** A directive with its arguments, ended by `;` or by a block. The span covers all of it. */
export interface Statement extends Span {
  readonly kind: 'statement';
  /** The directive's name: the first word. */
  readonly name: Word;
  /** The further words. */
  readonly args: readonly Word[];
  /** The block, or null where the statement ended with `;`. */
  readonly block: Block | null;
}

/** What a parser could not make sense of; `message` is nginx's sentence. */
export interface SyntaxMistake {
  readonly at: Span;
  readonly message: string;
  /** A second sentence: the reason, or what to write instead. */
  readonly help?: string;
  /** A machine-applicable insertion, such as a missing `;`; `over` so many characters that stand in its place. */
  readonly insert?: { readonly offset: number; readonly text: string; readonly over?: number };
  /** A place that explains the mistake: the block that was never closed. */
  readonly related?: { readonly at: Span; readonly message: string };
}

/** The tree of one source, with every mistake that was found in it. */
export interface SyntaxTree {
  readonly source: Source;
  readonly items: readonly Item[];
  readonly mistakes: readonly SyntaxMistake[];
}

/** Tells a statement from a comment. */
export function isStatement(item: Item): item is Statement {
  return 'kind' in item;
}

/**
 * Syntax tree of a configuration text.
 *
 * Internally a configuration text is a string of bytes (latin1: one character is one byte), like all data on the wire;
 * offsets are therefore byte offsets. Text is decoded as UTF-8 only for display.
 */

/** A text with its name, as read. */
export interface Source {
  /** Path as known to the user (absolute, or a label such as `<inline>`). */
  readonly name: string;
  /** The bytes of the file, one character each. */
  readonly text: string;
}

/** A range of a source: from `start` up to but not including `end`, as offsets. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** Quote character of a word; empty for an unquoted one. */
export type Quote = '' | '"' | "'";

/** One word of a statement. */
export interface Word extends Span {
  /** The value: quotes removed, `\"` `\'` `\\` `\t` `\r` `\n` resolved, every other backslash kept (as in nginx). */
  readonly text: string;
  readonly quote: Quote;
  /** A mistake in its notation was reported; the value is not the intended one. */
  readonly damaged?: true;
}

/** A comment from its `#` up to the end of its line (line break excluded). */
export interface Comment extends Span {
  /** The text after `#`. */
  readonly text: string;
  /** True if something precedes it on its line. */
  readonly trailing: boolean;
}

/** Content of a block, in the order written. */
export type Item = Statement | Comment;

/** `{ ... }` */
export interface Block extends Span {
  readonly items: readonly Item[];
  /** Raw content of a block in another language (`content_by_lua_block`); it has no items. */
  readonly foreign?: string;
}

/** A directive with its arguments, ended by `;` or by a block. The span covers all of it. */
export interface Statement extends Span {
  readonly kind: 'statement';
  /** The directive's name: the first word. */
  readonly name: Word;
  /** The further words. */
  readonly args: readonly Word[];
  /** The block, or null if the statement ends with `;`. */
  readonly block: Block | null;
  /** A `;` is missing at its end, which was reported; its words may not be the intended ones. */
  readonly unterminated?: true;
}

/** A syntax error; `message` is nginx's. */
export interface SyntaxMistake {
  readonly at: Span;
  readonly message: string;
  /** A second sentence: the reason, or the correct notation. */
  readonly help?: string;
  /** A machine-applicable insertion, such as a missing `;`, which replaces `over` characters. */
  readonly insert?: { readonly offset: number; readonly text: string; readonly over?: number };
  /** A span that explains the mistake, such as the block that was never closed. */
  readonly related?: { readonly at: Span; readonly message: string };
}

/** The tree of one source, with every mistake found in it. */
export interface SyntaxTree {
  readonly source: Source;
  readonly items: readonly Item[];
  readonly mistakes: readonly SyntaxMistake[];
}

/** Distinguishes a statement from a comment. */
export function isStatement(item: Item): item is Statement {
  return 'kind' in item;
}

/** Whether a syntax error was reported about the end or a word of a statement. */
export function hasSyntaxError({ name, args, unterminated }: Statement): boolean {
  return unterminated === true || name.damaged === true || args.some(({ damaged }) => damaged);
}

/** All statements of a tree, outer ones before those in their blocks. */
export function* allStatements(items: readonly Item[]): Generator<Statement, undefined> {
  const open: { readonly items: readonly Item[]; next: number }[] = [{ items, next: 0 }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const item = level.items[level.next++];
    if (item === undefined) {
      open.pop();
    } else if (isStatement(item)) {
      yield item;
      if (item.block !== null) open.push({ items: item.block.items, next: 0 });
    }
  }
}

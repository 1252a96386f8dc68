/** Prints a syntax tree as text, in one canonical layout. */

import { BYTE_ORDER_MARK } from './lexer.js';
import { type Comment, type Item, isStatement, type Span, type Statement, type Word } from './syntax-tree.js';
import { writeValue, writeWord } from './words.js';

const INDENT = '    ';
/**
 * Limit of indentation levels: deeper blocks are not read by people, and the spaces would outgrow the text a
 * thousandfold.
 */
const MAX_INDENT_LEVELS = 40;

function indentation(depth: number): string {
  return INDENT.repeat(Math.min(depth, MAX_INDENT_LEVELS));
}

/** Text between two spans of one source; empty if the tree was not produced by parsing. */
function between(before: Span, after: Span): string {
  return before.source === after.source ? before.source.text.slice(before.end, after.start) : '';
}

/** Whether a word directly follows another one; a `)` may follow a closing quote. */
function touches(before: Word, word: Word): boolean {
  return before.source === word.source && before.end === word.start && before.start < before.end;
}

/** A comment as written. Only ASCII blanks are trimmed from its end: a Unicode blank may be half a character here. */
function writeComment({ text }: Comment): string {
  return `#${text.replaceAll('\n', ' ').replace(/[ \t\r\v\f]+$/, '')}`;
}

/**
 * Prints the words of a statement with the comments between them, and its `;` or `{`. Leaves in `inner` the comments
 * that were not printed: those between the last word and a `{`; before a `;`, all but a single one on the line of the
 * last word, and that one too if `followed`, that is if a comment follows the `;`.
 */
function writeHead(statement: Statement, inner: Comment[], followed: boolean, depth: number): string {
  const hanging = `\n${indentation(depth + 1)}`;
  const name = writeWord(statement.name);
  // Unquoted, it would be skipped as a byte order mark at the start of the text.
  let written = name.startsWith(BYTE_ORDER_MARK) ? writeValue(statement.name.text, '"') : name;
  let before = statement.name;
  const writeInner = (): void => {
    const comment = inner.shift();
    if (comment) written += (comment.trailing ? ' ' : hanging) + writeComment(comment);
  };
  for (const word of statement.args) {
    const commented = inner[0] !== undefined && inner[0].start < word.start;
    while (inner[0] && inner[0].start < word.start) writeInner();
    const next = writeWord(word);
    const lineBreak = commented || between(before, word).includes('\n');
    const adjoins = !commented && before.quote !== '' && next.startsWith(')') && touches(before, word);
    written += (adjoins ? '' : lineBreak ? hanging : ' ') + next;
    before = word;
  }
  const { block } = statement;
  if (block && (inner.length === 0 || block.foreign === undefined)) return `${written} {`;
  if (!block && (inner.length === 0 || (inner.length === 1 && inner[0]?.trailing && !followed))) return `${written};`;
  while (inner.length > 0) writeInner();
  return `${written}${hanging}${block ? '{' : ';'}`;
}

/**
 * Comments from `next` on that lie before the end of a statement's head; they are the first after it, or in its block.
 */
function commentsInside(statement: Statement, items: readonly Item[], next: number): Comment[] {
  const comments: Comment[] = [];
  const end = statement.block ? statement.block.start : statement.end;
  for (let item = items[next]; item && !isStatement(item); item = items[next + comments.length]) {
    if (item.source !== statement.source || item.start >= end || item.start < statement.start) break;
    comments.push(item);
  }
  return comments;
}

function isTrailing(item: Item): boolean {
  return !isStatement(item) && item.trailing;
}

/** A list of items being printed. */
interface Level {
  readonly items: readonly Item[];
  next: number;
  /** The item of this list that extends furthest in the text so far. */
  furthest: Span | null;
}

/** The lines of the output. */
class Layout {
  readonly #parts: string[] = [];
  #lineTakesComment = false;

  line(text: string, depth: number, takesComment: boolean): void {
    this.#parts.push(this.#parts.length > 0 ? '\n' : '', indentation(depth), text);
    this.#lineTakesComment = takesComment;
  }

  /** Appends to the last line. */
  onLine(text: string): void {
    this.#parts.push(text);
  }

  blankLine(): void {
    this.#parts.push('\n');
    this.#lineTakesComment = false;
  }

  comment(comment: Comment, depth: number): void {
    if (comment.trailing && this.#lineTakesComment) {
      this.#parts.push(' ', writeComment(comment));
      this.#lineTakesComment = false;
    } else {
      this.line(writeComment(comment), depth, false);
    }
  }

  toString(): string {
    return this.#parts.length > 0 ? `${this.#parts.join('')}\n` : '';
  }
}

/**
 * Prints items as text: four spaces per block, one statement per line, one space between words, and at most one blank
 * line between two items, only where the source has one. Line breaks between the words of a statement are kept, with a
 * hanging indent. Comments keep their position, except those between the last word and its `;` or `{`, which move after
 * it (those before a `;` only from the line of the word). Words are written as in their source, or quoted if their
 * value requires it, and blocks in other languages verbatim, so that parsing the result gives the same names and
 * values. Printing is idempotent.
 */
export function print(items: readonly Item[]): string {
  const layout = new Layout();
  const levels: Level[] = [{ items, next: 0, furthest: null }];
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    const depth = levels.length - 1;
    const item = level.items[level.next++];
    if (!item) {
      levels.pop();
      if (depth > 0) layout.line('}', depth - 1, true);
      continue;
    }
    const { furthest } = level;
    if (furthest && /\n[ \t\r]*\n/.test(between(furthest, item))) layout.blankLine();
    if (!furthest || item.end >= furthest.end || item.source !== furthest.source) level.furthest = item;
    if (!isStatement(item)) {
      layout.comment(item, depth);
      continue;
    }
    const { block } = item;
    const inner = commentsInside(item, block ? block.items : level.items, block ? 0 : level.next);
    const behind = block ? undefined : level.items[level.next + inner.length];
    const count = inner.length;
    layout.line(writeHead(item, inner, behind !== undefined && isTrailing(behind), depth), depth, true);
    const written = count - inner.length;
    if (!block) {
      level.next += written;
    } else if (written < block.items.length) {
      levels.push({ items: block.items, next: written, furthest: null });
    } else {
      layout.onLine(`${block.foreign ?? ''}}`);
    }
  }
  return layout.toString();
}

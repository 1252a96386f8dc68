/** Syntax tree to text, in one canonical layout. */

import { BYTE_ORDER_MARK } from './lexer.js';
import { type Comment, type Item, isStatement, type Span, type Statement, type Word } from './syntax-tree.js';
import { writeValue, writeWord } from './words.js';

const INDENT = '    ';
/** Deeper blocks are not indented further: nobody reads them, and the spaces would outgrow the text a thousandfold. */
const DEEPEST_INDENT = 40;

function indentation(depth: number): string {
  return INDENT.repeat(Math.min(depth, DEEPEST_INDENT));
}

/** What stands between two places of one source; empty where the tree was put together by other means than parsing. */
function between(before: Span, after: Span): string {
  return before.source === after.source ? before.source.text.slice(before.end, after.start) : '';
}

/** Whether a word stands right behind another one; after a closing quote, a `)` may. */
function touches(before: Word, word: Word): boolean {
  return before.source === word.source && before.end === word.start && before.start < before.end;
}

/** As it is written. Only blanks of ASCII are taken off its end: what is one in Unicode may be half a character here. */
function writeComment({ text }: Comment): string {
  return `#${text.replaceAll('\n', ' ').replace(/[ \t\r\v\f]+$/, '')}`;
}

/**
 * The words of a statement with the comments between them, and its `;` or `{`. `inner` is cut down to the comments that
 * were not written: those between the last word and a `{`, and before a `;` a single one on the line of the last word,
 * unless `followed` by one that stands behind the `;`.
 */
function writeHead(statement: Statement, inner: Comment[], followed: boolean, depth: number): string {
  const hanging = `\n${indentation(depth + 1)}`;
  const name = writeWord(statement.name);
  // Unquoted, it would be skipped where the text begins with it.
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

/** The comments from `next` on that stand before the end of a statement's head; they are the first behind it, or in its block. */
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

/** A list of items under way. */
interface Level {
  readonly items: readonly Item[];
  next: number;
  /** The item of this list that reaches furthest in the text so far. */
  furthest: Span | null;
}

/** Lines under way. */
class Layout {
  readonly #parts: string[] = [];
  #lineTakesComment = false;

  line(text: string, depth: number, takesComment: boolean): void {
    this.#parts.push(this.#parts.length > 0 ? '\n' : '', indentation(depth), text);
    this.#lineTakesComment = takesComment;
  }

  /** Goes on in the line that was written last. */
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
 * Writes items as text: four spaces per block, one statement per line, one space between words, at most one blank line
 * between two items and only where the source had one. Line breaks between the words of a statement stay, with a hanging
 * indent; comments stay where they are, but for those between the last word and its `;` or `{`, which go behind that
 * (those before a `;` only from the line of the word). Words are written as their source has them, or quoted where their
 * value needs it, and blocks in another language as they are, so that parsing the result gives the same names and values;
 * printing that again gives the same text.
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

/** Syntax tree to text, in one canonical layout. */
import { type Item, isStatement, type Span, type Statement, type Word } from './syntax-tree.js';
import { writeWord } from './words.js';

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

function head(statement: Statement, depth: number): string {
  let written = writeWord(statement.name);
  let before = statement.name;
  for (const word of statement.args) {
    const next = writeWord(word);
    const adjoins = before.quote !== '' && next.startsWith(')') && touches(before, word);
    const lineBreak = between(before, word).includes('\n');
    written += (adjoins ? '' : lineBreak ? `\n${indentation(depth + 1)}` : ' ') + next;
    before = word;
  }
  return written;
}

/** Whether a word stands right behind another one; after a closing quote, a `)` may. */
function touches(before: Word, word: Word): boolean {
  return before.source === word.source && before.end === word.start && before.start < before.end;
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

  blankLine(): void {
    this.#parts.push('\n');
    this.#lineTakesComment = false;
  }

  comment(text: string, trailing: boolean, depth: number): void {
    const written = `#${text.replaceAll('\n', ' ').trimEnd()}`;
    if (trailing && this.#lineTakesComment) {
      this.#parts.push(' ', written);
      this.#lineTakesComment = false;
    } else {
      this.line(written, depth, false);
    }
  }

  toString(): string {
    return this.#parts.length > 0 ? `${this.#parts.join('')}\n` : '';
  }
}

/**
 * Writes items as text: four spaces per block, one statement per line, at most one blank line between two items and
 * only where the source had one, line breaks between the words of a statement kept. Words are written as their source
 * has them, or quoted where their value needs it, so that parsing the result gives the same names and values; printing
 * that again gives the same text. Comments between the words of a statement move behind it or into its block.
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
      layout.comment(item.text, item.trailing, depth);
    } else if (item.block) {
      layout.line(`${head(item, depth)} {`, depth, true);
      levels.push({ items: item.block.items, next: 0, furthest: null });
    } else {
      layout.line(`${head(item, depth)};`, depth, true);
    }
  }
  return layout.toString();
}

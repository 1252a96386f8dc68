/** What a configuration text says, piece by piece and without its layout. */
import { type Item, isStatement, type Statement, type Word } from '../../grammar/syntax-tree.js';

/** A statement's head, or a comment. */
export interface Piece {
  /** How many blocks it stands in. */
  readonly depth: number;
  readonly statement: Statement | undefined;
  /** All that must stay the same: words with their quotes, what a block in another language holds, a comment's text. */
  content(): string;
}

/** The pieces in the order of the text, however deep the blocks are. */
export function* piecesOf(items: readonly Item[]): Generator<Piece, undefined> {
  const levels: { readonly items: readonly Item[]; next: number }[] = [{ items, next: 0 }];
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    const item = level.items[level.next++];
    if (item === undefined) {
      levels.pop();
      continue;
    }
    const depth = levels.length - 1;
    const statement = isStatement(item) ? item : undefined;
    yield { depth, statement, content: () => contentOf(item) };
    if (statement?.block) levels.push({ items: statement.block.items, next: 0 });
  }
}

function contentOf(item: Item): string {
  if (!isStatement(item)) return `#${item.text.replace(/[ \t\r\v\f]+$/, '')}`;
  const { name, args, block } = item;
  const words = [name, ...args].map(({ quote, text }: Word) => [quote, text]);
  return JSON.stringify([words, block !== null, block?.foreign]);
}

/** What a configuration text says, without its layout: to tell whether two texts say the same. */
import { createHash } from 'node:crypto';
import { type Item, isStatement, type Statement } from '../../grammar/syntax-tree.js';

/** A statement or comment, and in how many blocks it stands. */
export interface Placed {
  readonly item: Item;
  readonly depth: number;
}

/** All items in the order of the text, however deep the blocks are. */
export function* placedItems(items: readonly Item[]): Generator<Placed, undefined> {
  const levels: { readonly items: readonly Item[]; next: number }[] = [{ items, next: 0 }];
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    const item = level.items[level.next++];
    if (item === undefined) {
      levels.pop();
      continue;
    }
    yield { item, depth: levels.length - 1 };
    if (isStatement(item) && item.block) levels.push({ items: item.block.items, next: 0 });
  }
}

/** Characters that are collected before they are hashed. */
const CHUNK = 1 << 16;

/**
 * A hash of the words with their quotes, of the blocks, and of the comments without blanks at their ends, all in their
 * order. A tree takes a hundred times the room of this: whoever compares two needs to keep none.
 */
export function meaningOf(items: readonly Item[]): string {
  const hash = createHash('sha256');
  let waiting = '';
  for (const { item, depth } of placedItems(items)) {
    waiting += isStatement(item) ? written(item, depth) : `#${item.text.replace(/[ \t\r\v\f]+$/, '')}\0${depth}\n`;
    if (waiting.length < CHUNK) continue;
    hash.update(waiting, 'latin1');
    waiting = '';
  }
  return hash.update(waiting, 'latin1').digest('base64');
}

/** No text that is formatted holds a zero byte, so one parts what must not run together. */
function written({ name, args, block }: Statement, depth: number): string {
  let text = `${name.quote}${name.text}\0`;
  for (const word of args) text += `${word.quote}${word.text}\0`;
  return `${text}${block === null ? ';' : `{${block.foreign ?? ''}`}\0${depth}\n`;
}

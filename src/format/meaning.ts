/** Hash of a configuration text without its layout, to check that two texts have the same meaning. */
import { createHash } from 'node:crypto';
import { type Item, isStatement, type Statement } from '../../grammar/syntax-tree.js';

/** A statement or comment with its nesting depth. */
export interface NestedItem {
  readonly item: Item;
  readonly depth: number;
}

/** All items in the order of the text; iterative, so the nesting depth is not limited by the stack. */
export function* allItems(items: readonly Item[]): Generator<NestedItem, undefined> {
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

/** Characters collected before they are hashed. */
const CHUNK = 1 << 16;

/**
 * Hash of the words with their quotes, the blocks, and the comments without trailing blanks, in order. A syntax tree takes
 * a hundred times the memory of the text; comparing hashes avoids keeping two of them.
 */
export function meaningOf(items: readonly Item[]): string {
  const hash = createHash('sha256');
  let pending = '';
  for (const { item, depth } of allItems(items)) {
    pending += isStatement(item) ? serialized(item, depth) : `#${item.text.replace(/[ \t\r\v\f]+$/, '')}\0${depth}\n`;
    if (pending.length < CHUNK) continue;
    hash.update(pending, 'latin1');
    pending = '';
  }
  return hash.update(pending, 'latin1').digest('base64');
}

/** Serializes a statement. Zero bytes are the separator, because formatted texts contain none. */
function serialized({ name, args, block }: Statement, depth: number): string {
  let text = `${name.quote}${name.text}\0`;
  for (const word of args) text += `${word.quote}${word.text}\0`;
  return `${text}${block === null ? ';' : `{${block.foreign ?? ''}`}\0${depth}\n`;
}

/** Syntax trees of open documents, and the statements around an offset. */
import { parse } from '../../grammar/parser.js';
import {
  type Item,
  isStatement,
  type Source,
  type Statement,
  type SyntaxTree,
  type Word,
} from '../../grammar/syntax-tree.js';
import { catalogue } from './analysis.js';

const cache = new WeakMap<Source, SyntaxTree>();

/** The tree of a source, parsed once. */
export function treeOf(source: Source): SyntaxTree {
  let tree = cache.get(source);
  if (tree === undefined) cache.set(source, (tree = parse(source, 'file', (name) => catalogue.opensBlock(name))));
  return tree;
}

/** The statements around an offset, the outermost first; an offset at the end of a word belongs to it. */
export function statementsAt(source: Source, offset: number): Statement[] {
  const found: Statement[] = [];
  let items: readonly Item[] = treeOf(source).items;
  for (;;) {
    const inside = lastBefore(items, offset);
    if (inside === undefined || inside.end < offset) return found;
    found.push(inside);
    const { block } = inside;
    if (block === null || block.start >= offset) return found;
    items = block.items;
  }
}

/** The last statement that begins at or before an offset. */
function lastBefore(items: readonly Item[], offset: number): Statement | undefined {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.start ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  for (let i = low - 1; i >= 0; i--) {
    const item = items[i];
    if (item !== undefined && isStatement(item)) return item;
  }
  return undefined;
}

/** The word of a statement at an offset. */
export function wordAt({ name, args }: Statement, offset: number): Word | undefined {
  return [name, ...args].find(({ start, end }) => start <= offset && offset <= end);
}

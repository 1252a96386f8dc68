/**
 * Finds, by indentation, the block whose `}` is missing if the braces are balanced nevertheless and a statement is
 * misplaced.
 */
import { lineStart, positionOf } from '../../grammar/positions.js';
import { isStatement, type Span, type Statement } from '../../grammar/syntax-tree.js';
import type { Level } from './level.js';

/** An unclosed block, and the statement before which it should have ended. */
export interface UnclosedBlock {
  readonly opener: Statement;
  readonly next: Statement;
}

/** Cached results by block, for the other statements that are misplaced in it. */
const cache = new WeakMap<Statement, UnclosedBlock | null>();

/** The first block, among those around a misplaced statement and their contents, that extends further than intended. */
export function unclosedBlock(misplaced: Statement, level: Level): UnclosedBlock | null {
  let outermost: Statement | null = null;
  for (let each: Level | null = level; each !== null; each = each.outer) {
    const { opener } = each;
    if (opener === null || opener.source !== misplaced.source) break;
    if (indentation(misplaced) >= 0 && indentation(misplaced) <= indentation(opener)) outermost = opener;
  }
  if (outermost === null) return null;
  let found = cache.get(outermost);
  if (found === undefined) {
    found = firstIn(outermost);
    cache.set(outermost, found);
  }
  return found !== null && found.next.start <= misplaced.start ? found : null;
}

/** Searches in text order; with an explicit stack, because blocks may nest deeply. */
function firstIn(root: Statement): UnclosedBlock | null {
  const open: { readonly opener: Statement; readonly inner: readonly Statement[]; next: number }[] = [];
  const enter = (opener: Statement) =>
    open.push({ opener, inner: (opener.block?.items ?? []).filter(isStatement), next: 0 });
  enter(root);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const next = top.inner[top.next++];
    if (next === undefined) {
      open.pop();
    } else {
      const own = indentation(next);
      if (own >= 0 && own <= indentation(top.opener)) return { opener: top.opener, next };
      if (next.block !== null) enter(next);
    }
  }
  return null;
}

/** Number of blanks before it on its line; -1 if it is not first. */
function indentation({ source, start }: Span): number {
  const before = source.text.slice(lineStart(source, positionOf(source, start).line), start);
  return before.trim() === '' ? before.length : -1;
}

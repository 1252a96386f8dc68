/**
 * Repetitions that never need to give back a byte. PCRE2 makes them possessive at compile time, which affects the
 * number of steps it takes. The rules are PCRE2's, so that the same expressions reach the limit.
 */
import { ByteSet } from './byte-set.js';
import { END_SOURCE, LINE_END_SOURCE, type Node, VERY_END_SOURCE } from './syntax.js';

/**
 * The rest of an expression after an item: the following items of its sequence, then everything after that sequence.
 */
export interface Rest {
  readonly items: readonly Node[];
  /** Index of the next item. */
  readonly from: number;
  readonly outer: Rest | Ending;
}

/** End of the rest: of the expression, of an atomic group or a lookaround, or a part that is not analyzed. */
export type Ending = 'match' | 'atomic' | 'unknown';

type Sort = 'character' | 'type' | 'class';

/** PCRE2 gives up after this many comparisons. */
const MAX_COMPARISONS = 1000;

const LINE_BREAKS = ByteSet.of('\n\v\f\r\x85');

/** Whether a greedy or lazy repetition of a set matches the same if it gives nothing back. */
export function isEffectivelyPossessive(repeat: Node & { readonly kind: 'repeat' }, rest: Rest | Ending): boolean {
  const { item } = repeat;
  if (item.kind !== 'set') return false;
  const budget = { left: MAX_COMPARISONS };
  return excludes(item, repeat.mode !== 'lazy', rest, budget);
}

/**
 * An atomic group that follows and may be empty ends the comparison: positively where an earlier alternative ends, as if the
 * repetition were inside the group. PCRE2 has this mistake, so that `a?(?>|b)a` does not match `a`.
 */
function excludes(
  base: Node & { readonly kind: 'set' },
  greedy: boolean,
  rest: Rest | Ending,
  budget: { left: number },
): boolean {
  let inGroup = false;
  let at = rest;
  for (;;) {
    if (--budget.left <= 0) return false;
    if (at === 'unknown') return false;
    if (at === 'match') return greedy;
    if (at === 'atomic') return greedy && !inGroup;
    const next = at.items[at.from];
    if (next === undefined) {
      // A lazy repetition at the end of a group is left as it is.
      if (!greedy) return false;
      at = at.outer;
      continue;
    }
    const after: Rest = { ...at, from: at.from + 1 };
    switch (next.kind) {
      case 'set':
        return separate(base, next);
      case 'assertion':
        if (next.source === VERY_END_SOURCE) return sortOf(base) !== 'class';
        if (next.source === LINE_END_SOURCE) return sortOf(base) === 'type' && excludesEnd(base);
        return next.source === END_SOURCE && excludesEnd(base);
      case 'sequence':
        at = { items: next.items, from: 0, outer: after };
        continue;
      case 'atomic':
        if (next.lineBreak === true) return excludesLineBreak(base);
        inGroup = true;
        at = inside(next.body, 'atomic');
        continue;
      case 'group':
        inGroup = true;
        at = inside(next.body, after);
        continue;
      case 'alternatives': {
        const last = next.branches.length - 1;
        for (const branch of next.branches.slice(0, last)) {
          if (!excludes(base, greedy, inside(branch, after), budget)) return false;
        }
        inGroup = true;
        at = inside(next.branches[last] ?? next, after);
        continue;
      }
      case 'repeat':
        if (next.item.kind === 'set') {
          if (!separate(base, next.item)) return false;
          if (next.min > 0) return true;
          at = after;
          continue;
        }
        if (next.max > 1 && next.min !== next.max) return false;
        if (next.mode === 'possessive') {
          inGroup = true;
          at = inside({ ...next, mode: 'greedy' }, 'atomic');
          continue;
        }
        if (next.min === 0 && !excludes(base, greedy, after, budget)) return false;
        if (next.max === 0) return true;
        inGroup = true;
        at = { items: new Array<Node>(Math.min(next.max, MAX_COMPARISONS)).fill(next.item), from: 0, outer: after };
        continue;
      default:
        return false;
    }
  }
}

function inside(body: Node, outer: Rest | Ending): Rest {
  return { items: body.kind === 'sequence' ? body.items : [body], from: 0, outer };
}

function separate(base: Node & { readonly kind: 'set' }, next: Node & { readonly kind: 'set' }): boolean {
  return !base.set.intersects(next.set);
}

function sortOf({ set, bracketed }: Node & { readonly kind: 'set' }): Sort {
  const { size } = set;
  if (size === 1 || (size === 2 && set.isLetterInBothCases)) return 'character';
  return bracketed === true ? 'class' : 'type';
}

/** For bracketed classes, PCRE2 does not check whether `$` could match. */
function excludesEnd(base: Node & { readonly kind: 'set' }): boolean {
  const sort = sortOf(base);
  return sort === 'character'
    ? !base.set.intersects(LINE_BREAKS)
    : sort === 'type' && !base.set.has(0x0a) && !base.set.has(0x20);
}

/** PCRE2 lets a dot give nothing back before `\R`, although it matches a carriage return. */
function excludesLineBreak(base: Node & { readonly kind: 'set' }): boolean {
  const sort = sortOf(base);
  if (sort === 'class') return false;
  const isDot = base.set.size === 255 && !base.set.has(0x0a);
  return isDot || !base.set.intersects(LINE_BREAKS);
}

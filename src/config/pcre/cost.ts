/**
 * Upper bound of the steps that a backtracking matcher needs, as a function of the subject's length. It is computed
 * from the structure of the expression alone and tends to be too high: parts with alternatives that exclude each other
 * by the next byte count once, all others count as tried in all combinations.
 */
import { ByteSet } from './byte-set.js';
import { firstOf, followedBy } from './first.js';
import { isAnchored } from './search-hints.js';
import { childrenOf, type First, mayBeEmpty, type Node, type Tree } from './syntax.js';

/** `factor` times the length to the power of `degree`. */
interface Bound {
  readonly factor: number;
  readonly degree: number;
}

interface Cost {
  /** Number of ways in which a part can match at one position. */
  readonly ways: Bound;
  /** Steps to try all of them. */
  readonly work: Bound;
}

const ONE: Bound = { factor: 1, degree: 0 };
const LENGTH: Bound = { factor: 1, degree: 1 };
const ENDLESS: Bound = { factor: Number.POSITIVE_INFINITY, degree: 0 };
const STEP: Cost = { ways: ONE, work: ONE };
const UNKNOWN: Cost = { ways: ENDLESS, work: ENDLESS };

/** The match has succeeded: no alternative is tried. */
const SUCCESS: First = { set: new ByteSet(), nullable: false };

/** Maximum number of branches of one alternation that are compared with each other. */
const MAX_COMPARED = 40;

/** Length of the longest subject for which an expression needs at most `steps` steps. */
export function longestWithin(tree: Tree, steps: number): number {
  const { work } = costOf(tree.body, SUCCESS);
  const { factor, degree } = isAnchored(tree.body) ? work : times(work, LENGTH);
  if (factor > steps) return 0;
  return Math.floor((steps / factor) ** (1 / Math.max(1, degree)));
}

function costOf(node: Node, follow: First): Cost {
  switch (node.kind) {
    case 'set':
    case 'assertion':
      return STEP;
    case 'sequence':
      return sequence(node.items, follow);
    case 'alternatives':
      return alternatives(node.branches, follow);
    case 'group':
      return costOf(node.body, follow);
    case 'look': {
      const { work } = costOf(node.body, SUCCESS);
      // Lookbehinds are matched from their end, to which the rest of this analysis does not apply.
      return node.behind && work.degree > 0 ? UNKNOWN : { ways: ONE, work };
    }
    case 'atomic':
      // It is written as a lookahead and a reference to its capture.
      return { ways: ONE, work: plus(costOf(node.body, SUCCESS).work, LENGTH) };
    case 'repeat':
      return node.item.kind === 'set' ? repeatedSet(node, node.item.set, follow) : repeated(node, follow);
    case 'reference':
      return { ways: ONE, work: LENGTH };
    default:
      return UNKNOWN;
  }
}

function sequence(items: readonly Node[], follow: First): Cost {
  const follows: First[] = new Array(items.length);
  let after = follow;
  for (let i = items.length - 1; i >= 0; i--) {
    follows[i] = after;
    after = followedBy(firstOf(items[i] as Node), after); // `i` is below the length
  }
  let ways = ONE;
  let work = ONE;
  for (const [i, item] of items.entries()) {
    const cost = costOf(item, follows[i] ?? follow);
    work = plus(work, times(ways, cost.work));
    ways = times(ways, cost.ways);
  }
  return { ways, work };
}

function alternatives(branches: readonly Node[], follow: First): Cost {
  const costs = branches.map((branch) => costOf(branch, follow));
  const ways = costs.map((cost) => cost.ways).reduce(areExclusive(branches, follow) ? greater : plus);
  return { ways, work: costs.map((cost) => cost.work).reduce(plus, ONE) };
}

/** Whether no text can be matched by two of the branches. */
function areExclusive(branches: readonly Node[], follow: First): boolean {
  if (branches.length > MAX_COMPARED) return false;
  const all = branches.map((branch) => ({ sets: leadingSets(branch), first: followedBy(firstOf(branch), follow) }));
  return all.every((one, i) =>
    all
      .slice(i + 1)
      .every(
        (other) =>
          one.sets.some((set, at) => other.sets[at]?.intersects(set) === false) || excludeFirst(one.first, other.first),
      ),
  );
}

function excludeFirst(one: First, other: First): boolean {
  return !one.nullable && !other.nullable && !one.set.intersects(other.set);
}

/** Sets of the bytes with which every match begins. */
function leadingSets(node: Node): ByteSet[] {
  if (node.kind === 'set') return [node.set];
  if (node.kind === 'group') return leadingSets(node.body);
  if (node.kind !== 'sequence') return [];
  const sets: ByteSet[] = [];
  for (const item of node.items) {
    if (item.kind !== 'set') break;
    sets.push(item.set);
  }
  return sets;
}

type Repeat = Node & { readonly kind: 'repeat' };

function repeatedSet({ min, max, mode }: Repeat, set: ByteSet, follow: First): Cost {
  const most: Bound = max === Number.POSITIVE_INFINITY ? LENGTH : { factor: max + 1, degree: 0 };
  const decided = mode === 'possessive' || min === max || excludeFirst({ set, nullable: false }, follow);
  return { ways: decided ? ONE : plus(most, ONE), work: plus(most, ONE) };
}

function repeated({ item, min, max, mode }: Repeat, follow: First): Cost {
  const first = firstOf(item);
  const again = max > 1 ? { set: union(first.set, follow.set), nullable: follow.nullable } : follow;
  const once = costOf(item, again);
  const decided = mode === 'possessive' || min === max || (!first.nullable && excludeFirst(first, follow));
  if (max <= 1) {
    return { ways: decided ? greater(once.ways, ONE) : plus(once.ways, ONE), work: plus(once.work, ONE) };
  }
  const unique = once.ways.degree === 0 && once.ways.factor === 1;
  if (max === Number.POSITIVE_INFINITY) {
    if (!unique || mayBeEmpty(item)) return UNKNOWN;
    // Each repetition begins where the previous one ended, so that together they read each byte once, except for
    // lookarounds.
    const work = looksFurther(item) ? times(once.work, LENGTH) : greater(once.work, LENGTH);
    return { ways: decided ? ONE : plus(LENGTH, ONE), work: plus(work, work) };
  }
  const ways = unique ? { factor: max + 1, degree: 0 } : power(plus(once.ways, ONE), max);
  return { ways: decided && unique ? ONE : ways, work: times(unique ? { factor: max, degree: 0 } : ways, once.work) };
}

function looksFurther(node: Node): boolean {
  const { kind } = node;
  const further = kind === 'look' || kind === 'atomic' || kind === 'reference';
  return further || (kind === 'repeat' && node.mode === 'possessive') || childrenOf(node).some(looksFurther);
}

function plus(a: Bound, b: Bound): Bound {
  return { factor: a.factor + b.factor, degree: Math.max(a.degree, b.degree) };
}

function times(a: Bound, b: Bound): Bound {
  return { factor: a.factor * b.factor, degree: a.degree + b.degree };
}

function greater(a: Bound, b: Bound): Bound {
  return { factor: Math.max(a.factor, b.factor), degree: Math.max(a.degree, b.degree) };
}

function power(a: Bound, exponent: number): Bound {
  return { factor: a.factor ** exponent, degree: a.degree * exponent };
}

function union(a: ByteSet, b: ByteSet): ByteSet {
  const set = new ByteSet();
  set.addAll(a);
  set.addAll(b);
  return set;
}

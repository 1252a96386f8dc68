/**
 * Growth of the matching time of a backtracking matcher with the length of the subject. An expression is converted to a
 * position automaton without empty transitions (Glushkov); the number of paths through a text that does not match is the
 * number of attempts. Exponential: two paths lead from a position back to itself on the same bytes. Polynomial of degree
 * n: n consecutive loops can share the same bytes. (Weber and Seidl, On the degree of ambiguity of finite automata, 1991.)
 */
import type { ByteSet } from '../../config/pcre/byte-set.js';
import { childrenOf, type Node, type Tree } from '../../config/pcre/syntax.js';
import { components } from './components.js';
import { StepBudget } from './step-budget.js';

export type Growth =
  /** `loop`: bytes; each repetition of them doubles the number of paths. */
  | { readonly kind: 'exponential'; readonly loop: string }
  /** `degree`: 3 means that a text twice as long takes eight times as long. */
  | { readonly kind: 'polynomial'; readonly degree: number };

/** Maximum number of positions; larger expressions are not analysed. */
const MAX_POSITIONS = 400;

/** Maximum number of pairs of positions that are compared. */
const MAX_STEPS = 200_000;

/** A bounded repetition is unrolled up to this count; a larger one is treated as unbounded. */
const MAX_UNROLLED = 12;

/** Null if the growth is at most quadratic, or unknown (references, lookarounds, atomic groups). */
export function growthOf(tree: Tree, budget = new StepBudget(MAX_STEPS)): Growth | null {
  if (!mayGrow(tree.body)) return null;
  const positions = new Positions();
  const ends = positions.add(tree.body);
  if (ends === null) return null;
  const successors = positions.follow.map((row) => [...row.keys()]);
  const component = components(successors);
  const members = new Map<number, number[]>();
  for (const [position, of] of component.entries()) members.set(of, [...(members.get(of) ?? []), position]);
  for (const loop of members.values()) {
    // If the expression may end inside the loop, it matches before the matcher backtracks.
    if (loop.some((position) => ends.last.get(position) === true)) continue;
    const bytes = exponentialIn(loop, positions, budget);
    if (bytes !== null) return { kind: 'exponential', loop: bytes };
  }
  const degree = degreeOf(positions, ends, successors, startsAnywhere(tree.body));
  return degree >= 3 ? { kind: 'polynomial', degree } : null;
}

/** Cheap filter: nested loops, alternatives in a loop, or three loops (the search for a start counts as one). */
function mayGrow(body: Node): boolean {
  let loops = 0;
  let nested = false;
  const walk = (node: Node, inLoop: boolean): void => {
    const isLoop = node.kind === 'repeat' && node.max > 1;
    if (isLoop) loops++;
    if (inLoop && (node.kind === 'repeat' || node.kind === 'alternatives')) nested = true;
    for (const child of childrenOf(node)) walk(child, inLoop || isLoop);
  };
  walk(body, false);
  return nested || loops + (startsAnywhere(body) ? 1 : 0) >= 3;
}

function startsAnywhere(node: Node): boolean {
  if (node.kind === 'assertion') return node.source !== '^';
  if (node.kind === 'group') return startsAnywhere(node.body);
  if (node.kind === 'alternatives') return node.branches.some(startsAnywhere);
  if (node.kind === 'sequence') return node.items[0] === undefined || startsAnywhere(node.items[0]);
  return true;
}

/** First and last positions of a part of an expression. */
interface Ends {
  readonly first: readonly number[];
  /** Whether the part may end there regardless of what follows; false before an assertion. */
  readonly last: ReadonlyMap<number, boolean>;
  /** Whether it matches the empty text: never, only where an assertion holds, or anywhere. */
  readonly empty: 'no' | 'asserted' | 'yes';
}

const NOTHING: Ends = { first: [], last: new Map(), empty: 'yes' };

class Positions {
  readonly sets: ByteSet[] = [];
  /** Number of ways in which one position follows another; 2 means two or more. */
  readonly follow: Map<number, number>[] = [];

  /** Null if the part cannot be analysed. */
  add(node: Node): Ends | null {
    switch (node.kind) {
      case 'set': {
        if (this.sets.length >= MAX_POSITIONS) return null;
        const position = this.sets.push(node.set) - 1;
        this.follow.push(new Map());
        return { first: [position], last: new Map([[position, true]]), empty: 'no' };
      }
      case 'assertion':
        return node.source === '^' || node.ends ? { ...NOTHING, empty: 'asserted' } : null;
      case 'group':
        return this.add(node.body);
      case 'sequence':
        return this.sequence(node.items.map((item) => () => this.add(item)));
      case 'alternatives':
        return this.alternatives(node.branches);
      case 'repeat':
        return node.mode === 'possessive' ? null : this.repeat(node);
      default:
        return null;
    }
  }

  private sequence(parts: readonly (() => Ends | null)[]): Ends | null {
    let ends = NOTHING;
    for (const part of parts) {
      const next = part();
      if (next === null) return null;
      this.connect(ends.last, next.first);
      const last = new Map(next.last);
      if (next.empty !== 'no') {
        for (const [position, free] of ends.last) last.set(position, free && next.empty === 'yes');
      }
      ends = {
        first: ends.empty === 'no' ? ends.first : [...ends.first, ...next.first],
        last,
        empty: both(ends.empty, next.empty),
      };
    }
    return ends;
  }

  private alternatives(branches: readonly Node[]): Ends | null {
    const all: Ends[] = [];
    for (const branch of branches) {
      const ends = this.add(branch);
      if (ends === null) return null;
      all.push(ends);
    }
    const kinds = all.map(({ empty }) => empty);
    return {
      first: all.flatMap(({ first }) => first),
      last: new Map(all.flatMap(({ last }) => [...last])),
      empty: kinds.includes('yes') ? 'yes' : kinds.includes('asserted') ? 'asserted' : 'no',
    };
  }

  private repeat({ item, min, max }: Node & { kind: 'repeat' }): Ends | null {
    const required = Math.min(min, MAX_UNROLLED);
    const parts: (() => Ends | null)[] = [];
    for (let i = 0; i < required; i++) parts.push(() => this.add(item));
    if (max - min > MAX_UNROLLED || (max > min && min > MAX_UNROLLED)) {
      // `x+` is one position that follows itself, not two positions.
      if (required > 0) parts.pop();
      parts.push(() => this.loop(item, required > 0));
    } else {
      for (let i = min; i < max; i++) parts.push(() => this.optional(item));
    }
    return this.sequence(parts);
  }

  private loop(item: Node, once: boolean): Ends | null {
    const ends = this.add(item);
    if (ends === null) return null;
    this.connect(ends.last, ends.first);
    return once ? ends : { ...ends, empty: 'yes' };
  }

  private optional(item: Node): Ends | null {
    const ends = this.add(item);
    return ends === null ? null : { ...ends, empty: 'yes' };
  }

  private connect(last: ReadonlyMap<number, boolean>, first: readonly number[]): void {
    for (const position of last.keys()) {
      const row = this.follow[position];
      for (const next of first) row?.set(next, Math.min(2, (row.get(next) ?? 0) + 1));
    }
  }
}

function both(one: Ends['empty'], other: Ends['empty']): Ends['empty'] {
  if (one === 'no' || other === 'no') return 'no';
  return one === 'asserted' || other === 'asserted' ? 'asserted' : 'yes';
}

/** Bytes on which two paths lead from a position of the loop back to itself, or null. */
function exponentialIn(loop: readonly number[], { sets, follow }: Positions, budget: StepBudget): string | null {
  const inside = new Set(loop);
  for (const position of loop) {
    for (const [next, ways] of follow[position] ?? []) {
      if (ways > 1 && inside.has(next)) return letter(sets[next]);
    }
  }
  // Pairs of positions that are reached on the same bytes from the same position.
  const numbers = new Map<string, number>();
  const pairs: (readonly [number, number])[] = [];
  const edges: number[][] = [];
  const numberOf = (a: number, b: number): number => {
    const key = `${a},${b}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = pairs.push([a, b]) - 1;
      numbers.set(key, number);
      edges.push([]);
    }
    return number;
  };
  for (const position of loop) numberOf(position, position);
  for (let i = 0; i < pairs.length; i++) {
    const [a, b] = pairs[i] ?? [0, 0];
    for (const x of follow[a]?.keys() ?? []) {
      if (!inside.has(x)) continue;
      for (const y of follow[b]?.keys() ?? []) {
        if (!inside.has(y)) continue;
        if (!budget.step()) return null;
        if (sets[x] !== undefined && sets[y]?.intersects(sets[x])) edges[i]?.push(numberOf(x, y));
      }
    }
  }
  const component = components(edges);
  const same = new Set(loop.map((_, i) => component[i]));
  const apart = pairs.find(([a, b], i) => a !== b && same.has(component[i]));
  return apart === undefined ? null : letter(sets[apart[0]], sets[apart[1]]);
}

/** Number of consecutive single-position loops that can share one byte; the search for a start counts as one. */
function degreeOf(
  { sets, follow }: Positions,
  ends: Ends,
  successors: readonly (readonly number[])[],
  anywhere: boolean,
): number {
  const loops = sets.flatMap((_, position) => (follow[position]?.has(position) ? [position] : []));
  if (loops.length + (anywhere ? 1 : 0) < 3) return 0;
  let degree = 0;
  const candidates = new Set(loops.flatMap((position) => representative(sets[position])));
  for (const byte of candidates) {
    const depth = new Map<number, number>();
    const within = (position: number) => sets[position]?.has(byte) === true;
    // Maximum number of loops on a path from a position. Loops of more than one position are not entered twice.
    const maxLoopsFrom = (position: number): number => {
      const cached = depth.get(position);
      if (cached !== undefined) return cached;
      depth.set(position, 0);
      let best = 0;
      for (const next of successors[position] ?? []) {
        if (next !== position && within(next)) best = Math.max(best, maxLoopsFrom(next));
      }
      // A loop in which the expression may end never causes backtracking, so it does not count.
      const own = follow[position]?.has(position) && ends.last.get(position) !== true ? 1 : 0;
      const sum = own + best;
      depth.set(position, sum);
      return sum;
    };
    for (const position of loops) if (within(position)) degree = Math.max(degree, maxLoopsFrom(position));
    for (const position of anywhere ? ends.first : []) {
      if (within(position)) degree = Math.max(degree, maxLoopsFrom(position) + 1);
    }
  }
  return degree;
}

/** A few bytes of a set, preferably common ones. */
function representative(set: ByteSet | undefined): number[] {
  if (set === undefined) return [];
  const usual = [...'a0/.-_ %'].map((c) => c.charCodeAt(0)).filter((byte) => set.has(byte));
  return usual.length > 0 ? usual : set.bytes.slice(0, 1);
}

/** A byte that is in both sets. */
function letter(set: ByteSet | undefined, other = set): string {
  const usual = representative(set).find((byte) => other?.has(byte) === true);
  return String.fromCharCode(usual ?? set?.bytes.find((byte) => other?.has(byte) === true) ?? 0x61);
}

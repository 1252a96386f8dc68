/**
 * Language of a regular expression as an automaton over bytes, to decide whether one expression includes another.
 * Subjects are searched, as everywhere in nginx: an expression without `^` matches anywhere in them.
 */
import { ByteSet } from '../../config/pcre/byte-set.js';
import type { Node, Tree } from '../../config/pcre/syntax.js';
import type { StepBudget } from './step-budget.js';

type State =
  | { readonly on: 'byte'; readonly set: ByteSet; next: number }
  | { readonly on: 'start' | 'end'; next: number }
  | { readonly on: 'either'; readonly next: number[] }
  | { readonly on: 'accept' };

/** Maximum number of states; larger expressions are not analysed. */
const MAX_STATES = 2000;

/** Set of states of the automaton after some bytes of a subject. */
interface StateSet {
  readonly key: string;
  /** States with a transition on a byte. */
  readonly active: readonly number[];
  /** Matched, regardless of what follows. */
  readonly matched: boolean;
  /** Matched if the subject ends here. */
  readonly matchedAtEnd: boolean;
}

class TooComplex extends Error {}

export class Language {
  private readonly states: State[] = [{ on: 'accept' }];
  private readonly first: number;
  private readonly steps = new Map<string, StateSet>();

  private constructor(tree: Tree) {
    this.first = this.build(tree.body, 0);
  }

  /** Null for expressions with references, lookarounds, atomic groups and similar constructs, and for very large ones. */
  static of(tree: Tree): Language | null {
    try {
      return new Language(tree);
    } catch (error) {
      if (error instanceof TooComplex) return null;
      throw error;
    }
  }

  /** Language of all subjects that begin with a text. */
  static prefix(text: string): Language {
    const items: Node[] = [{ kind: 'assertion', source: '^', ends: false }];
    for (const byte of text) items.push({ kind: 'set', set: ByteSet.of(byte) });
    return new Language({ body: { kind: 'sequence', items }, groups: 0, names: [], indexes: [] });
  }

  get sets(): ByteSet[] {
    return this.states.flatMap((state) => (state.on === 'byte' ? [state.set] : []));
  }

  start(): StateSet {
    return this.closure([this.first], true);
  }

  after(from: StateSet, byte: number): StateSet {
    if (from.matched) return from;
    const key = `${byte}:${from.key}`;
    const cached = this.steps.get(key);
    if (cached !== undefined) return cached;
    const next: number[] = [this.first];
    for (const i of from.active) {
      const state = this.states[i];
      if (state?.on === 'byte' && state.set.has(byte)) next.push(state.next);
    }
    const result = this.closure(next, false);
    this.steps.set(key, result);
    return result;
  }

  /** All states reachable without consuming a byte. */
  private closure(from: readonly number[], atStart: boolean): StateSet {
    const active = new Set<number>();
    let matched = false;
    let matchedAtEnd = false;
    const seen = new Set<number>();
    // Each state has two variants: plain (even), and after an assertion that the subject ends (odd).
    const stack = from.map((state) => state * 2);
    for (let each = stack.pop(); each !== undefined; each = stack.pop()) {
      if (seen.size === seen.add(each).size) continue;
      const state = this.states[each >> 1];
      const ended = each & 1;
      if (state === undefined) continue;
      if (state.on === 'accept') {
        matchedAtEnd = true;
        if (ended === 0) matched = true;
      } else if (state.on === 'byte') {
        if (ended === 0) active.add(each >> 1);
      } else if (state.on === 'either') {
        for (const next of state.next) stack.push(next * 2 + ended);
      } else if (state.on === 'end') {
        stack.push(state.next * 2 + 1);
      } else if (atStart) {
        stack.push(state.next * 2 + ended);
      }
    }
    const sorted = [...active].sort((a, b) => a - b);
    return { key: `${matched}${matchedAtEnd}${sorted.join()}`, active: sorted, matched, matchedAtEnd };
  }

  /** Start state of a node that continues with `next`. */
  private build(node: Node, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.add({ on: 'byte', set: node.set, next });
      case 'assertion':
        if (node.source !== '^' && !node.ends) throw new TooComplex();
        return this.add({ on: node.ends ? 'end' : 'start', next });
      case 'sequence':
        return node.items.reduceRight((after, item) => this.build(item, after), next);
      case 'alternatives':
        return this.add({ on: 'either', next: node.branches.map((branch) => this.build(branch, next)) });
      case 'group':
        return this.build(node.body, next);
      case 'repeat':
        if (node.mode === 'possessive') throw new TooComplex();
        return this.repeat(node, next);
      default:
        throw new TooComplex();
    }
  }

  private repeat({ item, min, max }: Node & { kind: 'repeat' }, next: number): number {
    let start = next;
    if (max === Number.POSITIVE_INFINITY) {
      const again = { on: 'either' as const, next: [next] };
      start = this.add(again);
      again.next.push(this.build(item, start));
    } else {
      for (let i = min; i < max; i++) start = this.add({ on: 'either', next: [next, this.build(item, start)] });
    }
    for (let i = 0; i < min; i++) start = this.build(item, start);
    return start;
  }

  private add(state: State): number {
    if (this.states.length >= MAX_STATES) throw new TooComplex();
    return this.states.push(state) - 1;
  }
}

/**
 * One representative byte for each class of bytes that these languages treat alike. Excludes `?`, which begins the query
 * and is not part of the path, and the line break, at which `.` and `$` stop; only attackers send them as %3F and %0A.
 */
function alphabet(...languages: readonly Language[]): number[] {
  const classes = new Uint16Array(256);
  let count = 1;
  for (const set of new Set(languages.flatMap(({ sets }) => sets))) {
    const split = new Map<number, number>();
    for (const byte of set.bytes) {
      const old = classes[byte] ?? 0;
      let fresh = split.get(old);
      if (fresh === undefined) split.set(old, (fresh = count++));
      classes[byte] = fresh;
    }
  }
  const seen = new Map<number, number>();
  // Start at `z`, so that the representative of "any other byte" is an ordinary letter.
  for (let i = 0; i < 256; i++) {
    const byte = (0x7a - i + 256) % 256;
    const of = classes[byte] ?? 0;
    if (byte !== 0x3f && byte !== 0x0a && !seen.has(of)) seen.set(of, byte);
  }
  return [...seen.values()];
}

const SLASH = 0x2f;

/** Maximum number of pairs of state sets before the search gives up. */
const MAX_PAIRS = 2000;

/** Whether `outer` matches every URI that `inner` matches; false if the budget is exhausted. */
export function includes(outer: Language, inner: Language, budget: StepBudget): boolean {
  return search(inner, outer, budget, (a, b) => (a.matchedAtEnd && !b.matchedAtEnd ? 'found' : b.matched)) === false;
}

/** Whether both match some URI; true if the budget is exhausted. */
export function intersects(one: Language, other: Language, budget: StepBudget): boolean {
  return search(one, other, budget, (a, b) => (a.matchedAtEnd && b.matchedAtEnd ? 'found' : false)) !== false;
}

/** Whether the language matches some URI (without a `?`); true if the budget is exhausted. */
export function matchesAny(language: Language, budget: StepBudget): boolean {
  return search(language, language, budget, (a) => (a.matchedAtEnd ? 'found' : false)) !== false;
}

/** Runs two automata on the same URIs. `visit` returns 'found' to stop, or true to skip the successors of a pair. */
function search(
  one: Language,
  other: Language,
  budget: StepBudget,
  visit: (a: StateSet, b: StateSet) => boolean | 'found',
): 'found' | 'too much' | false {
  const bytes = alphabet(one, other);
  const queue = [{ a: one.after(one.start(), SLASH), b: other.after(other.start(), SLASH) }];
  const seen = new Set(queue.map(({ a, b }) => `${a.key}|${b.key}`));
  for (const here of queue) {
    if (!budget.step()) return 'too much';
    const verdict = visit(here.a, here.b);
    if (verdict === 'found') return 'found';
    if (verdict || (here.a.active.length === 0 && !here.a.matched)) continue;
    for (const byte of bytes) {
      const a = one.after(here.a, byte);
      const b = other.after(here.b, byte);
      const key = `${a.key}|${b.key}`;
      if (seen.size === seen.add(key).size) continue;
      if (seen.size > MAX_PAIRS) return 'too much';
      queue.push({ a, b });
    }
  }
  return false;
}

/**
 * What a regular expression matches, as an automaton over bytes: to tell whether one matches all that another does.
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

/** Beyond it an expression is not looked at. */
const MOST_STATES = 2000;

/** Where the automaton stands after some bytes of a subject. */
interface Standing {
  readonly key: string;
  /** The states that wait for a byte. */
  readonly waiting: readonly number[];
  /** Matched, whatever follows. */
  readonly open: boolean;
  /** Matched, if the subject ends here. */
  readonly ending: boolean;
}

class TooMuch extends Error {}

export class Language {
  private readonly states: State[] = [{ on: 'accept' }];
  private readonly first: number;
  private readonly steps = new Map<string, Standing>();

  private constructor(tree: Tree) {
    this.first = this.build(tree.body, 0);
  }

  /** Null for expressions with references, lookarounds, atomic groups and the like, and for huge ones. */
  static of(tree: Tree): Language | null {
    try {
      return new Language(tree);
    } catch (error) {
      if (error instanceof TooMuch) return null;
      throw error;
    }
  }

  /** Subjects that begin with a text. */
  static prefix(text: string): Language {
    const items: Node[] = [{ kind: 'assertion', source: '^', ends: false }];
    for (const byte of text) items.push({ kind: 'set', set: ByteSet.of(byte) });
    return new Language({ body: { kind: 'sequence', items }, groups: 0, names: [], indexes: [] });
  }

  get sets(): ByteSet[] {
    return this.states.flatMap((state) => (state.on === 'byte' ? [state.set] : []));
  }

  start(): Standing {
    return this.standing([this.first], true);
  }

  after(from: Standing, byte: number): Standing {
    if (from.open) return from;
    const key = `${byte}:${from.key}`;
    const known = this.steps.get(key);
    if (known !== undefined) return known;
    const next: number[] = [this.first];
    for (const i of from.waiting) {
      const state = this.states[i];
      if (state?.on === 'byte' && state.set.has(byte)) next.push(state.next);
    }
    const result = this.standing(next, false);
    this.steps.set(key, result);
    return result;
  }

  /** All that is reached without a byte. */
  private standing(from: readonly number[], atStart: boolean): Standing {
    const waiting = new Set<number>();
    let open = false;
    let ending = false;
    const seen = new Set<number>();
    // States are taken twice: as they are, and (odd) behind an assertion that the subject ends.
    const stack = from.map((state) => state * 2);
    for (let each = stack.pop(); each !== undefined; each = stack.pop()) {
      if (seen.size === seen.add(each).size) continue;
      const state = this.states[each >> 1];
      const ended = each & 1;
      if (state === undefined) continue;
      if (state.on === 'accept') {
        ending = true;
        if (ended === 0) open = true;
      } else if (state.on === 'byte') {
        if (ended === 0) waiting.add(each >> 1);
      } else if (state.on === 'either') {
        for (const next of state.next) stack.push(next * 2 + ended);
      } else if (state.on === 'end') {
        stack.push(state.next * 2 + 1);
      } else if (atStart) {
        stack.push(state.next * 2 + ended);
      }
    }
    const sorted = [...waiting].sort((a, b) => a - b);
    return { key: `${open}${ending}${sorted.join()}`, waiting: sorted, open, ending };
  }

  /** The state in which a node begins that goes on to `next`. */
  private build(node: Node, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.add({ on: 'byte', set: node.set, next });
      case 'assertion':
        if (node.source !== '^' && !node.ends) throw new TooMuch();
        return this.add({ on: node.ends ? 'end' : 'start', next });
      case 'sequence':
        return node.items.reduceRight((after, item) => this.build(item, after), next);
      case 'alternatives':
        return this.add({ on: 'either', next: node.branches.map((branch) => this.build(branch, next)) });
      case 'group':
        return this.build(node.body, next);
      case 'repeat':
        if (node.mode === 'possessive') throw new TooMuch();
        return this.repeat(node, next);
      default:
        throw new TooMuch();
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
    if (this.states.length >= MOST_STATES) throw new TooMuch();
    return this.states.push(state) - 1;
  }
}

/**
 * Bytes of which each stands for all that these languages treat alike. Without `?`, which begins the query and is no part of
 * the URI, and without the line break, at which `.` and `$` stop: only who means harm sends them as %3F and %0A.
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
  // From the end of the letters: what stands for "any other byte" had better be an ordinary one.
  for (let i = 0; i < 256; i++) {
    const byte = (0x7a - i + 256) % 256;
    const of = classes[byte] ?? 0;
    if (byte !== 0x3f && byte !== 0x0a && !seen.has(of)) seen.set(of, byte);
  }
  return [...seen.values()];
}

const SLASH = 0x2f;

/** Pairs of standings that are looked at before giving up. */
const MOST_PAIRS = 2000;

/** Whether every URI that `inner` matches is matched by `outer`; false where that would take too long to find out. */
export function includes(outer: Language, inner: Language, effort: StepBudget): boolean {
  return search(inner, outer, effort, (a, b) => (a.ending && !b.ending ? 'found' : b.open)) === false;
}

/** Whether some URI is matched by both; true where that would take too long to find out. */
export function meets(one: Language, other: Language, effort: StepBudget): boolean {
  return search(one, other, effort, (a, b) => (a.ending && b.ending ? 'found' : false)) !== false;
}

/** Whether some URI (without a `?`) is matched; true where that would take too long to find out. */
export function matchesAny(language: Language, effort: StepBudget): boolean {
  return search(language, language, effort, (a) => (a.ending ? 'found' : false)) !== false;
}

/** Goes through what two automata do on the same URIs; `look` says what was found, or true where not to go on from there. */
function search(
  one: Language,
  other: Language,
  effort: StepBudget,
  look: (a: Standing, b: Standing) => boolean | 'found',
): 'found' | 'too much' | false {
  const bytes = alphabet(one, other);
  const queue = [{ a: one.after(one.start(), SLASH), b: other.after(other.start(), SLASH) }];
  const seen = new Set(queue.map(({ a, b }) => `${a.key}|${b.key}`));
  for (const here of queue) {
    if (!effort.step()) return 'too much';
    const verdict = look(here.a, here.b);
    if (verdict === 'found') return 'found';
    if (verdict || (here.a.waiting.length === 0 && !here.a.open)) continue;
    for (const byte of bytes) {
      const a = one.after(here.a, byte);
      const b = other.after(here.b, byte);
      const key = `${a.key}|${b.key}`;
      if (seen.size === seen.add(key).size) continue;
      if (seen.size > MOST_PAIRS) return 'too much';
      queue.push({ a, b });
    }
  }
  return false;
}

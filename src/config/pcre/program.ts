/** Compiles the tree of a regular expression to instructions of the backtracking matcher. */
import { type Ending, isEffectivelyPossessive, type Rest } from './auto-possess.js';
import type { ByteSet } from './byte-set.js';
import { minimumLength } from './minimum-length.js';
import { Op } from './opcodes.js';
import { type Beginning, beginningOf, isRequiredLater, searchedByte } from './search-hints.js';
import {
  childrenOf,
  END_SOURCE,
  LINE_END_SOURCE,
  LINE_START_SOURCE,
  mayBeEmpty,
  type Node,
  START_SOURCE,
  type Tree,
  VERY_END_SOURCE,
  widthOf,
} from './syntax.js';

/**
 * Registers that decide where the program continues. Together with address and position they determine an attempt
 * exactly; groups matter only to references and conditions, and programs with those are not repeatable.
 */
export interface Repeatable {
  /** Start position of a loop's iteration: relevant is whether it equals the current position. */
  readonly loops: readonly number[];
  /** Numbers of iterations, and the maximum above which a higher one makes no difference. */
  readonly counts: readonly { readonly register: number; readonly most: number }[];
}

/** Compiled expression. Registers: beginning and end of each group, then those of the instructions. */
export interface Program extends Beginning {
  readonly code: Int32Array;
  /** 256 flags for each set. */
  readonly sets: Uint8Array;
  readonly groups: number;
  readonly registers: number;
  /** A byte that every match contains, in lower case and as written, or -1. */
  readonly required: number;
  readonly requiredOther: number;
  /** Distance from the beginning of a match at which that byte is searched for: 0 or 1. */
  readonly requiredFrom: number;
  /** Minimum length of a match in bytes. */
  readonly minimum: number;
  /** Null if the result of an attempt depends on more than the control registers: references, conditions, calls. */
  readonly repeatable: Repeatable | null;
}

/** Marks a repetition without an upper bound. */
export const UNBOUNDED = 0x7fffffff;

/** Fixed registers after those of the groups. */
// biome-ignore lint/suspicious/noConstEnum: its members are constants in the compiled code, so that a switch is a jump table
export const enum Register {
  /** Position to which `\K` has moved the beginning of the match, or -1. */
  Keep,
  /** The current call, or -1. */
  Frame,
  /** Number of calls recorded. */
  Frames,
  Count,
}

const ASSERTIONS: ReadonlyMap<string, Op> = new Map([
  [START_SOURCE, Op.Start],
  [END_SOURCE, Op.End],
  [VERY_END_SOURCE, Op.VeryEnd],
  [LINE_START_SOURCE, Op.LineStart],
  [LINE_END_SOURCE, Op.LineEnd],
  ['\\b', Op.WordBoundary],
  ['\\B', Op.NoWordBoundary],
]);

/** Instructions that depend on the groups' captures, or on the start of a call or a lookbehind. */
const NOT_REPEATABLE: ReadonlySet<number> = new Set([
  Op.Reference,
  Op.CaselessReference,
  Op.Call,
  Op.IfGroup,
  Op.IfCalled,
  Op.ConditionLookEnd,
  Op.BackCheck,
]);

export function compileProgram(tree: Tree): Program {
  return new ProgramCompiler(tree).compile();
}

type SetNode = Node & { readonly kind: 'set' };
type RepeatNode = Node & { readonly kind: 'repeat' };
type LookNode = Node & { readonly kind: 'look' };

class ProgramCompiler {
  private readonly code: number[] = [];
  private readonly sets: ByteSet[] = [];
  private registers: number;
  /** Groups that are called; 0 for the whole expression. */
  private readonly called = new Set<number>();
  private readonly beginnings = new Map<number, number>();
  private isRepeatable = true;
  private readonly loops: number[] = [];
  private readonly counts: { readonly register: number; readonly most: number }[] = [];
  /** Operands to be set to the address of a group's beginning. */
  private readonly calls: { readonly at: number; readonly group: number }[] = [];

  constructor(private readonly tree: Tree) {
    // Beginning, end, and the beginning of a group that is still open.
    this.registers = 3 * (tree.groups + 1) + Register.Count;
    this.findCalls(tree.body);
  }

  compile(): Program {
    const { tree } = this;
    const { body, groups } = tree;
    this.beginnings.set(0, 0);
    this.node(body, 'match');
    if (this.called.has(0)) this.emit(Op.Return, 0);
    this.emit(Op.Match);
    for (const { at, group } of this.calls) this.code[at] = this.beginnings.get(group) ?? 0;
    const sets = new Uint8Array(this.sets.length * 256);
    for (const [i, set] of this.sets.entries()) for (const byte of set.bytes) sets[i * 256 + byte] = 1;
    const [required = -1, requiredOther = required] = searchedByte(body);
    return {
      code: Int32Array.from(this.code),
      sets,
      groups,
      registers: this.registers,
      required,
      requiredOther,
      requiredFrom: isRequiredLater(body) ? 1 : 0,
      minimum: minimumLength(tree),
      repeatable: this.isRepeatable ? { loops: this.loops, counts: this.counts } : null,
      ...beginningOf(tree),
    };
  }

  private findCalls(node: Node): void {
    if (node.kind === 'call') this.called.add(node.index);
    for (const child of childrenOf(node)) this.findCalls(child);
  }

  private emit(...numbers: readonly [Op, ...number[]]): number {
    if (NOT_REPEATABLE.has(numbers[0])) this.isRepeatable = false;
    return this.code.push(...numbers) - numbers.length;
  }

  /** Sets an operand to the next address. */
  private setTarget(operand: number): void {
    this.code[operand] = this.code.length;
  }

  private setIndex(set: ByteSet): number {
    const index = this.sets.indexOf(set);
    return index >= 0 ? index : this.sets.push(set) - 1;
  }

  private allocate(count: number): number {
    const first = this.registers;
    this.registers += count;
    return first;
  }

  private node(node: Node, rest: Rest | Ending): void {
    switch (node.kind) {
      case 'set':
        this.set(node);
        return;
      case 'assertion':
        this.emit(ASSERTIONS.get(node.source) as Op); // the parser creates no others
        return;
      case 'sequence':
        for (const [i, item] of node.items.entries()) this.node(item, { items: node.items, from: i + 1, outer: rest });
        return;
      case 'alternatives':
        this.alternatives(node.branches, (branch) => this.node(branch, rest));
        return;
      case 'group': {
        const { index } = node;
        // In a branch reset, a call is to the first of the groups.
        if (!this.beginnings.has(index)) this.beginnings.set(index, this.code.length);
        this.emit(Op.Open, index);
        this.node(node.body, this.called.size > 0 ? 'unknown' : rest);
        this.emit(Op.Close, index);
        if (this.called.has(index)) this.emit(Op.Return, index);
        return;
      }
      case 'look':
        this.look(node);
        return;
      case 'atomic':
        this.atomic(() => this.node(node.body, 'atomic'));
        return;
      case 'repeat':
        this.repeat(node, rest);
        return;
      case 'reference':
        this.emit(node.caseless ? Op.CaselessReference : Op.Reference, node.index);
        return;
      case 'call':
        this.calls.push({ at: this.emit(Op.Call, node.index, 0) + 2, group: node.index });
        return;
      case 'condition':
        this.condition(node, rest);
        return;
      case 'keep':
        this.emit(Op.Keep);
        return;
    }
  }

  private set({ set }: SetNode): void {
    const byte = singleByte(set);
    if (byte >= 0) this.emit(Op.Byte, byte);
    else this.emit(Op.Set, this.setIndex(set));
  }

  private alternatives<T>(branches: readonly T[], compile: (branch: T) => void): void {
    const ends: number[] = [];
    for (const [i, branch] of branches.entries()) {
      const last = i === branches.length - 1;
      const split = last ? -1 : this.emit(Op.Split, 0) + 1;
      compile(branch);
      if (last) continue;
      ends.push(this.emit(Op.Jump, 0) + 1);
      this.setTarget(split);
    }
    for (const end of ends) this.setTarget(end);
  }

  private atomic(body: () => void): void {
    const r = this.allocate(1);
    this.emit(Op.Atomic, r);
    body();
    this.emit(Op.AtomicEnd, r);
  }

  private look(node: LookNode): void {
    const r = this.allocate(2);
    if (!node.negative) {
      this.emit(Op.Look, r);
      this.lookBody(node, r);
      this.emit(Op.LookEnd, r);
      return;
    }
    const matched = this.emit(Op.LookElse, r, 0) + 2;
    this.lookBody(node, r);
    this.emit(Op.NegativeLookEnd, r);
    this.setTarget(matched);
  }

  private lookBody({ behind, body }: LookNode, r: number): void {
    if (!behind) {
      this.node(body, 'atomic');
      return;
    }
    const branches = body.kind === 'alternatives' ? body.branches : [body];
    this.alternatives(branches, (branch) => {
      const width = widthOf(branch);
      if (width !== null) {
        this.emit(Op.Back, width);
        this.node(branch, 'atomic');
        return;
      }
      // UTF-8 characters have several widths; only one of them fits.
      const [least, most] = widthsOf(branch);
      const widths = Array.from({ length: most - least + 1 }, (_, i) => least + i);
      this.alternatives(widths, (each) => {
        this.emit(Op.Back, each);
        this.node(branch, 'unknown');
        this.emit(Op.BackCheck, r);
      });
    });
  }

  private condition({ test, yes, no }: Node & { readonly kind: 'condition' }, rest: Rest | Ending): void {
    let otherwise = -1;
    if (test.kind === 'define') {
      otherwise = this.emit(Op.Jump, 0) + 1;
    } else if (test.kind === 'group') {
      otherwise = this.emit(Op.IfGroup, test.index, 0) + 2;
    } else if (test.kind === 'called') {
      otherwise = this.emit(Op.IfCalled, test.index ?? -1, 0) + 2;
    } else {
      const { look } = test;
      const r = this.allocate(2);
      const failed = this.emit(Op.LookElse, r, 0) + 2;
      this.lookBody(look, r);
      if (look.negative) {
        otherwise = this.emit(Op.ConditionLookEnd, r, 0) + 2;
        this.setTarget(failed);
      } else {
        this.emit(Op.LookEnd, r);
        otherwise = failed;
      }
    }
    this.node(yes, rest);
    const end = this.emit(Op.Jump, 0) + 1;
    this.setTarget(otherwise);
    this.node(no, rest);
    this.setTarget(end);
  }

  private repeat(node: RepeatNode, rest: Rest | Ending): void {
    const { item, min, max, mode } = node;
    if (max === 0) {
      // It matches nothing, but its groups may be called.
      const end = this.emit(Op.Jump, 0) + 1;
      this.node(item, 'unknown');
      this.setTarget(end);
      return;
    }
    if (item.kind === 'set') {
      this.repeatedSet(node, item, rest);
    } else if (mode === 'possessive') {
      const isSingle = min === 1 && max === 1;
      this.atomic(() => (isSingle ? this.node(item, 'atomic') : this.loop({ ...node, mode: 'greedy' }, 'atomic')));
    } else {
      this.loop(node, rest);
    }
  }

  private repeatedSet(node: RepeatNode, item: SetNode, rest: Rest | Ending): void {
    const { min, mode } = node;
    const max = Math.min(node.max, UNBOUNDED);
    if (min === 1 && max === 1) {
      this.set(item);
      return;
    }
    const set = this.setIndex(item.set);
    if (min === max || mode === 'possessive' || isEffectivelyPossessive(node, rest)) {
      this.emit(Op.Possessive, set, min, max);
    } else {
      this.emit(mode === 'lazy' ? Op.Lazy : Op.Greedy, set, min, max, nextByte(rest));
    }
  }

  private loop({ item, min, max: upTo, mode }: RepeatNode, rest: Rest | Ending): void {
    // A lookaround is repeated at most once more than necessary.
    const max = item.kind === 'look' && upTo === Number.POSITIVE_INFINITY ? min + 1 : Math.min(upTo, UNBOUNDED);
    const lazy = mode === 'lazy';
    if (max === 1) {
      this.optional(lazy, () => this.node(item, rest));
      return;
    }
    if (min > 1 || max !== UNBOUNDED) {
      this.countedLoop(item, min, max, lazy);
      return;
    }
    // `x+` and `x*`.
    const checked = mayBeEmpty(item);
    const r = checked ? this.allocate(1) : -1;
    if (checked) this.loops.push(r);
    const enter = min === 0 && lazy ? this.emit(Op.Jump, 0) + 1 : -1;
    const skip = min === 0 && !lazy ? this.emit(Op.Split, 0) + 1 : -1;
    const begin = this.code.length;
    let check = -1;
    if (checked) this.emit(Op.LoopStart, r);
    this.node(item, 'unknown');
    if (checked) check = this.emit(Op.LoopCheck, r, 0) + 2;
    if (enter >= 0) this.setTarget(enter);
    if (lazy) {
      this.emit(Op.Split, begin);
    } else {
      const exit = this.emit(Op.Split, 0, Op.Jump, begin) + 1;
      this.setTarget(exit);
    }
    if (skip >= 0) this.setTarget(skip);
    if (check >= 0) this.setTarget(check);
  }

  private optional(lazy: boolean, body: () => void): void {
    if (!lazy) {
      const skip = this.emit(Op.Split, 0) + 1;
      body();
      this.setTarget(skip);
      return;
    }
    const split = this.emit(Op.Split, 0, Op.Jump, 0);
    this.setTarget(split + 1);
    body();
    this.setTarget(split + 3);
  }

  private countedLoop(item: Node, min: number, max: number, lazy: boolean): void {
    const checked = max === UNBOUNDED && mayBeEmpty(item);
    const r = this.allocate(checked ? 2 : 1);
    this.counts.push({ register: r, most: max === UNBOUNDED ? min : max });
    if (checked) this.loops.push(r + 1);
    this.emit(Op.CountStart, r);
    const begin = this.emit(Op.CountLoop, r, min, max, lazy ? 1 : 0, 0);
    this.emit(Op.Count, r);
    let check = -1;
    if (checked) this.emit(Op.LoopStart, r + 1);
    this.node(item, 'unknown');
    if (checked) check = this.emit(Op.CountedLoopCheck, r + 1, r, min, 0) + 4;
    this.emit(Op.Jump, begin);
    this.setTarget(begin + 5);
    if (check >= 0) this.setTarget(check);
  }
}

function singleByte(set: ByteSet): number {
  return set.size === 1 ? (set.bytes[0] ?? -1) : -1;
}

/** The byte that must follow, if the next item is a single byte. */
function nextByte(rest: Rest | Ending): number {
  let at = rest;
  while (typeof at === 'object') {
    const next = at.items[at.from];
    if (next === undefined) at = at.outer;
    else if (next.kind === 'set') return singleByte(next.set);
    else if (next.kind === 'group' || next.kind === 'sequence') {
      const { kind } = next;
      at = { items: kind === 'group' ? [next.body] : next.items, from: 0, outer: { ...at, from: at.from + 1 } };
    } else if (next.kind === 'repeat' && next.min > 0 && next.item.kind === 'set') return singleByte(next.item.set);
    else return -1;
  }
  return -1;
}

/** Minimum and maximum number of bytes, for nodes without references and unbounded repetitions. */
function widthsOf(node: Node): readonly [number, number] {
  const sum = (nodes: readonly Node[]) => {
    const all = nodes.map(widthsOf);
    return [all.reduce((a, [least]) => a + least, 0), all.reduce((a, [, most]) => a + most, 0)] as const;
  };
  switch (node.kind) {
    case 'set':
      return [1, 1];
    case 'sequence':
      return sum(node.items);
    case 'alternatives': {
      const all = node.branches.map(widthsOf);
      return [Math.min(...all.map(([least]) => least)), Math.max(...all.map(([, most]) => most))];
    }
    case 'group':
    case 'atomic':
      return widthsOf(node.body);
    case 'repeat': {
      const [least, most] = widthsOf(node.item);
      return [node.min * least, node.max * most];
    }
    default:
      return [0, 0];
  }
}

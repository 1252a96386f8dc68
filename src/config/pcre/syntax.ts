/** A PCRE regular expression as a tree, over bytes. */
import type { ByteSet } from './byte-set.js';

export type Node =
  /** One byte of a set. `bracketed`: written as a class, `[...]`. */
  | { readonly kind: 'set'; readonly set: ByteSet; readonly bracketed?: true }
  /** JavaScript that matches no byte: `^`, `\b`. `ends`: matches only at the end of the subject. */
  | { readonly kind: 'assertion'; readonly source: string; readonly ends: boolean }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  /** `reset`: groups of all branches have the same numbers, `(?|...)`. */
  | { readonly kind: 'alternatives'; readonly branches: readonly Node[]; readonly reset?: true }
  | { readonly kind: 'group'; readonly index: number; readonly name: string | null; readonly body: Node }
  | {
      readonly kind: 'look';
      readonly behind: boolean;
      readonly negative: boolean;
      readonly body: Node;
      readonly at: number;
    }
  /** `lineBreak`: represents `\R`. */
  | { readonly kind: 'atomic'; readonly body: Node; readonly lineBreak?: true; readonly at: number }
  | {
      readonly kind: 'repeat';
      readonly item: Node;
      readonly min: number;
      readonly max: number;
      readonly mode: 'greedy' | 'lazy' | 'possessive';
      readonly at: number;
    }
  /** The text captured by a group. */
  | { readonly kind: 'reference'; readonly index: number; readonly caseless: boolean; readonly at: number }
  /** A group as a subroutine (`(?1)`), or the whole expression (`(?R)`, 0). */
  | { readonly kind: 'call'; readonly index: number; readonly at: number }
  | {
      readonly kind: 'condition';
      readonly test: Condition;
      readonly yes: Node;
      readonly no: Node;
      readonly at: number;
    }
  /** `\K`: the match begins here. */
  | { readonly kind: 'keep'; readonly at: number };

/** Condition of `(?(...)yes|no)`. */
export type Condition =
  | { readonly kind: 'group'; readonly index: number }
  /** Inside a call of that group; null: of any. */
  | { readonly kind: 'called'; readonly index: number | null }
  | { readonly kind: 'look'; readonly look: Node & { readonly kind: 'look' } }
  /** `(?(DEFINE)...)`: never true. */
  | { readonly kind: 'define' };

/** JavaScript for the assertions. */
export const START_SOURCE = '^';
export const END_SOURCE = '(?=\\n?$)';
export const VERY_END_SOURCE = '$';
// PCRE's multiline `^` matches after a line break, but not after one that ends the subject.
export const LINE_START_SOURCE = '(?:^|(?<=\\n)(?!$))';
export const LINE_END_SOURCE = '(?=\\n|$)';

export interface Tree {
  readonly body: Node;
  /** Number of capturing groups. */
  readonly groups: number;
  /** Names of groups in order, in lower case. */
  readonly names: readonly string[];
  /** Numbers of the groups with these names. */
  readonly indexes: readonly number[];
}

/** Reason why an expression is rejected; PCRE's own message if PCRE rejects it as well. */
export class Mistake extends Error {
  constructor(
    message: string,
    /** Offset at which PCRE reports it. */
    readonly at: number,
    /** Start of the offending text. */
    readonly from: number,
    /** True if PCRE accepts the expression. */
    readonly untranslatable: boolean,
    readonly help?: string,
  ) {
    super(message);
  }
}

/** Throws for an expression that PCRE rejects. */
export function invalid(message: string, at: number, from = Math.max(0, at - 1)): never {
  throw new Mistake(message, at, from, false);
}

/** Throws for PCRE notation that the parser does not support, or that a translation to JavaScript cannot express. */
export function untranslatable(what: string, from: number, at: number): never {
  throw new Mistake(`${what} is not supported`, at, from, true, `PCRE supports ${what}, tsproxy does not`);
}

export function sequenceOf(items: readonly Node[]): Node {
  const [only] = items;
  return only !== undefined && items.length === 1 ? only : { kind: 'sequence', items };
}

export function alternativesOf(branches: readonly Node[]): Node {
  const [only] = branches;
  return only !== undefined && branches.length === 1 ? only : { kind: 'alternatives', branches };
}

/** The possible bytes at a node's first position, and whether the node can match none at all. */
export interface First {
  readonly set: ByteSet;
  readonly nullable: boolean;
}

/** Number of bytes that a node matches; null if it varies. */
export function widthOf(node: Node): number | null {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'assertion':
    case 'look':
    case 'keep':
      return 0;
    case 'sequence':
      return node.items.reduce<number | null>((sum, item) => {
        const width = widthOf(item);
        return sum === null || width === null ? null : sum + width;
      }, 0);
    case 'alternatives': {
      const widths = node.branches.map(widthOf);
      const [width = 0] = widths;
      return widths.every((other) => other === width) ? width : null;
    }
    case 'group':
    case 'atomic':
      return widthOf(node.body);
    case 'repeat': {
      const width = widthOf(node.item);
      if (node.item.kind === 'look') {
        return 0;
      }
      return node.min === node.max && width !== null ? width * node.min : null;
    }
    case 'condition': {
      const width = widthOf(node.yes);
      return node.test.kind === 'define' ? 0 : width === widthOf(node.no) ? width : null;
    }
    case 'reference':
    case 'call':
      return null;
  }
}

/** The nodes directly inside a node. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'sequence':
      return node.items;
    case 'alternatives':
      return node.branches;
    case 'group':
    case 'look':
    case 'atomic':
      return [node.body];
    case 'repeat':
      return [node.item];
    case 'condition':
      return node.test.kind === 'look' ? [node.test.look, node.yes, node.no] : [node.yes, node.no];
    default:
      return [];
  }
}

/** Whether a node refers to a group. */
export function hasReference(node: Node): boolean {
  return node.kind === 'reference' || node.kind === 'call' || childrenOf(node).some(hasReference);
}

/** Whether a node may match no byte; true for calls and references. */
export function mayBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'sequence':
      return node.items.every(mayBeEmpty);
    case 'alternatives':
      return node.branches.some(mayBeEmpty);
    case 'group':
    case 'atomic':
      return mayBeEmpty(node.body);
    case 'repeat':
      return node.min === 0 || mayBeEmpty(node.item);
    case 'condition':
      return node.test.kind === 'define' || mayBeEmpty(node.yes) || mayBeEmpty(node.no);
    default:
      return true;
  }
}

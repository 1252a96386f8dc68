/** A regular expression of PCRE as a tree, over bytes. */
import type { ByteSet } from './byte-set.js';

export type Node =
  /** One byte out of a set. */
  | { readonly kind: 'set'; readonly set: ByteSet }
  /** JavaScript that matches no byte: `^`, `\b`. `ends`: it holds only at the end of the subject. */
  | { readonly kind: 'assertion'; readonly source: string; readonly ends: boolean }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'alternatives'; readonly branches: readonly Node[] }
  | { readonly kind: 'group'; readonly index: number; readonly name: string | null; readonly body: Node }
  | {
      readonly kind: 'look';
      readonly behind: boolean;
      readonly negative: boolean;
      readonly body: Node;
      readonly at: number;
    }
  | { readonly kind: 'atomic'; readonly body: Node; readonly at: number }
  | {
      readonly kind: 'repeat';
      readonly item: Node;
      readonly min: number;
      readonly max: number;
      readonly mode: 'greedy' | 'lazy' | 'possessive';
      readonly at: number;
    }
  /** What a group has matched. */
  | { readonly kind: 'reference'; readonly index: number; readonly caseless: boolean; readonly at: number };

export interface Tree {
  readonly body: Node;
  /** How many capturing groups there are. */
  readonly groups: number;
  /** Names of groups in order, in lower case. */
  readonly names: readonly string[];
}

/** Why an expression cannot be taken; PCRE's own words where it refuses as well. */
export class Mistake extends Error {
  constructor(
    message: string,
    /** Offset at which PCRE reports it. */
    readonly at: number,
    /** The offending stretch begins here. */
    readonly from: number,
    /** True where PCRE takes it and JavaScript has no exact counterpart. */
    readonly untranslatable: boolean,
    readonly help?: string,
  ) {
    super(message);
  }
}

/** What PCRE refuses. */
export function invalid(message: string, at: number, from = Math.max(0, at - 1)): never {
  throw new Mistake(message, at, from, false);
}

/** What PCRE takes and JavaScript cannot do. */
export function untranslatable(what: string, from: number, at: number): never {
  throw new Mistake(
    `${what} is not supported`,
    at,
    from,
    true,
    `PCRE has ${what}, JavaScript has no exact counterpart`,
  );
}

export function sequenceOf(items: readonly Node[]): Node {
  const [only] = items;
  return only !== undefined && items.length === 1 ? only : { kind: 'sequence', items };
}

export function alternativesOf(branches: readonly Node[]): Node {
  const [only] = branches;
  return only !== undefined && branches.length === 1 ? only : { kind: 'alternatives', branches };
}

/** The bytes of a node's first position, and whether it can match none at all. */
export interface First {
  readonly set: ByteSet;
  readonly nullable: boolean;
}

/** How many bytes a node matches; null where that varies. */
export function widthOf(node: Node): number | null {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'assertion':
    case 'look':
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
    case 'reference':
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
    default:
      return [];
  }
}

/** Properties of an expression that avoid hopeless attempts of a search, like PCRE2's start optimizations. */
import { ByteSet } from './byte-set.js';
import { childrenOf, type Node, START_SOURCE, type Tree } from './syntax.js';

export interface Beginning {
  /** Positions at which a match can begin: the first, the first and those after line breaks, or all. */
  readonly starts: 'first' | 'lines' | 'all';
  /** 256 flags: bytes with which a match can begin; null where it may be empty. */
  readonly firstBytes: Uint8Array | null;
  /** 256 flags: bytes matched by an unbounded repetition at the beginning; null if there is none. */
  readonly run: Uint8Array | null;
}

export function beginningOf({ body }: Tree): Beginning {
  const first = firstBytes(body);
  const flags = first !== null && !first.empty && first.set.size < 256 ? flagsOf(first.set) : null;
  const referenced = referencesOf(body);
  const run = referenced.size === 0 ? leadingRun(body) : null;
  const starts = isAnchored(body) ? 'first' : (startsWithAnything(body, referenced) ?? 'all');
  return { starts, firstBytes: flags, run: run === null ? null : flagsOf(run) };
}

function flagsOf(set: ByteSet): Uint8Array {
  const flags = new Uint8Array(256);
  for (const byte of set.bytes) flags[byte] = 1;
  return flags;
}

/**
 * The set of an unbounded repetition at the beginning. If such an expression does not match at one position, it does
 * not match at the positions covered by the repetition either, because the continuations there have been tried.
 */
function leadingRun(node: Node): ByteSet | null {
  switch (node.kind) {
    case 'repeat':
      return node.item.kind === 'set' && node.max === Number.POSITIVE_INFINITY ? node.item.set : null;
    case 'sequence':
      return node.items[0] === undefined ? null : leadingRun(node.items[0]);
    case 'group':
      return leadingRun(node.body);
    default:
      return null;
  }
}

export function isAnchored(node: Node): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.source === START_SOURCE;
    case 'sequence': {
      const first = node.items.find(({ kind }) => kind !== 'keep');
      return first !== undefined && isAnchored(first);
    }
    case 'alternatives':
      return node.branches.every(isAnchored);
    case 'group':
    case 'atomic':
      return isAnchored(node.body);
    default:
      return false;
  }
}

/**
 * `.*` at the beginning: an expression that does not match at one position does not match after it, up to the next
 * line.
 */
function startsWithAnything(node: Node, referenced: ReadonlySet<number>): 'first' | 'lines' | null {
  switch (node.kind) {
    case 'repeat': {
      const { item, min, max, mode } = node;
      if (min > 0 || max !== Number.POSITIVE_INFINITY || mode === 'possessive' || item.kind !== 'set') return null;
      return item.set.size === 256 ? 'first' : item.set.size === 255 && !item.set.has(0x0a) ? 'lines' : null;
    }
    case 'sequence': {
      const first = node.items[0];
      return first === undefined ? null : startsWithAnything(first, referenced);
    }
    case 'group':
      return referenced.has(node.index) ? null : startsWithAnything(node.body, referenced);
    case 'alternatives': {
      const all = node.branches.map((branch) =>
        isAnchored(branch) ? 'first' : startsWithAnything(branch, referenced),
      );
      return all.includes(null) ? null : all.includes('lines') ? 'lines' : 'first';
    }
    default:
      return null;
  }
}

function referencesOf(node: Node): Set<number> {
  const found = new Set<number>();
  const visit = (each: Node): void => {
    if (each.kind === 'reference' || each.kind === 'call') found.add(each.index);
    if (each.kind === 'condition' && each.test.kind === 'group') found.add(each.test.index);
    for (const child of childrenOf(each)) visit(child);
  };
  visit(node);
  return found;
}

interface FirstBytes {
  readonly set: ByteSet;
  readonly empty: boolean;
}

/** Bytes with which a node can begin; null if PCRE2 does not search for them. */
function firstBytes(node: Node): FirstBytes | null {
  switch (node.kind) {
    case 'set':
      return { set: node.set, empty: false };
    case 'sequence': {
      const set = new ByteSet();
      for (const item of node.items) {
        const first = firstBytes(item);
        if (first === null) return null;
        set.addAll(first.set);
        if (!first.empty) return { set, empty: false };
      }
      return { set, empty: true };
    }
    case 'alternatives': {
      const set = new ByteSet();
      let empty = false;
      for (const branch of node.branches) {
        const first = firstBytes(branch);
        if (first === null) return null;
        set.addAll(first.set);
        empty ||= first.empty;
      }
      return { set, empty };
    }
    case 'group':
    case 'atomic':
      return firstBytes(node.body);
    case 'repeat': {
      if (node.max === 0) return NOTHING;
      const first = firstBytes(node.item);
      return first === null ? null : { set: first.set, empty: first.empty || node.min === 0 };
    }
    case 'look':
      return node.negative || node.behind ? NOTHING : firstBytes(node.body);
    case 'assertion':
      return /^\\b$/i.test(node.source) ? NOTHING : null;
    case 'keep':
      return NOTHING;
    default:
      return null;
  }
}

const NOTHING: FirstBytes = { set: new ByteSet(), empty: true };

interface RequiredByte {
  /** The required byte: empty if there is none; a letter in both cases. */
  readonly bytes: readonly number[];
  /** Whether a repetition of variable length precedes the byte. */
  readonly follows: boolean;
}

const NONE: RequiredByte = { bytes: [], follows: false };

/** The last byte that every match contains, in both cases of a letter; empty if there is none. */
function requiredByte(node: Node): readonly number[] {
  return findRequiredByte(node, { varies: false }).bytes;
}

/**
 * The required byte that a search looks for before it tries to match. PCRE2 does so in an anchored expression only if a
 * repetition of variable length precedes that byte.
 */
export function searchedByte(node: Node): readonly number[] {
  const { bytes, follows } = findRequiredByte(node, { varies: false });
  return follows || !isAnchored(node) ? bytes : [];
}

/** Visits the nodes in the order of the text; `state.varies`: a repetition of variable length has been seen. */
function findRequiredByte(node: Node, state: { varies: boolean }): RequiredByte {
  switch (node.kind) {
    case 'set': {
      const { set } = node;
      const isCharacter = set.size === 1 || (set.size === 2 && set.isLetterInBothCases);
      return isCharacter ? { bytes: set.bytes, follows: state.varies } : NONE;
    }
    case 'sequence': {
      let last = NONE;
      for (const item of node.items) {
        const found = findRequiredByte(item, state);
        if (found.bytes.length > 0) last = found;
      }
      return last;
    }
    case 'alternatives': {
      const found = node.branches.map((branch) => findRequiredByte(branch, state));
      const common = commonBytes(found.map(({ bytes }) => bytes));
      if (common.length > 0) return { bytes: common, follows: found.some(({ follows }) => follows) };
      return { bytes: commonBytes(node.branches.map(leadingByte)), follows: false };
    }
    case 'group':
    case 'atomic':
      return findRequiredByte(node.body, state);
    case 'repeat': {
      const found = findRequiredByte(node.item, state);
      if (node.min !== node.max) state.varies = true;
      return node.min > 0 ? found : NONE;
    }
    default:
      for (const child of childrenOf(node)) findRequiredByte(child, state);
      return NONE;
  }
}

/** Whether the required byte of an expression follows the byte with which every match begins: PCRE2 then skips that one. */
export function isRequiredLater(node: Node): boolean {
  return leadingByte(node).length > 0 && isRequiredAfterFirst(node);
}

function isRequiredAfterFirst(node: Node): boolean {
  switch (node.kind) {
    case 'sequence': {
      const [first, ...others] = node.items;
      return (
        others.some((item) => requiredByte(item).length > 0) || (first !== undefined && isRequiredAfterFirst(first))
      );
    }
    case 'group':
    case 'atomic':
      return isRequiredAfterFirst(node.body);
    default:
      return false;
  }
}

/** The byte with which every match begins, in the form of `requiredByte`. */
function leadingByte(node: Node): readonly number[] {
  switch (node.kind) {
    case 'set':
      return requiredByte(node);
    case 'sequence':
      return node.items[0] === undefined ? [] : leadingByte(node.items[0]);
    case 'alternatives':
      return commonBytes(node.branches.map(leadingByte));
    case 'group':
    case 'atomic':
      return leadingByte(node.body);
    case 'repeat':
      return node.min > 0 ? leadingByte(node.item) : [];
    default:
      return [];
  }
}

function commonBytes([first = [], ...others]: readonly (readonly number[])[]): readonly number[] {
  return others.every((bytes) => String(bytes) === String(first)) ? first : [];
}

/** The bytes with which a part of a regular expression can begin. */
import { ByteSet } from './byte-set.js';
import type { First, Node } from './syntax.js';

const NOTHING: First = { set: new ByteSet(), nullable: true };
/** Matches before some bytes and not before others; which ones is not analyzed. */
const ANYTHING: First = { set: new ByteSet().inverted(), nullable: true };

export function firstOf(node: Node): First {
  switch (node.kind) {
    case 'set':
      return { set: node.set, nullable: false };
    case 'assertion':
      // At the end of the subject no byte follows except perhaps a last line break, and any item that could match that
      // already has.
      return node.ends ? { set: new ByteSet(), nullable: false } : ANYTHING;
    case 'look':
      return ANYTHING;
    case 'sequence':
      return node.items.map(firstOf).reduceRight((after, first) => followedBy(first, after), NOTHING);
    case 'alternatives': {
      const firsts = node.branches.map(firstOf);
      const set = new ByteSet();
      for (const first of firsts) {
        set.addAll(first.set);
      }
      return { set, nullable: firsts.some(({ nullable }) => nullable) };
    }
    case 'group':
    case 'atomic':
      return firstOf(node.body);
    case 'repeat': {
      const first = firstOf(node.item);
      return { set: first.set, nullable: first.nullable || node.min === 0 };
    }
    case 'reference':
    case 'call':
    case 'condition':
      return ANYTHING;
    case 'keep':
      return NOTHING;
  }
}

/** Bytes with which a part can begin if another part follows it. */
export function followedBy(first: First, after: First): First {
  if (!first.nullable) {
    return first;
  }
  const set = new ByteSet();
  set.addAll(first.set);
  set.addAll(after.set);
  return { set, nullable: after.nullable };
}

/**
 * Differences between JavaScript and PCRE for the same notation. JavaScript resets the groups inside a repeated part at
 * each repetition, PCRE keeps the last match. A reference to a group that has not matched is empty in JavaScript, and
 * fails in PCRE. And a repetition that matches nothing ends the loop in PCRE, while JavaScript undoes it and tries
 * another alternative.
 */
import { childrenOf, mayBeEmpty, type Node, untranslatable } from './syntax.js';

/** Context of a part. */
interface Situation {
  /** The part may be repeated. */
  readonly repeated: boolean;
  /** The part is repeated, and may be skipped in some repetitions. */
  readonly skippable: boolean;
}

/** Numbers of the groups whose content may differ. Throws if the match itself may differ. */
export function checkCaptures(root: Node): number[] {
  const differing = new Set<number>();
  const certain = new Set<number>();
  visit(root, { repeated: false, skippable: false });
  return [...differing].sort((a, b) => a - b);

  function visit(node: Node, situation: Situation): void {
    switch (node.kind) {
      case 'group':
        if (situation.skippable) {
          differing.add(node.index);
        }
        visit(node.body, situation);
        certain.add(node.index);
        return;
      case 'reference':
        if (!certain.has(node.index)) {
          untranslatable('a back reference to a group that may not have matched', node.at, node.at + 2);
        }
        return;
      case 'alternatives':
        for (const branch of node.branches) {
          visitApart(branch, { ...situation, skippable: situation.repeated });
        }
        return;
      case 'look':
        if (node.negative) {
          visitApart(node.body, situation);
        } else {
          visit(node.body, situation);
        }
        return;
      case 'repeat': {
        const repeats = node.max > 1;
        if (repeats && node.min < node.max && mayBeEmpty(node.item) && !prefersBytes(node.item)) {
          untranslatable('a repeated part that prefers an empty match', node.at, node.at + 1);
        }
        const inside = {
          repeated: situation.repeated || repeats,
          // In JavaScript, a repetition that matches nothing is undone, together with its groups.
          skippable: situation.skippable || (repeats && node.min < node.max && mayBeEmpty(node.item)),
        };
        if (node.min > 0) {
          visit(node.item, inside);
        } else {
          visitApart(node.item, { ...inside, skippable: inside.skippable || situation.repeated });
        }
        return;
      }
      default:
        for (const child of childrenOf(node)) {
          visit(child, situation);
        }
    }
  }

  /** Visits a part that may be skipped: its captures are certain only inside it. */
  function visitApart(node: Node, situation: Situation): void {
    const before = new Set(certain);
    visit(node, situation);
    for (const index of certain) {
      if (!before.has(index)) {
        certain.delete(index);
      }
    }
  }
}

/** True if a part matches nothing only when it cannot match anything else. */
function prefersBytes(node: Node): boolean {
  switch (node.kind) {
    case 'sequence':
      return node.items.every(prefersBytes);
    case 'alternatives':
      return node.branches.every((branch, i) => {
        const last = i === node.branches.length - 1;
        return last ? prefersBytes(branch) : !mayBeEmpty(branch);
      });
    case 'group':
    case 'atomic':
      return prefersBytes(node.body);
    case 'repeat':
      return (node.mode !== 'lazy' || node.min === node.max) && prefersBytes(node.item);
    case 'reference':
      return false;
    default:
      return true;
  }
}

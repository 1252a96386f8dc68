/**
 * Where JavaScript and PCRE differ though the notation is the same. JavaScript forgets the groups inside a repeated part
 * at each repetition, PCRE keeps the last that matched. A reference to a group that has not matched is empty in
 * JavaScript, and fails in PCRE. And a repetition that matches nothing ends the repeating in PCRE, while JavaScript
 * takes it back and looks for another.
 */
import { childrenOf, mayBeEmpty, type Node, untranslatable } from './syntax.js';

/** Where a part stands. */
interface Situation {
  /** In a part that may be repeated. */
  readonly repeated: boolean;
  /** In a repeated part, and perhaps not taken at each repetition. */
  readonly skippable: boolean;
}

/** The numbers of the groups whose content may differ. Refuses what may match differently. */
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
          untranslatable('a repeated part that rather matches nothing', node.at, node.at + 1);
        }
        const inside = {
          repeated: situation.repeated || repeats,
          // A repetition that matches nothing is undone in JavaScript, with what its groups took.
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

  /** Visits a part that may be passed over: what matches in it is certain only there. */
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

/** True where a part matches nothing only when it can match nothing else. */
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

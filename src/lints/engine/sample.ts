/** Sample texts for regular expressions. */
import type { ByteSet } from '../../config/pcre/byte-set.js';
import type { Node } from '../../config/pcre/syntax.js';

/**
 * A text that an expression is likely to match; an unbounded repetition that accepts all characters of `filling` becomes
 * `filling`. Assertions are ignored, so the caller has to test the text.
 *
 * @param branch index of the alternative to use, from 0; the last one if there are fewer
 */
export function sampleOf(node: Node, filling: string, branch: number): string {
  switch (node.kind) {
    case 'set':
      return characterOf(node.set);
    case 'sequence':
      return node.items.map((item) => sampleOf(item, filling, branch)).join('');
    case 'alternatives': {
      const chosen = node.branches[Math.min(branch, node.branches.length - 1)];
      return chosen === undefined ? '' : sampleOf(chosen, filling, branch);
    }
    case 'group':
    case 'atomic':
      return sampleOf(node.body, filling, branch);
    case 'repeat': {
      const { item, min, max } = node;
      if (max === Number.POSITIVE_INFINITY && item.kind === 'set' && holds(item.set, filling)) return filling;
      return sampleOf(item, filling, branch).repeat(Math.min(Math.max(min, Math.min(max, 1)), 100));
    }
    default:
      return '';
  }
}

function holds(set: ByteSet, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!set.has(text.charCodeAt(i))) return false;
  return true;
}

/** A character of the set, preferably a lower-case letter or digit. */
function characterOf(set: ByteSet): string {
  const { bytes } = set;
  const letter = bytes.find((byte) => (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39));
  const byte = letter ?? bytes.find((other) => other > 0x20 && other < 0x7f) ?? bytes[0];
  return byte === undefined ? '' : String.fromCharCode(byte);
}

/** Syntax trees of regular expressions. */
import { Expression } from '../../config/pcre/expression.js';
import { memoizePerTick } from '../../config/pcre/memoize-per-tick.js';
import { parsed } from '../../config/pcre/parser.js';
import { childrenOf, Mistake, type Node, type Tree } from '../../config/pcre/syntax.js';
import { translate } from '../../config/pcre/translate.js';

/** The tree, or null if the expression is invalid, which the checker reports. */
export function treeOf(text: string, caseless = false): Tree | null {
  const tree = parsed(text, caseless);
  return tree instanceof Mistake ? null : tree;
}

/** The compiled expression, or null if it is invalid. */
export const expressionOf = memoizePerTick((text, caseless): Expression | null => {
  const result = translate(text, caseless);
  return 'mistake' in result ? null : new Expression(result.pattern);
});

/** Names of the groups of an expression, in lower case, found without parsing it. */
export function groupNames(text: string): string[] {
  if (!text.includes('(?')) return [];
  return [...text.matchAll(/\(\?P?[<']([A-Za-z_]\w*)[>']/g)].map(([, name = '']) => name.toLowerCase());
}

/** Number of groups of an expression, counted without parsing it; infinity if that is not possible. */
export function groupCount(text: string): number {
  return text.includes('(') ? countGroups(text) : 0;
}

const countGroups = memoizePerTick((text) => {
  if (/\(\?[|(]|\(\*|\\Q|\(\?\w*x/.test(text)) return Number.POSITIVE_INFINITY;
  let count = 0;
  for (const [part] of text.matchAll(/\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\((?!\?)|\(\?P?<[A-Za-z_]|\(\?'/gs)) {
    if (part.startsWith('(')) count++;
  }
  return count;
});

/** The node and all its descendants. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}

/** Body of a capturing group, by number or by name in lower case; null if there is none. */
export function groupBody(tree: Tree, key: string): Node | null {
  for (const node of nodesOf(tree.body)) {
    if (node.kind !== 'group') continue;
    if (String(node.index) === key || node.name?.toLowerCase() === key) return node.body;
  }
  return null;
}

/** Whether a match of a part may contain a byte. */
export function mayContain(node: Node, byte: number): boolean {
  for (const each of nodesOf(node)) {
    if (each.kind === 'set' && each.set.has(byte)) return true;
    if (each.kind === 'reference') return true;
  }
  return false;
}

/** Constant prefix of every match, if the expression starts with `^`; otherwise null. */
export function anchoredPrefix(tree: Tree): { readonly text: string; readonly whole: boolean } | null {
  const { body } = tree;
  const items = body.kind === 'sequence' ? body.items : [body];
  const [start, ...rest] = items;
  if (start?.kind !== 'assertion' || start.source !== '^') return null;
  let text = '';
  for (const [i, item] of rest.entries()) {
    const byte = item.kind === 'set' ? item.set.bytes : [];
    if (byte.length === 1) {
      text += String.fromCharCode(byte[0] ?? 0);
      continue;
    }
    return { text, whole: item.kind === 'assertion' && item.ends && i === rest.length - 1 };
  }
  return { text, whole: false };
}

/** Whether all branches of an expression are anchored at the start, and at the end. */
export function anchorsOf(node: Node): { readonly start: boolean; readonly end: boolean } {
  switch (node.kind) {
    case 'assertion':
      return { start: node.source === '^', end: node.ends };
    case 'alternatives': {
      const all = node.branches.map(anchorsOf);
      return { start: all.every(({ start }) => start), end: all.every(({ end }) => end) };
    }
    case 'group':
    case 'atomic':
      return anchorsOf(node.body);
    case 'sequence': {
      const first = node.items[0];
      const last = node.items.at(-1);
      return {
        start: first !== undefined && anchorsOf(first).start,
        end: last !== undefined && anchorsOf(last).end,
      };
    }
    default:
      return { start: false, end: false };
  }
}

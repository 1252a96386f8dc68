/**
 * Parses a regular expression in PCRE2's notation, and translates it to JavaScript's, over byte strings. The
 * translation is exact: it matches the same texts, with the same length and groups; if that is not possible there is
 * none.
 */
import type { PatternData } from '../template.js';
import { checkCaptures } from './capture-check.js';
import { longestWithin } from './cost.js';
import { memoizePerTick } from './memoize-per-tick.js';
import { parsed } from './parser.js';
import { render } from './render.js';
import { childrenOf, Mistake, mayBeEmpty, type Node, type Tree } from './syntax.js';

/** Reason why an expression was rejected. Offsets are into the expression. */
export interface PatternMistake {
  /** PCRE2's message if PCRE2 rejects it as well. */
  readonly message: string;
  /** Offset reported by PCRE2. */
  readonly at: number;
  /** Start of the text to be shown. */
  readonly from: number;
  /** True if PCRE accepts the expression and the parser does not. */
  readonly untranslatable: boolean;
  readonly help?: string;
}

export type Translation = { readonly pattern: PatternData } | { readonly mistake: PatternMistake };

/** Maximum number of steps of JavaScript's RegExp for one search: some hundredths of a second. */
const MAX_STEPS = 200_000_000;

/** The expression as plain data, or the reason why it is rejected. `caseless` is PCRE2_CASELESS. */
export const translate = memoizePerTick((written, caseless): Translation => {
  const tree = parsed(written, caseless);
  if (tree instanceof Mistake) {
    const { message, at, from, untranslatable, help } = tree;
    return { mistake: { message, at, from, untranslatable, ...(help !== undefined && { help }) } };
  }
  const ignoreCase = isCaselessThroughout(written, caseless);
  const flags = ignoreCase ? 'i' : '';
  const source = javaScriptOf(tree, ignoreCase, flags);
  const longest = source === null ? 0 : longestWithin(tree, MAX_STEPS);
  const { groups, names, indexes } = tree;
  return { pattern: { source, flags, longest, written, caseless, groups, names, indexes } };
});

/** JavaScript that matches the same, with the same groups; null if there is none. */
function javaScriptOf(tree: Tree, ignoreCase: boolean, flags: string): string | null {
  try {
    if (checkCaptures(tree.body).length > 0 || hasEmptyAtomic(tree.body)) return null;
    const source = render(tree, ignoreCase);
    new RegExp(source, flags);
    return source;
  } catch (error) {
    if (error instanceof Mistake || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether an atomic group may be empty: PCRE2 makes a repetition before it possessive, as `auto-possess.ts` does. */
function hasEmptyAtomic(node: Node): boolean {
  const atomic =
    node.kind === 'atomic' || (node.kind === 'repeat' && node.mode === 'possessive' && node.item.kind !== 'set');
  return (atomic && mayBeEmpty(node)) || childrenOf(node).some(hasEmptyAtomic);
}

/**
 * Whether JavaScript's own flag may be used: for ASCII it folds case like PCRE, for other bytes it does not. Otherwise
 * both cases are written out.
 */
function isCaselessThroughout(written: string, caseless: boolean): boolean {
  const starts = caseless || written.startsWith('(?i)');
  return starts && /^[\x00-\x7f]*$/.test(written) && !/\\[xopP0]|\\[0-7]{2}|\(\?[a-zA-Z]*[-^]|\(\*/.test(written);
}

/**
 * Reads a regular expression in PCRE2's notation, and translates it to JavaScript's, over byte strings. The translation is
 * exact: it matches the same, as long a part, with the same groups; where that is not possible there is none.
 */
import type { PatternData } from '../template.js';
import { checkCaptures } from './capture-check.js';
import { longestWithin } from './cost.js';
import { memoizePerTick } from './memoize-per-tick.js';
import { parsed } from './parser.js';
import { render } from './render.js';
import { Mistake, type Tree } from './syntax.js';

/** Why an expression was refused. Offsets are into it. */
export interface PatternMistake {
  /** PCRE2's words where it refuses as well. */
  readonly message: string;
  /** Where PCRE2 says it is. */
  readonly at: number;
  /** The stretch to be shown begins here. */
  readonly from: number;
  /** True where PCRE takes it and the parser does not. */
  readonly untranslatable: boolean;
  readonly help?: string;
}

export type Translation = { readonly pattern: PatternData } | { readonly mistake: PatternMistake };

/** Steps that JavaScript's RegExp may take for one search: some hundredths of a second. */
const MAX_STEPS = 200_000_000;

/** The expression as plain data, or the reason why there is none. `caseless` is PCRE2_CASELESS. */
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

/** JavaScript that finds the same, with the same groups; null where there is none. */
function javaScriptOf(tree: Tree, ignoreCase: boolean, flags: string): string | null {
  try {
    if (checkCaptures(tree.body).length > 0) return null;
    const source = render(tree, ignoreCase);
    new RegExp(source, flags);
    return source;
  } catch (error) {
    if (error instanceof Mistake || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Whether JavaScript's own flag may be used: for ASCII it folds case as PCRE does, for other bytes it does not. Elsewhere
 * both cases are written out.
 */
function isCaselessThroughout(written: string, caseless: boolean): boolean {
  const starts = caseless || written.startsWith('(?i)');
  return starts && /^[\x00-\x7f]*$/.test(written) && !/\\[xopP0]|\\[0-7]{2}|\(\?[a-zA-Z]*[-^]|\(\*/.test(written);
}

/**
 * Translates a regular expression from PCRE2's notation to JavaScript's, over byte strings. Exact or refused: what
 * matches there matches here, and takes as long a part; for groups see `differing`.
 */
import type { PatternData } from '../template.js';
import { checkCaptures } from './capture-check.js';
import { kept } from './kept.js';
import { parsed } from './parser.js';
import { render } from './render.js';
import { Mistake } from './syntax.js';

/** Why an expression was refused. Offsets are into it. */
export interface PatternMistake {
  /** PCRE2's words where it refuses as well. */
  readonly message: string;
  /** Where PCRE2 says it is. */
  readonly at: number;
  /** The stretch to be shown begins here. */
  readonly from: number;
  /** True where PCRE takes it and JavaScript has no exact counterpart. */
  readonly untranslatable: boolean;
  readonly help?: string;
}

export type Translation =
  /** `differing`: numbers of groups that may hold something else than with PCRE after a match. */
  { readonly pattern: PatternData; readonly differing: readonly number[] } | { readonly mistake: PatternMistake };

/** The translation, or the reason why there is none. `caseless` is PCRE2_CASELESS. */
export const translate = kept((written, caseless): Translation => {
  try {
    const tree = parsed(written, caseless);
    if (tree instanceof Mistake) throw tree;
    const differing = checkCaptures(tree.body);
    const ignoreCase = isCaselessThroughout(written, caseless);
    const source = render(tree, ignoreCase);
    const flags = ignoreCase ? 'i' : '';
    compile(source, flags, written);
    return { pattern: { source, flags, written, names: tree.names }, differing };
  } catch (error) {
    if (!(error instanceof Mistake)) {
      throw error;
    }
    const { message, at, from, untranslatable, help } = error;
    return { mistake: { message, at, from, untranslatable, ...(help !== undefined && { help }) } };
  }
});

/**
 * Whether JavaScript's own flag may be used: for ASCII it folds case as PCRE does, for other bytes it does not. Elsewhere
 * both cases are written out.
 */
function isCaselessThroughout(written: string, caseless: boolean): boolean {
  const starts = caseless || written.startsWith('(?i)');
  return starts && /^[\x00-\x7f]*$/.test(written) && !/\\[xopP0]|\\[0-7]{2}|\(\?[a-zA-Z]*[-^]|\(\*/.test(written);
}

function compile(source: string, flags: string, written: string): void {
  try {
    new RegExp(source, flags);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Mistake('this expression is not supported', written.length, 0, true, reason);
  }
}

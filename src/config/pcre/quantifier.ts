/** `*`, `+`, `?` and `{2,3}`, optionally followed by `?` or `+`. */
import type { Cursor } from './cursor.js';
import { invalid } from './syntax.js';

export interface Quantifier {
  /** Offsets of its first character, and of the last one before `suffix`. */
  readonly at: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
  readonly suffix: string;
}

/**
 * Maximum length examined: a quantifier is no longer than `{65535,65535}`; longer text is too big, or not a quantifier.
 */
const MAX_BRACES_LENGTH = 64;

/** `{2}`, `{2,}`, `{2,3}`: anything else in braces is literal. */
export function peekBraces({ text, at }: Cursor): string | undefined {
  return /^\{\d+(?:,\d*)?\}/.exec(text.slice(at, at + MAX_BRACES_LENGTH))?.[0];
}

/** The quantifier that comes next, or null. */
export function readQuantifier(cursor: Cursor): Quantifier | null {
  const { at } = cursor;
  const match = cursor.match(/([*+?]|\{(\d+)(?:(,)(\d*))?\})([+?]?)/y);
  if (match === null) return null;
  const [all, sign = '', low, comma, high, suffix = ''] = match;
  const min = low === undefined ? (all.startsWith('+') ? 1 : 0) : Number(low);
  const unbounded = low === undefined ? !all.startsWith('?') : comma !== undefined && high === '';
  const max = unbounded ? Number.POSITIVE_INFINITY : low === undefined ? 1 : comma === undefined ? min : Number(high);
  return { at, last: at + sign.length - 1, min, max, suffix };
}

/** Rejects the numbers that PCRE2 rejects. */
export function checkQuantifier({ at, last, min, max }: Quantifier): void {
  if (min > 65535 || (max > 65535 && max !== Number.POSITIVE_INFINITY)) {
    invalid('number too big in {} quantifier', last, at);
  }
  if (max < min) {
    invalid('numbers out of order in {} quantifier', last, at);
  }
}

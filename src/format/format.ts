/** A configuration text in its canonical layout. */
import { parse } from '../../grammar/parser.js';
import { print } from '../../grammar/print.js';
import { isStatement, type Source } from '../../grammar/syntax-tree.js';
import { wordsAtMost } from '../../grammar/words.js';
import { syntaxFinding } from '../config/syntax-finding.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding } from '../diagnostics/finding.js';
import { meaningOf, placedItems } from './meaning.js';

/** What became of a text. */
export interface Formatted {
  /** The text in its canonical layout, as bytes; null where it cannot be read, and is to be left alone. */
  readonly text: string | null;
  /** Why it cannot. */
  readonly findings: readonly Finding[];
  /** The files and patterns that the text includes, as written. */
  readonly includes: readonly string[];
}

/** Bytes of the longest text that is formatted. */
export const LONGEST = 16 * 2 ** 20;

/** Words, quotes and braces in such a text, at most: so many take some ten seconds and a gigabyte. */
const MOST_WORDS = 2_500_000;

/** As deep as blocks may be for `-t`. */
const DEEPEST = 500;

/** Leaves a text alone, for one reason. */
function refusal(message: string, help: string, code: Code = 'syntax'): Formatted {
  return { text: null, findings: [{ code, severity: 'error', message, at: null, help }], includes: [] };
}

/** The refusal of a text of so many bytes, where that is too many. */
export function tooLong(name: string, length: number): Formatted | null {
  if (length <= LONGEST) return null;
  const help = `texts of up to ${LONGEST / 2 ** 20} MiB are formatted`;
  return refusal(`"${name}" is too long: ${length} bytes`, help, 'too-long');
}

/**
 * Lays a text out anew: four spaces for each block, one directive on a line, one space between words, one blank line at
 * most, comments where they are, line ends LF, no byte order mark. Words are never changed, and the result is read again
 * and compared before it is given. A text with mistakes is refused with all of them.
 */
export function format(source: Source): Formatted {
  const { name, text } = source;
  const long = tooLong(name, text.length);
  if (long !== null) return long;
  const zero = text.indexOf('\0');
  if (zero !== -1) return refusal(`"${name}" is no text`, `byte ${zero} of it is zero: this is a binary file`);
  if (wordsAtMost(text) > MOST_WORDS) {
    const help = `texts of up to ${MOST_WORDS} words and braces are formatted`;
    return refusal(`"${name}" is too long`, help, 'too-long');
  }
  const laidOut = layOut(source);
  if ('findings' in laidOut) return laidOut;
  const { items, mistakes } = parse({ name, text: laidOut.text });
  if (mistakes.length > 0 || meaningOf(items) !== laidOut.meaning) {
    return refusal(`"${name}" cannot be laid out anew`, 'the result would not mean the same; it is left alone');
  }
  return { text: laidOut.text, findings: [], includes: laidOut.includes };
}

/** The text in its new layout. The tree is not handed out: it takes too much room to be kept while the result is read. */
function layOut(source: Source): Formatted | { text: string; includes: readonly string[]; meaning: string } {
  const { items, mistakes } = parse(source);
  if (mistakes.length > 0) {
    return { text: null, findings: mistakes.map(syntaxFinding), includes: [] };
  }
  const includes: string[] = [];
  for (const { item, depth } of placedItems(items)) {
    if (!isStatement(item)) continue;
    if (depth > DEEPEST) {
      const message = `blocks nest more than ${DEEPEST} deep`;
      return { text: null, findings: [{ code: 'too-deep', severity: 'error', message, at: item.name }], includes };
    }
    const [file, ...more] = item.args;
    if (item.name.text === 'include' && file && more.length === 0 && !item.block) includes.push(file.text);
  }
  return { text: print(items), includes, meaning: meaningOf(items) };
}

/** A configuration text in its canonical layout. */
import { parse } from '../../grammar/parser.js';
import { print } from '../../grammar/print.js';
import { isStatement, type Source } from '../../grammar/syntax-tree.js';
import { wordsAtMost } from '../../grammar/words.js';
import { syntaxFinding } from '../config/syntax-finding.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding } from '../diagnostics/finding.js';
import { allItems, meaningOf } from './meaning.js';

/** Result of formatting a text. */
export interface Formatted {
  /** The text in its canonical layout, as bytes; null if it cannot be formatted and must not be changed. */
  readonly text: string | null;
  /** Reasons why it cannot be formatted. */
  readonly findings: readonly Finding[];
  /** Arguments of the `include` directives, as written. */
  readonly includes: readonly string[];
}

/** Maximum length of a text, in bytes. */
export const MAX_LENGTH = 16 * 2 ** 20;

/** Maximum number of words, quotes and braces in a text; that many take about ten seconds and a gigabyte. */
const MAX_WORDS = 2_500_000;

/** Maximum nesting of blocks, as for `-t`. */
const MAX_DEPTH = 500;

/** Result for a text that is rejected for one reason. */
function rejection(message: string, help: string, code: Code = 'syntax'): Formatted {
  return { text: null, findings: [{ code, severity: 'error', message, at: null, help }], includes: [] };
}

/** Rejection of a text of `length` bytes if it exceeds the limit, otherwise null. */
export function tooLong(name: string, length: number): Formatted | null {
  if (length <= MAX_LENGTH) return null;
  const help = `texts of up to ${MAX_LENGTH / 2 ** 20} MiB are formatted`;
  return rejection(`"${name}" is too long: ${length} bytes`, help, 'too-long');
}

/**
 * Formats a text: four spaces per block, one directive per line, one space between words, at most one blank line,
 * comments in place, LF line ends, no byte order mark. Words are never changed; the result is parsed again and compared
 * before it is returned. A text with syntax errors is rejected with all of them.
 */
export function format(source: Source): Formatted {
  const { name, text } = source;
  const long = tooLong(name, text.length);
  if (long !== null) return long;
  const zero = text.indexOf('\0');
  if (zero !== -1) return rejection(`"${name}" is not a text file`, `byte ${zero} is zero: this is a binary file`);
  if (wordsAtMost(text) > MAX_WORDS) {
    const help = `texts of up to ${MAX_WORDS} words and braces are formatted`;
    return rejection(`"${name}" is too long`, help, 'too-long');
  }
  const printed = layOut(source);
  if ('findings' in printed) return printed;
  const { items, mistakes } = parse({ name, text: printed.text });
  if (mistakes.length > 0 || meaningOf(items) !== printed.meaning) {
    return rejection(
      `"${name}" cannot be formatted`,
      'the result would have a different meaning; the file is not changed',
    );
  }
  return { text: printed.text, findings: [], includes: printed.includes };
}

/** Prints the text in its new layout. The syntax tree is not returned, so that its memory is freed before the check. */
function layOut(source: Source): Formatted | { text: string; includes: readonly string[]; meaning: string } {
  const { items, mistakes } = parse(source);
  if (mistakes.length > 0) {
    return { text: null, findings: mistakes.map(syntaxFinding), includes: [] };
  }
  const includes: string[] = [];
  for (const { item, depth } of allItems(items)) {
    if (!isStatement(item)) continue;
    if (depth > MAX_DEPTH) {
      const message = `blocks nest more than ${MAX_DEPTH} deep`;
      return { text: null, findings: [{ code: 'too-deep', severity: 'error', message, at: item.name }], includes };
    }
    const [file, ...more] = item.args;
    if (item.name.text === 'include' && file && more.length === 0 && !item.block) includes.push(file.text);
  }
  return { text: print(items), includes, meaning: meaningOf(items) };
}

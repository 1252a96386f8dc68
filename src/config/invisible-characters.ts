/** Detection of invisible characters, such as in text copied from a web page; nginx treats them as letters. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import type { CheckState } from './check-state.js';

/** Their UTF-8 bytes and names. A no-break space looks like a word separator; the others have no width. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['\xC2\xA0', 'no-break space (U+00A0)'],
  ['\xC2\xAD', 'soft hyphen (U+00AD)'],
  ['\xE2\x80\x8B', 'zero-width space (U+200B)'],
  ['\xE2\x80\x8C', 'zero-width non-joiner (U+200C)'],
  ['\xE2\x80\x8D', 'zero-width joiner (U+200D)'],
  ['\xE2\x81\xA0', 'word joiner (U+2060)'],
  ['\xEF\xBB\xBF', 'byte order mark (U+FEFF)'],
]);
const INVISIBLE = new RegExp([...NAMES.keys()].join('|'), 'g');
const NO_BREAK_SPACE = '\xC2\xA0';

/** Name of the first invisible character in a text; null if there is none. */
export function invisibleIn(text: string): string | null {
  const [first] = text.match(INVISIBLE) ?? [];
  return first === undefined ? null : (NAMES.get(first) ?? null);
}

/** The text with spaces instead of no-break spaces, and without zero-width characters. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => (character === NO_BREAK_SPACE ? ' ' : ''));
}

/**
 * Reports, with nginx's message for the result, an invisible character in the name of a statement. Returns the intended
 * statement, or null if nothing is left of it; undefined if the name has no such character.
 */
export function reportInvisible(statement: Statement, state: CheckState): Statement | null | undefined {
  const { name, args } = statement;
  const found = invisibleIn(name.text);
  if (found === null) return undefined;
  const written = visible(name.source.text.slice(name.start, name.end));
  state.report(name, 'unknown-directive', `unknown directive "${name.text}"`, {
    help: `it contains a ${found}, as text copied from a web page may; nginx treats it as a letter`,
    fix: { title: 'remove the invisible characters', edits: [{ at: name, text: written }] },
  });
  const [first, ...rest] = [...wordsIn(name), ...args];
  return first === undefined ? null : { ...statement, name: first, args: rest };
}

/** Splits a word at no-break spaces. */
function wordsIn(word: Word): Word[] {
  let start = word.start;
  return word.text.split(NO_BREAK_SPACE).flatMap((written) => {
    const from = start;
    start += written.length + NO_BREAK_SPACE.length;
    const text = visible(written);
    return text === '' ? [] : [{ ...word, text, start: from, end: from + written.length }];
  });
}

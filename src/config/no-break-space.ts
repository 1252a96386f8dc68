/** No-break spaces (U+00A0), which text copied from a web page has where it is indented; nginx takes them for letters. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import type { Notes } from './notes.js';

/**
 * Says, with nginx's sentence for what comes of it, that the name of a statement holds no-break spaces. Gives the statement
 * that was meant, or null where none is left; undefined where the name holds none.
 */
export function reportNoBreakSpace(statement: Statement, notes: Notes): Statement | null | undefined {
  const { name, args } = statement;
  if (!name.text.includes('\xC2\xA0')) return undefined;
  notes.report(name, 'unknown-directive', `unknown directive "${name.text}"`, {
    help: 'it holds no-break spaces (U+00A0), as text copied from a web page does; nginx takes them for letters',
    fix: { title: 'write spaces', edits: [{ at: name, text: writtenWithSpaces(name) }] },
  });
  const [first, ...rest] = [...wordsIn(name), ...args];
  return first === undefined ? null : { ...statement, name: first, args: rest };
}

function writtenWithSpaces({ source, start, end }: Word): string {
  return source.text.slice(start, end).replaceAll('\xC2\xA0', ' ');
}

/** What stands between the no-break spaces. */
function wordsIn(word: Word): Word[] {
  let start = word.start;
  return word.text.split('\xC2\xA0').flatMap((text) => {
    const from = start;
    start += text.length + 2;
    return text === '' ? [] : [{ ...word, text, start: from, end: from + text.length }];
  });
}

import type { Statement } from './syntax-tree.js';

/**
 * Likely position of a missing `;` if the statement has absorbed the one on its next line: the end of the last word
 * before the first line break between two words, or null for a statement on one line.
 *
 * This is a guess, because nginx lets a statement span lines: use it only for a statement that is invalid anyway, such
 * as one with too many arguments.
 */
export function missingSemicolon(statement: Statement): { readonly offset: number } | null {
  let end = statement.name.end;
  for (const word of statement.args) {
    if (word.source.text.slice(end, word.start).includes('\n')) return { offset: end };
    end = word.end;
  }
  return null;
}

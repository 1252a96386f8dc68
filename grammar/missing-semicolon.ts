import type { Statement } from './syntax-tree.js';

/**
 * The place where a `;` is missing if the statement has swallowed the one on its next line: the end of the last word
 * before the first line break between two words, or null for a statement on one line.
 *
 * nginx lets a statement run over lines, so this is a guess: to be used only for a statement that is wrong otherwise,
 * such as one with too many arguments.
 */
export function missingSemicolon(statement: Statement): { readonly offset: number } | null {
  let end = statement.name.end;
  for (const word of statement.args) {
    if (word.source.text.slice(end, word.start).includes('\n')) return { offset: end };
    end = word.end;
  }
  return null;
}

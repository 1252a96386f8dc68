/** Finds a `;` that is missing between two directives, where the first has swallowed the second as its arguments. */
import type { Span, Statement } from '../../grammar/syntax-tree.js';

/** A statement taken apart. */
export interface Split {
  readonly before: Statement;
  readonly after: Statement;
  /** Where the `;` belongs. */
  readonly gap: Span;
}

/**
 * Splits a wrong statement where a word begins a line and is the name of a directive that may stand here; null where
 * there is none. nginx lets a statement run over lines, so this is for statements that are wrong as they are.
 */
export function splitAtMissingSemicolon(statement: Statement, isDirective: (name: string) => unknown): Split | null {
  const { source, args } = statement;
  let previous = statement.name;
  for (const [i, word] of args.entries()) {
    const newLine = source.text.slice(previous.end, word.start).includes('\n');
    if (newLine && word.quote === '' && isDirective(word.text) !== undefined) {
      return {
        before: { ...statement, end: previous.end, args: args.slice(0, i), block: null },
        after: { ...statement, start: word.start, name: word, args: args.slice(i + 1) },
        gap: { source, start: previous.end, end: previous.end },
      };
    }
    previous = word;
  }
  return null;
}

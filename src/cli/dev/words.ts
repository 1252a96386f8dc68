/** Changed statements. They keep their places, so that findings and code frames show the text as written. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';

/** The statement with other arguments; words beyond the written ones are at the place of the last one. */
export function withArguments(statement: Statement, texts: readonly string[]): Statement {
  const { args, name } = statement;
  const last = args.at(-1) ?? name;
  const words = texts.map((text, i): Word => ({ ...(args[i] ?? last), text, quote: args[i]?.quote ?? '' }));
  return { ...statement, args: words };
}

/** The statement with another argument at a position. */
export function withArgument(statement: Statement, position: number, text: string): Statement {
  return withArguments(
    statement,
    statement.args.map((word, i) => (i === position ? text : word.text)),
  );
}

/** The statement with another name and other arguments. */
export function renamed(statement: Statement, name: string, texts: readonly string[]): Statement {
  return { ...withArguments(statement, texts), name: { ...statement.name, text: name } };
}

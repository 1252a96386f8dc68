/** Words of a directive's head: as crossplane's arguments, and as written. */
import { argumentOf, writeArgument } from './words.js';

/** Name and arguments as crossplane has them; null if a word is not one. */
export function argumentsOf(written: readonly string[]): { directive: string; args: string[] } | null {
  const [directive, ...args] = written.map(argumentOf);
  if (directive === undefined || directive === null) return null;
  const words: string[] = [];
  for (const word of args) {
    if (word === null) return null;
    words.push(word);
  }
  return { directive, args: directive === 'if' ? withoutParentheses(words) : words };
}

/** crossplane's rule for `if`. */
function withoutParentheses(args: readonly string[]): string[] {
  const first = args[0];
  const last = args.at(-1);
  if (first === undefined || last === undefined || !first.startsWith('(') || !last.endsWith(')')) return [...args];
  const inner = [...args];
  inner[0] = first.slice(1);
  inner[inner.length - 1] = (inner.at(-1) ?? '').slice(0, -1);
  const start = inner[0] === '' ? 1 : 0;
  return inner.slice(start, inner.at(-1) === '' ? -1 : inner.length);
}

/** The words of a directive whose notation is not known. */
export function wordsFor(directive: string, args: readonly string[]): string[] {
  const words = args.map(writeArgument);
  const name = writeArgument(directive);
  if (directive !== 'if' || words.length === 0) return [name, ...words];
  const last = words.length - 1;
  const opened = words.map((word, index) => (index > 0 ? [word] : /^["']/.test(word) ? ['(', word] : [`(${word}`]));
  // A `)` after a closing quote is a word of its own.
  opened[last] = (opened[last] ?? []).flatMap((word, index, all) => {
    if (index < all.length - 1) return [word];
    return /^["']/.test(word) ? [word, ')'] : [`${word})`];
  });
  return [name, ...opened.flat()];
}

export function sameWords(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word, index) => word === other[index]);
}

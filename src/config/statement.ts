/** Checks the form of one statement (block or no block, number of words) and parses its words. */
import type { Item, Span, Statement } from '../../grammar/syntax-tree.js';
import type { Arguments } from './arguments.js';
import type { Declared } from './catalogue.js';
import type { ArgumentContext, DirectiveSpec, WithEntries } from './directive.js';

/** The value of a statement; null if it is invalid, which has then been reported. */
export function parseStatement(
  statement: Statement,
  { name, spec }: Declared,
  c: Arguments,
  expand: (items: readonly Item[]) => Statement[],
): { readonly value: unknown } | null {
  const takesBlock = spec.body !== undefined;
  if (takesBlock !== (statement.block !== null)) {
    if (takesBlock) {
      c.report(headOf(statement), 'missing-block', `directive "${name}" has no opening "{"`, {
        help: usage(name, spec),
      });
    } else {
      c.report(headOf(statement), 'unwanted-block', `directive "${name}" is not terminated by ";"`, {
        help: usage(name, spec),
      });
    }
    return null;
  }
  const { min, max } = spec.takes;
  const words = statement.args;
  // A damaged word has already been reported and has no value.
  if (words.some(({ damaged }) => damaged)) return null;
  if (words.length < min || words.length > max) {
    const excess = words[max];
    const at = excess === undefined ? headOf(statement) : { ...headOf(statement), start: excess.start };
    const gap = excess === undefined && hasGap(statement) ? EMPTIED : '';
    c.report(at, 'argument-count', `invalid number of arguments in "${name}" directive`, {
      help: `${usage(name, spec)}${gap}`,
    });
    return null;
  }
  const argument = c.attempt((context) => spec.takes.parse(words, context));
  if (spec.body === undefined || !('entries' in spec.body) || statement.block === null) {
    return argument;
  }
  const { entries: parseEntries } = spec.body;
  const statements = expand(statement.block.items).filter((entry) => isPlain(entry, c));
  const entries = c.attempt((context) => parseEntries(statements, context));
  if (argument === null || entries === null) {
    return null;
  }
  const value: WithEntries<unknown, unknown> = { argument: argument.value, entries: entries.value };
  return { value };
}

const EMPTIED =
  ' (if envsubst made this file, it has removed a variable of nginx: give it the names of those that it is to replace)';

/** Whether a word seems to have been removed: a space precedes the `;`, or there are two between words of one line. */
function hasGap({ source, start, end }: Statement): boolean {
  return /\S +;$|\S {2,}[^\s;]/.test(source.text.slice(start, end).slice(0, 300));
}

/** Whether an entry can be read: it has no block of its own, and no mistake in its words was reported. */
function isPlain(entry: Statement, c: ArgumentContext): boolean {
  if (entry.name.damaged || entry.args.some(({ damaged }) => damaged)) return false;
  if (entry.block === null) {
    return true;
  }
  const at = { source: entry.source, start: entry.block.start, end: entry.block.start + 1 };
  c.report(at, 'unexpected-block', 'unexpected "{"', {
    help: `in the block of "${c.directive}" stand only entries that end with ";"`,
  });
  return false;
}

/** Syntax of the directive, for messages. */
export function usage(name: string, spec: DirectiveSpec): string {
  const { syntax } = spec.takes;
  return `it is written: ${syntax === '' ? name : `${name} ${syntax}`}${spec.body === undefined ? ';' : ' { ... }'}`;
}

/** A statement without its block and its `;`. */
export function headOf(statement: Statement): Span {
  const last = statement.args.at(-1) ?? statement.name;
  return { source: statement.source, start: statement.start, end: last.end };
}

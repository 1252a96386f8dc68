/** Detects a missing `;` between two directives, where the first has absorbed the second as its arguments. */
import { CommentText, tokenize } from '../../grammar/lexer.js';
import type { Span, Statement } from '../../grammar/syntax-tree.js';
import { LF } from '../../grammar/words.js';
import type { Catalogue } from './catalogue.js';
import type { CheckState } from './check-state.js';
import type { Context } from './directive.js';
import { knownDirectives } from './foreign/known-directives.js';

/** A statement split in two. */
export interface Split extends Gap {
  readonly before: Statement;
  readonly after: Statement;
}

/** Position of a missing `;`. */
export interface Gap {
  /** Where it should be inserted. */
  readonly gap: Span;
  /** The statement after it. */
  readonly after: { readonly name: { readonly text: string } };
}

/** Reports a missing `;`, with nginx's message for its consequence. */
export function reportMissingSemicolon({ gap, after }: Gap, message: string, state: CheckState, help?: string): void {
  state.report(gap, 'missing-semicolon', message, {
    help: help ?? `a ";" is missing here: "${after.name.text}" on the next line is a directive of its own`,
    fix: { title: 'insert ;', edits: [{ at: gap, text: ';' }] },
  });
}

/** Reports a missing `{`, with nginx's message for its consequence. */
export function reportMissingOpening({ gap, before, after }: Split, message: string, state: CheckState): void {
  state.report(gap, 'missing-block', message, {
    help: `a "{" is missing here: "${after.name.text}" on the next line is a directive of its own, inside "${before.name.text}"`,
    fix: { title: 'insert {', guess: true, edits: [{ at: gap, text: ' {' }] },
  });
}

/** Warns about a valid statement that looks like two: nginx reads the second as further arguments of the first. */
export function warnOfMissingSemicolon({ gap, before, after }: Split, state: CheckState): void {
  state.report(gap, 'missing-semicolon', `"${after.name.text}" is read as an argument of "${before.name.text}"`, {
    severity: 'warning',
    help: `"${after.name.text}" begins a line and is the name of a directive: a ";" may be missing before it`,
    fix: { title: 'insert ;', guess: true, edits: [{ at: gap, text: ';' }] },
  });
}

/** Position at which an entry of a block (`map`, `types`) continues on the next line; null if it is on one line. */
export function splitEntry({ source, start, end }: Span): Gap | null {
  const tokens = tokenize(source.text.slice(start, end));
  for (const [i, { startOffset, image, tokenType }] of tokens.entries()) {
    const before = tokens[i - 1];
    if (before === undefined || before.tokenType === CommentText || tokenType === CommentText) continue;
    const gap = before.startOffset + before.image.length;
    if (hasLineBreak(source.text, start + gap, start + startOffset)) {
      return { gap: { source, start: start + gap, end: start + gap }, after: { name: { text: image } } };
    }
  }
  return null;
}

/** Splits a statement before one of its words (0 is the first after the name), if that word begins a line. */
export function splitAtLine(statement: Statement, i: number): Split | null {
  const { source, args } = statement;
  const previous = args[i - 1] ?? statement.name;
  const word = args[i];
  if (word === undefined || word.quote !== '' || !hasLineBreak(source.text, previous.end, word.start)) return null;
  return {
    before: { ...statement, end: previous.end, args: args.slice(0, i), block: null },
    after: { ...statement, start: word.start, name: word, args: args.slice(i + 1) },
    gap: { source, start: previous.end, end: previous.end },
  };
}

/**
 * Splits an invalid statement at a word that begins a line and names a directive allowed here; null if there is none.
 * nginx lets a statement span lines, so this applies only to statements that are invalid as they are.
 */
export function splitAtMissingSemicolon(statement: Statement, context: Context, catalogue: Catalogue): Split | null {
  const { source, name, args } = statement;
  const last = args.at(-1);
  // Nearly every statement is on one line.
  if (last === undefined || !hasLineBreak(source.text, name.end, last.start)) return null;
  for (const [i, word] of args.entries()) {
    if (word.quote !== '' || (word.text !== 'include' && !isDirective(word.text, context, catalogue))) continue;
    const split = splitAtLine(statement, i);
    if (split !== null) return split;
  }
  return null;
}

function isDirective(name: string, context: Context, catalogue: Catalogue): boolean {
  if (catalogue.find(name, context) !== undefined) return true;
  // Names of third-party modules, whose contexts are unknown, are too often ordinary words (`check`, `match`). An access rule
  // must not become an argument even where it is not allowed.
  return knownDirectives(name).some(
    ({ contexts, effect }) => contexts !== null && (effect === 'access' || contexts.includes(context)),
  );
}

function hasLineBreak(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === LF) return true;
  return false;
}

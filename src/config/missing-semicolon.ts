/** Finds a `;` that is missing between two directives, where the first has swallowed the second as its arguments. */
import { CommentText, tokenize } from '../../grammar/lexer.js';
import type { Span, Statement } from '../../grammar/syntax-tree.js';
import { LF } from '../../grammar/words.js';
import type { Catalogue } from './catalogue.js';
import type { CheckState } from './check-state.js';
import type { Context } from './directive.js';

/** A statement taken apart. */
export interface Split extends Gap {
  readonly before: Statement;
  readonly after: Statement;
}

/** Where a `;` is missing. */
export interface Gap {
  /** Where it belongs. */
  readonly gap: Span;
  /** What stands behind it. */
  readonly after: { readonly name: { readonly text: string } };
}

/** Says that a `;` is missing, with nginx's sentence for what comes of it. */
export function reportMissingSemicolon({ gap, after }: Gap, message: string, notes: CheckState, help?: string): void {
  notes.report(gap, 'missing-semicolon', message, {
    help: help ?? `a ";" is missing here: "${after.name.text}" on the next line is a directive of its own`,
    fix: { title: 'insert ;', edits: [{ at: gap, text: ';' }] },
  });
}

/** Says that the `{` is missing, with nginx's sentence for what comes of it. */
export function reportMissingOpening({ gap, before, after }: Split, message: string, notes: CheckState): void {
  notes.report(gap, 'missing-block', message, {
    help: `a "{" is missing here: "${after.name.text}" on the next line is a directive of its own, inside of "${before.name.text}"`,
    fix: { title: 'insert {', guess: true, edits: [{ at: gap, text: ' {' }] },
  });
}

/** Says that a statement is right and looks as if it were two: nginx takes the second for further words of the first. */
export function reportDoubt({ gap, before, after }: Split, notes: CheckState): void {
  notes.report(gap, 'missing-semicolon', `"${after.name.text}" is taken for a word of "${before.name.text}"`, {
    severity: 'warning',
    help: `"${after.name.text}" begins a line and is a directive of its own: perhaps a ";" is missing before it`,
    fix: { title: 'insert ;', guess: true, edits: [{ at: gap, text: ';' }] },
  });
}

/** Where an entry of a block (`map`, `types`) goes on in the next line; null where it stands on one. */
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

/** Splits a statement before a word of it (0 is the first after the name), where that begins a line. */
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
 * Splits a wrong statement where a word begins a line and is the name of a directive that may stand here; null where
 * there is none. nginx lets a statement run over lines, so this is for statements that are wrong as they are.
 */
export function splitAtMissingSemicolon(statement: Statement, context: Context, catalogue: Catalogue): Split | null {
  const { source, name, args } = statement;
  const last = args.at(-1);
  // Nearly every statement stands on one line.
  if (last === undefined || !hasLineBreak(source.text, name.end, last.start)) return null;
  for (const [i, word] of args.entries()) {
    if (word.text !== 'include' && catalogue.find(word.text, context) === undefined) continue;
    const split = splitAtLine(statement, i);
    if (split !== null) return split;
  }
  return null;
}

function hasLineBreak(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === LF) return true;
  return false;
}

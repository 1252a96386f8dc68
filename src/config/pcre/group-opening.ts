/** The construct opened by a parenthesis. */
import type { Cursor } from './cursor.js';
import { invalid, untranslatable } from './syntax.js';

export type GroupOpening =
  | { readonly kind: 'capture'; readonly name: string | null }
  | { readonly kind: 'plain' | 'atomic' | 'comment' | 'never' | 'reset' }
  /** The cursor is at the parenthesis of the condition. */
  | { readonly kind: 'condition' }
  /** `key`: a number with or without a sign, or a name. */
  | { readonly kind: 'call'; readonly key: string }
  | { readonly kind: 'look'; readonly behind: boolean; readonly negative: boolean }
  /** `scoped`: the options apply to a group that follows; else to the rest of the enclosing one. */
  | { readonly kind: 'options'; readonly letters: string; readonly scoped: boolean }
  | { readonly kind: 'reference'; readonly name: string };

/**
 * Reads from the parenthesis to the beginning of the group's body; a comment, a reference or options are read
 * completely.
 */
export function readGroupOpening(cursor: Cursor): GroupOpening {
  const start = cursor.at;
  const { text } = cursor;
  cursor.at++;
  if (cursor.take('*')) {
    return readVerb(cursor, start);
  }
  if (!cursor.take('?')) {
    return { kind: 'capture', name: null };
  }
  if (cursor.done) {
    return invalid('missing closing parenthesis', text.length, start);
  }
  const look = cursor.match(/(<?)([=!])/y);
  if (look !== null) {
    return { kind: 'look', behind: look[1] === '<', negative: look[2] === '!' };
  }
  if (cursor.take(':')) {
    return { kind: 'plain' };
  }
  if (cursor.take('>')) {
    return { kind: 'atomic' };
  }
  if (cursor.take('#')) {
    const end = text.indexOf(')', cursor.at);
    if (end === -1) {
      invalid('missing ) after (?# comment', text.length, start);
    }
    cursor.at = end + 1;
    return { kind: 'comment' };
  }
  const quote = cursor.match(/P?<|'/y)?.[0];
  if (quote !== undefined) {
    return { kind: 'capture', name: readName(cursor, quote === "'" ? "'" : '>', start) };
  }
  const reference = cursor.match(/P=(\w+)\)/y)?.[1];
  if (reference !== undefined) {
    cursor.at--;
    cursor.take(')');
    return { kind: 'reference', name: reference };
  }
  const call = cursor.match(/(?:R|(?:&|P>)(\w+)|([+-]?\d+))\)/y);
  if (call !== null) {
    return { kind: 'call', key: call[1] ?? call[2] ?? '0' };
  }
  if (cursor.peek() === 'P') {
    return invalid('unrecognized character after (?P', cursor.at + 1, start);
  }
  if (cursor.take('|')) {
    return { kind: 'reset' };
  }
  if (cursor.peek() === '(') {
    return { kind: 'condition' };
  }
  // Callouts have no effect in nginx.
  if (cursor.match(/C\d{0,3}\)/y) !== null) {
    return { kind: 'comment' };
  }
  if (cursor.peek() === 'C') {
    return untranslatable('a callout with a string', start, cursor.at);
  }
  return readOptions(cursor, start);
}

function readName(cursor: Cursor, close: string, start: number): string {
  if (cursor.done) {
    invalid('subpattern name expected', cursor.text.length, start);
  }
  if (/\d/.test(cursor.peek())) {
    invalid('subpattern name must start with a non-digit', cursor.at, start);
  }
  const name = cursor.match(/\w*/y)?.[0] ?? '';
  if (name === '') {
    invalid('subpattern name expected', cursor.at, start);
  }
  if (name.length > 32) {
    invalid('subpattern name is too long (maximum 32 code units)', cursor.at, start);
  }
  if (!cursor.take(close)) {
    invalid('syntax error in subpattern name (missing terminator?)', cursor.at, start);
  }
  return name;
}

function readOptions(cursor: Cursor, start: number): GroupOpening {
  const letters = cursor.match(/[a-zA-Z^-]*/y)?.[0] ?? '';
  if (cursor.take(')')) {
    return { kind: 'options', letters, scoped: false };
  }
  if (cursor.take(':')) {
    return { kind: 'options', letters, scoped: true };
  }
  return cursor.done
    ? invalid('missing closing parenthesis', cursor.text.length, start)
    : invalid('unrecognized character after (? or (?-', cursor.at, start);
}

function readVerb(cursor: Cursor, start: number): GroupOpening {
  const failure = cursor.match(/(F|FAIL)\)/y);
  if (failure !== null) {
    return { kind: 'never' };
  }
  const verb = cursor.match(
    /(?:ACCEPT|COMMIT|PRUNE|SKIP|THEN|MARK|UCP|CR|CRLF|ANY|ANYCRLF|NUL|BSR_\w+|NOTEMPTY\w*)?:?[^)]*\)/y,
  );
  return verb === null
    ? invalid('(*VERB) not recognized or malformed', cursor.at, start)
    : untranslatable(`"${cursor.text.slice(start, cursor.at)}"`, start, cursor.at);
}

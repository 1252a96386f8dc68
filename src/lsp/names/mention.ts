/** Names in a configuration: where each is defined and used. */
import type { Span, Statement, Word } from '../../../grammar/syntax-tree.js';
import type { Scope } from '../../lints/engine/scope.js';

export type NameKind =
  | 'upstream'
  | 'zone'
  | 'variable'
  | 'named location'
  | 'log format'
  | 'health check match'
  | 'API keys'
  | 'API plan'
  | 'script module';

/** One occurrence of a name. */
export interface Mention {
  readonly kind: NameKind;
  /** Key for comparison: in lower case if the name is case-insensitive. */
  readonly name: string;
  /** The name alone, without `$`, `@`, quotes or the rest of its word. */
  readonly at: Span;
  readonly defines: boolean;
  /** Server that the name is valid in (named locations); null: valid everywhere. */
  readonly server: Scope | null;
  readonly statement: Statement;
}

/** Span of a text inside a word; null if the word is written otherwise (with a backslash). */
export function partOf(word: Span, text: string, from = 0): Span | null {
  const written = word.source.text.slice(word.start, word.end);
  const index = text === '' ? -1 : written.indexOf(text, from);
  return index < 0 ? null : { source: word.source, start: word.start + index, end: word.start + index + text.length };
}

/** Span of the content of a word, without its quotes. */
export function contentOf({ source, start, end, quote }: Word): Span {
  return quote === '' ? { source, start, end } : { source, start: start + 1, end: end - 1 };
}

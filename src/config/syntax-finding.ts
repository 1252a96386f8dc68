/** Finding for a syntax error: nginx's message, at the position where the error was made. */
import type { Span, SyntaxMistake } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding, Fix, Related } from '../diagnostics/finding.js';

/** Codes by the missing text; other texts can be missing for several reasons. */
const CODES: Readonly<Record<string, Code>> = { ';': 'missing-semicolon', ' {': 'missing-block' };

/**
 * Converts a syntax error to a finding. nginx notices missing text only later, mostly at the next brace or at the end
 * of the file; the finding is placed where the text is missing, and refers to the other place too.
 */
export function syntaxFinding({ at, message, help, insert, related }: SyntaxMistake): Finding {
  const fix = fixOf(at, message, insert);
  const rest = {
    message,
    severity: 'error' as const,
    ...(help !== undefined && { help }),
    ...(fix !== null && { fix }),
  };
  const others: readonly Related[] = related === undefined ? [] : [related];
  if (insert === undefined || insert.text === ' ') return { ...rest, code: 'syntax', at, ...withRelated(others) };
  const noticed: Related = { at, message: 'nginx notices it here' };
  const gap: Span = insert.over === undefined ? { source: at.source, start: insert.offset, end: insert.offset } : at;
  const isQuote = insert.text === '"' || insert.text === "'";
  // For a quote, the word that it opens is shown: that is the parser's related span, or the place itself.
  const place = isQuote ? (related?.at ?? at) : gap;
  const code = CODES[insert.text] ?? 'syntax';
  return { ...rest, code, at: place, ...withRelated([...(place === at ? [] : [noticed]), ...(isQuote ? [] : others)]) };
}

function withRelated(related: readonly Related[]): { readonly related?: readonly Related[] } {
  return related.length === 0 ? {} : { related };
}

function fixOf(at: Span, message: string, insert: SyntaxMistake['insert']): Fix | null {
  if (insert !== undefined) {
    const place: Span = { source: at.source, start: insert.offset, end: insert.offset + (insert.over ?? 0) };
    // A brace or a quote may have been meant elsewhere.
    const guess = insert.text !== ';';
    return { title: `insert ${insert.text.trim()}`, guess, edits: [{ at: place, text: insert.text }] };
  }
  // The statement before a stray `;` has already ended.
  return message === 'unexpected ";"' ? { title: 'remove the ;', edits: [{ at, text: '' }] } : null;
}

/** What is said of a mistake of the syntax: nginx's sentence, at the place where the mistake is made. */
import type { Span, SyntaxMistake } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding, Fix, Related } from '../diagnostics/finding.js';

/** The codes of what is missing; what is not here can be missing in several ways. */
const CODES: Readonly<Record<string, Code>> = { ';': 'missing-semicolon', ' {': 'missing-block' };

/**
 * The finding of a mistake. nginx notices what is missing only later, mostly at the next brace or at the end of the file;
 * the finding is where it is missing, and names that other place too.
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
  // Of a quote, the word that it opens is shown; that is what the parser relates, or the place itself.
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
    // A brace or a quote can be meant elsewhere too.
    const guess = insert.text !== ';';
    return { title: `insert ${insert.text.trim()}`, guess, edits: [{ at: place, text: insert.text }] };
  }
  // What stands before a stray `;` has ended already.
  return message === 'unexpected ";"' ? { title: 'take the ; away', edits: [{ at, text: '' }] } : null;
}

/** Suggests a known parameter for an unknown one, derived from the directive's own syntax. */
import type { Span } from '../../grammar/syntax-tree.js';
import { isOneSlip, nearest } from '../diagnostics/nearest.js';
import type { FindingOptions } from './directive.js';

/** Placeholder words of the syntax. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(
  'address answer character charset cidr code condition connections cookie count cpumask field file flag flags format header_timeout hostname idle interval key level level1 level2 level3 mask n name number parameter path pattern pool port rate regex replacement size string text threshold time timeout uri url value variable'.split(
    ' ',
  ),
);

/** Whether a word of a syntax stands for a value. */
export function isPlaceholder(word: string): boolean {
  return PLACEHOLDERS.has(word.toLowerCase());
}

/** Literal words of a syntax: flags, and names with their `=`. */
function literalsOf(syntax: string): string[] {
  return [...syntax.matchAll(/(?<![\w$@/-])[A-Za-z][\w.-]*(?:=|(?![\w:-]))/g)]
    .map(([word]) => word)
    .filter((word) => word.endsWith('=') || !isPlaceholder(word));
}

/** Help and fix for an unknown parameter; null if no known one is similar. */
export function suggestParameter(written: string, at: Span, syntax: string): FindingOptions | null {
  const equals = written.indexOf('=');
  const name = equals < 0 ? written : written.slice(0, equals + 1);
  const candidates = literalsOf(syntax).filter((literal) => literal.endsWith('=') === equals >= 0);
  const [near] = nearest(name, candidates);
  // The name is valid, so the value is wrong.
  if (near === undefined || near === name) return null;
  return {
    help: `did you mean "${near.replace(/=$/, '')}"?`,
    fix: {
      title: `write ${near}`,
      guess: !isOneSlip(name, near, candidates),
      edits: [{ at, text: near + written.slice(name.length) }],
    },
  };
}

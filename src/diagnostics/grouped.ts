/** Groups findings about the same unsupported feature, which a configuration may have in hundreds of places. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Finding } from './finding.js';

/** The first of several equal findings, and the places of the others. */
export interface Group {
  readonly finding: Finding;
  readonly others: readonly Span[];
}

/** Groups findings about unsupported features by severity and message; all others are groups of their own. */
export function grouped(findings: readonly Finding[]): Group[] {
  const groups: Group[] = [];
  const byMessage = new Map<string, Span[]>();
  for (const finding of findings) {
    const { severity, message, missing, at } = finding;
    const isGrouped = missing !== undefined;
    const key = `${severity} ${message}`;
    const others = isGrouped ? byMessage.get(key) : undefined;
    if (others !== undefined && at !== null) {
      others.push(at);
      continue;
    }
    const own: Span[] = [];
    if (isGrouped) byMessage.set(key, own);
    groups.push({ finding, others: own });
  }
  return groups;
}

/** ` and in 3 other places`; empty for a single one. */
export function morePlaces({ others: { length } }: Group): string {
  if (length === 0) return '';
  return ` and in ${length} other ${length === 1 ? 'place' : 'places'}`;
}

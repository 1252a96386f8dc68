/** Groups equal findings, which a configuration may have in hundreds of places. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Finding } from './finding.js';

/** The first of several equal findings, and the places of the others. */
export interface Group {
  readonly finding: Finding;
  readonly others: readonly Span[];
}

/** Minimum number of equal findings for a group; fewer are shown one by one. */
const MIN_GROUPED = 4;

/** Groups findings with the same severity, code and message. Findings about unsupported features are grouped in any number. */
export function grouped(findings: readonly Finding[]): Group[] {
  const counts = new Map<string, number>();
  for (const finding of findings) counts.set(keyOf(finding), (counts.get(keyOf(finding)) ?? 0) + 1);
  const groups: Group[] = [];
  const byKey = new Map<string, Span[]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const isGrouped = finding.missing !== undefined || (counts.get(key) ?? 0) >= MIN_GROUPED;
    const others = isGrouped ? byKey.get(key) : undefined;
    if (others !== undefined && finding.at !== null) {
      others.push(finding.at);
      continue;
    }
    const own: Span[] = [];
    if (isGrouped) byKey.set(key, own);
    groups.push({ finding, others: own });
  }
  return groups;
}

function keyOf({ severity, code, message, missing }: Finding): string {
  return missing === undefined ? `${severity} ${code} ${message}` : `${severity} ${message}`;
}

/** ` and in 3 other places`; empty for a single one. */
export function morePlaces({ others: { length } }: Group): string {
  if (length === 0) return '';
  return ` and in ${length} other ${length === 1 ? 'place' : 'places'}`;
}

/** "Did you mean": the names closest to a mistyped one. */

/**
 * The candidates within a small edit distance of `name`, nearest first. The distance counts insertions, deletions,
 * replacements and swaps of neighbours; the limit grows with the length of the name.
 */
export function nearest(name: string, candidates: Iterable<string>): string[] {
  const limit = name.length <= 3 ? 1 : name.length <= 8 ? 2 : 3;
  const lower = name.toLowerCase();
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const distance = editDistance(lower, candidate.toLowerCase(), limit);
    if (distance <= limit) {
      found.push({ candidate, distance });
    }
  }
  found.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  return found.map(({ candidate }) => candidate);
}

/** Whether `name` differs from `meant` by one edit, and no other candidate is as close. */
export function isOneSlip(name: string, meant: string, candidates: Iterable<string>): boolean {
  if (editDistance(name.toLowerCase(), meant.toLowerCase(), 1) > 1) return false;
  const near = nearest(name, candidates).filter(
    (other) => editDistance(name.toLowerCase(), other.toLowerCase(), 1) <= 1,
  );
  return near.length === 1;
}

/** Optimal string alignment distance, or any number above `limit` if it exceeds the limit. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) {
    return limit + 1;
  }
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let minimum = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      let best = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, at(beforeLast, j - 2) + 1);
      }
      row.push(best);
      if (best < minimum) minimum = best;
    }
    // If two consecutive rows exceed the limit, so do all later ones (a swap looks back two rows).
    if (minimum > limit && Math.min(...last) > limit) {
      return limit + 1;
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], j: number): number {
  return row[j] ?? Number.POSITIVE_INFINITY;
}

/**
 * Suggestions for many names, for texts with many errors. Each name is looked up once, and after `MAX_COMPARISONS`
 * there are no more suggestions, because a text with so many errors has a different problem.
 */
export class Suggestions {
  private readonly cache = new Map<string, readonly string[]>();
  private compared = 0;

  /** Like `nearest`; `candidates` are the same at each call. */
  nearest(name: string, candidates: readonly string[]): readonly string[] {
    let found = this.cache.get(name);
    if (found === undefined) {
      found = this.compared > MAX_COMPARISONS ? [] : nearest(name, candidates);
      this.compared += candidates.length;
      this.cache.set(name, found);
    }
    return found;
  }
}

/** Limit of comparisons; they take about a second. */
const MAX_COMPARISONS = 1_000_000;

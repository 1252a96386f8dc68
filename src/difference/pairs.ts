/** Pairs servers of the old configuration with their counterparts in the new one. */
import type { Servers, ServerView } from './servers.js';

export interface ServerPairs {
  readonly pairs: readonly (readonly [before: ServerView, after: ServerView])[];
  readonly removed: readonly ServerView[];
  readonly added: readonly ServerView[];
}

/**
 * Servers with the same address and name are paired; of several candidates, those with the most in common. The
 * remaining ones are paired by equal lists of names.
 */
export function pairServers(before: Servers, after: Servers): ServerPairs {
  const pairs = new Map<ServerView, ServerView>();
  const taken = new Set<ServerView>();
  const take = (a: ServerView, b: ServerView): void => {
    if (pairs.has(a) || taken.has(b)) return;
    pairs.set(a, b);
    taken.add(b);
  };
  const candidates = before.all.flatMap((a) => {
    const shared = new Map<ServerView, number>();
    for (const listen of a.listens) {
      for (const name of a.names) {
        const b = before.at(listen, name) === a ? after.at(listen, name) : undefined;
        if (b !== undefined) shared.set(b, (shared.get(b) ?? 0) + 1);
      }
    }
    return [...shared].map(([b, weight]) => ({ a, b, weight }));
  });
  for (const { a, b } of candidates.sort((x, y) => y.weight - x.weight)) take(a, b);
  const byNames = new Map<string, ServerView>();
  for (const b of after.all) if (!taken.has(b)) byNames.set(b.names.join(' '), b);
  for (const a of before.all) {
    const b = pairs.has(a) ? undefined : byNames.get(a.names.join(' '));
    // Servers without a name would be paired only for that reason.
    if (b !== undefined && a.names.join('') !== '') take(a, b);
  }
  return {
    pairs: [...pairs],
    removed: before.all.filter((a) => !pairs.has(a)),
    added: after.all.filter((b) => !taken.has(b)),
  };
}

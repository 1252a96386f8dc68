/** Operations behind `proxy_cache_path`. Hashes are 32 hexadecimal digits. */
import { CacheEntries, type CacheTotals, type ListedEntry } from './cache-entries.js';
import type { Operation } from './operation.js';

interface OfZone {
  readonly zone: number;
}

/** A request did not find the entry. Returns the number of requests for it so far, this one included. */
export const missEntry: Operation<OfZone & { readonly hash: string }, number> = {
  name: 'cache miss',
  fallback: 1,
  run: (owner, { zone, hash }) => owner.zone(zone, CacheEntries)?.missed(hash, owner.now) ?? 1,
};

/** The file of an entry was stored. True: it must be checked, because an eviction may have removed it. */
export const storedEntry: Operation<OfZone & { readonly hash: string; readonly size: number }, boolean> = {
  name: 'cache stored',
  fallback: false,
  run: (owner, { zone, hash, size }) =>
    owner.zone(zone, CacheEntries)?.stored(hash, size, owner.now, owner, zone) ?? false,
};

/** The file of an entry was removed, or found missing. */
export const removedEntry: Operation<OfZone & { readonly hash: string }, null> = {
  name: 'cache removed',
  fallback: null,
  run(owner, { zone, hash }) {
    owner.zone(zone, CacheEntries)?.removed(hash, owner, zone);
    return null;
  },
};

/** Entries were served, each as often as `counts` says. */
export const accessedEntries: Operation<
  OfZone & { readonly hashes: readonly string[]; readonly counts: readonly number[] },
  null
> = {
  name: 'cache accessed',
  fallback: null,
  run(owner, { zone, hashes, counts }) {
    owner.zone(zone, CacheEntries)?.accessed(hashes, counts, owner.now);
    return null;
  },
};

/** The process is told which entries others store and remove. */
export const followEntries: Operation<OfZone, null> = {
  name: 'cache follow',
  fallback: null,
  run(owner, { zone }) {
    owner.zone(zone, CacheEntries)?.follow(owner, zone);
    return null;
  },
};

export interface KeeperAnswer {
  /** Files that remain to be removed. */
  readonly evicted: readonly string[];
  /** The files on the disk are not in the ledger yet. */
  readonly cold: boolean;
}

/** Applies for the keeping of the directory: null if another process does so with the same settings. */
export const keepEntries: Operation<
  OfZone & { readonly settings: string; readonly maxSize: number },
  KeeperAnswer | null
> = {
  name: 'cache keep',
  fallback: null,
  run(owner, { zone, settings, maxSize }) {
    const entries = owner.zone(zone, CacheEntries);
    const evicted = entries?.keep(owner, zone, settings, maxSize) ?? null;
    return entries === undefined || evicted === null ? null : { evicted, cold: entries.totals.cold };
  },
};

/** Files found on the disk; returns those for which the zone has no room, null if the backend does not respond. */
export const loadEntries: Operation<
  OfZone & { readonly hashes: readonly string[]; readonly sizes: readonly number[] },
  readonly string[] | null
> = {
  name: 'cache load',
  fallback: null,
  run: (owner, { zone, hashes, sizes }) => owner.zone(zone, CacheEntries)?.load(hashes, sizes, owner.now) ?? null,
};

/** The whole directory was loaded. */
export const loadedEntries: Operation<OfZone, null> = {
  name: 'cache loaded',
  fallback: null,
  run(owner, { zone }) {
    owner.zone(zone, CacheEntries)?.loaded();
    return null;
  },
};

export interface EvictionQuestion extends OfZone {
  /** ms. */
  readonly inactive: number;
  /** Bytes. */
  readonly maxSize: number;
  /** Whether entries are evicted although there is not more than `maxSize`. */
  readonly anyway: boolean;
  /** Maximum number. */
  readonly count: number;
}

export interface EvictionAnswer {
  /** Entries whose files are to be removed, and then confirmed. */
  readonly evicted: readonly string[];
  /** ms until the next entry has been inactive for so long; null: there are no entries. */
  readonly next: number | null;
}

export const evictEntries: Operation<EvictionQuestion, EvictionAnswer> = {
  name: 'cache evict',
  fallback: { evicted: [], next: null },
  run(owner, { zone, ...limits }) {
    const entries = owner.zone(zone, CacheEntries);
    if (entries === undefined) return { evicted: [], next: null };
    const evicted = entries.evict(owner.now, limits);
    const next = entries.nextInactive(owner.now, limits.inactive);
    return { evicted, next: Number.isFinite(next) ? next : null };
  },
};

/** The files of evicted entries were removed. Returns those that were stored again, and must be checked. */
export const confirmEvictions: Operation<OfZone & { readonly hashes: readonly string[] }, readonly string[]> = {
  name: 'cache evicted',
  fallback: [],
  run: (owner, { zone, hashes }) => owner.zone(zone, CacheEntries)?.confirm(hashes, owner.now) ?? [],
};

export interface EntryList {
  readonly entries: readonly ListedEntry[];
  /** Where the list continues; -1: nowhere. */
  readonly next: number;
}

/** Lists entries with files from `from` on, 0 for the first; null if the backend does not respond. */
export const listCacheEntries: Operation<OfZone & { readonly from: number; readonly count: number }, EntryList | null> =
  {
    name: 'cache list',
    fallback: null,
    run: (owner, { zone, from, count }) => owner.zone(zone, CacheEntries)?.list(from, count, owner.now) ?? null,
  };

/** Totals of the ledger; null if the backend does not respond. */
export const measureCache: Operation<OfZone, CacheTotals | null> = {
  name: 'cache measure',
  fallback: null,
  run: (owner, { zone }) => owner.zone(zone, CacheEntries)?.totals ?? null,
};

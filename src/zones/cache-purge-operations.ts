/** Operations behind `proxy_cache_purge`. */
import { CachePurges, type Purge } from './cache-purges.js';
import type { Operation } from './operation.js';

interface PurgeQuestion {
  readonly zone: number;
  readonly purge: Purge;
}

/** Adds a purge; false: there are too many, or the backend does not respond. */
export const addPurge: Operation<PurgeQuestion, boolean> = {
  name: 'cache purge',
  fallback: false,
  run: (owner, { zone, purge }) => owner.zone(zone, CachePurges)?.add(purge) ?? false,
};

/** All files that a purge is about were removed. */
export const completePurge: Operation<PurgeQuestion, null> = {
  name: 'cache purged',
  fallback: null,
  run(owner, { zone, purge }) {
    owner.zone(zone, CachePurges)?.complete(purge);
    return null;
  },
};

/** nginx's variables of the cache: `$upstream_cache_status` and others. */
import { formatHttpDate } from '../http/http-date.js';
import type { VariableSpec } from '../program/variable-spec.js';
import { CACHE_USE } from './cache-use.js';

export const cacheVariables: Readonly<Record<string, VariableSpec>> = {
  upstream_cache_status: {
    get: (x) => x.cacheUse?.status ?? undefined,
    doc: 'The status of the cache for the response: `MISS`, `BYPASS`, `EXPIRED`, `STALE`, `UPDATING`, `REVALIDATED` or `HIT`.',
  },
  upstream_cache_last_modified: {
    get(x) {
      const head = x.state(CACHE_USE)?.revalidated ?? null;
      return head === null || head.lastModified < 0 ? undefined : formatHttpDate(head.lastModified);
    },
    doc: 'The time of `Last-Modified` of the stale response that is being revalidated (`proxy_cache_revalidate`).',
  },
  upstream_cache_etag: {
    get: (x) => x.state(CACHE_USE)?.revalidated?.etag || undefined,
    doc: 'The `ETag` of the stale response that is being revalidated (`proxy_cache_revalidate`).',
  },
};

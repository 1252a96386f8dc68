/** Requests that purge (`proxy_cache_purge`), and the keys of entries. */
import { contains, ipBytes, unmapped } from '../config/cidr.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { PurgeResult } from './cache-purger.js';
import type { CacheSettings, PurgeSettings } from './cache-settings.js';
import type { CacheStore } from './cache-store.js';
import { MAX_TAG_LENGTH, MAX_TAGS } from './cache-tags.js';
import type { CacheLog } from './entry-file.js';
import { storeFor } from './request-rules.js';

/** Statuses of the answers. */
const STATUSES: Readonly<Record<PurgeResult, number>> = { purged: 204, missing: 404, full: 503, invalid: 400 };

/** The key of a request: as configured, otherwise the default one, with the arguments that count. */
export function keyOf(x: Exchange, { key, queryFilter }: CacheSettings, defaultKey: () => string): string {
  const evaluated = key === null ? defaultKey() : key.of(x);
  return queryFilter === null ? evaluated : queryFilter.normalize(evaluated, x.args);
}

/** Purges as the request demands; returns the status of the answer. */
export async function purge(x: Exchange, settings: CacheSettings, store: CacheStore, key: string): Promise<number> {
  const { purge: rules } = settings;
  if (rules === null || !mayPurge(x, rules)) return 403;
  // A request that is only explained is the first one: nothing is stored.
  if (store.isSimulated) return STATUSES.missing;
  const tags = rules.tags?.of(x) ?? '';
  const expression = rules.regex?.of(x) ?? '';
  const log: CacheLog = (level, message) => logError(x, level, message);
  if (tags === '' && expression === '') return STATUSES[await store.purger.purgeKey(key, log)];
  const named = tags.split(',').map((tag) => tag.trim());
  const wanted = named.filter((tag) => tag !== '' && tag.length <= MAX_TAG_LENGTH);
  if (wanted.length > MAX_TAGS) return 400;
  if (expression !== '') {
    const result = await store.purger.purgeMatches(expression);
    if (result !== 'purged') return STATUSES[result];
  }
  return STATUSES[await store.purger.purgeTags(wanted)];
}

function mayPurge(x: Exchange, { allow }: PurgeSettings): boolean {
  if (allow === null) return true;
  const isUnix = x.remoteAddress === 'unix:';
  const address = isUnix ? [] : unmapped(ipBytes(x.remoteAddress) ?? []);
  const permits = allow.some((network) => {
    if (network === 'all') return true;
    return network === 'unix' ? isUnix : !isUnix && contains(network, address);
  });
  if (!permits) logError(x, 'error', 'access forbidden by rule');
  return permits;
}

/** The response to a request that is not cached was received: it may invalidate entries. */
export function passed(x: Exchange, settings: CacheSettings, defaultKey: () => string, response: UpstreamHead): void {
  const targets = settings.policy.passed(x, response);
  const store = targets.length === 0 ? null : storeFor(x, settings);
  if (store !== null && typeof store !== 'number') {
    invalidate(x, settings, store, keyOf(x, settings, defaultKey), targets);
  }
}

/**
 * Removes the entries of targets on the request's site, because a request has changed them (RFC 9111 4.4). Keys that do not
 * contain the target of the request as it was sent are known for the request itself only.
 */
function invalidate(
  x: Exchange,
  settings: CacheSettings,
  store: CacheStore,
  key: string,
  targets: readonly string[],
): void {
  const log: CacheLog = (level, message) => logError(x, level, message);
  const at = key.lastIndexOf(x.target);
  for (const target of targets) {
    if (target !== x.target && at < 0) continue;
    const query = target.indexOf('?');
    const other = target === x.target ? key : key.slice(0, at) + target + key.slice(at + x.target.length);
    const args = query < 0 ? '' : target.slice(query + 1);
    if (!store.isSimulated)
      void store.purger.removeKey(settings.queryFilter?.normalize(other, args) ?? other, false, log);
  }
}

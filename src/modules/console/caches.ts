/** Caches in the console: their figures, their entries, and the removal of entries. */
import type { CacheStore } from '../../cache/cache-store.js';
import { cacheStores, describeResponse, listResponses, removeResponses } from '../../cache/stored-responses.js';
import type { CacheEntriesReport, CacheReport } from '../../console/cache-reports.js';
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { ConsoleTable } from './context.js';
import { ConsoleError } from './json-response.js';

/** Entries of a list. */
const LIMIT = 100;

export async function caches({ compiler }: ConsoleTable): Promise<CacheReport[]> {
  const all = [...cacheStores(compiler.shared)].map(async ([name, store]) => {
    const { size, cold, files } = answered(await store.measure());
    return { name: toText(name), size, maxSize: store.data.maxSize, cold, entries: files };
  });
  return Promise.all(all);
}

/** `args`: `key` as in the API, and `from`. */
export async function cacheEntries(table: ConsoleTable, name: string, args: string): Promise<CacheEntriesReport> {
  const parameters = new URLSearchParams(toText(args));
  const key = parameters.get('key') ?? '';
  const from = Number(parameters.get('from') ?? 0);
  if (!Number.isSafeInteger(from) || from < 0) throw new ConsoleError(400, 'BadParameter', '"from" must be a number');
  const selection = { key: key === '' ? null : toBytes(key), tag: null };
  const { responses, next } = answered(await listResponses(storeOf(table, name), selection, from, LIMIT));
  return { entries: responses.map(describeResponse), next };
}

/** Removes the entries with a key, or, if it ends with `*`, with keys that begin so. */
export async function purgeCache(
  table: ConsoleTable,
  name: string,
  { key }: Readonly<Record<string, unknown>>,
): Promise<{ readonly removed: number }> {
  if (typeof key !== 'string' || key === '') throw new ConsoleError(400, 'BadKey', 'the key is a text; * removes all');
  const removed = answered(await removeResponses(storeOf(table, name), { key: toBytes(key), tag: null }));
  return { removed };
}

function storeOf({ compiler }: ConsoleTable, name: string): CacheStore {
  const store = cacheStores(compiler.shared).get(name);
  if (store !== undefined) return store;
  throw new ConsoleError(404, 'CacheNotFound', `no cache "${toText(name)}"`);
}

function answered<T>(result: T | null): T {
  if (result !== null) return result;
  throw new ConsoleError(503, 'MasterUnavailable', 'the master process does not respond');
}

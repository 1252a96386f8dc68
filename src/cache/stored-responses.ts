/** The entries of a cache as the API and the console list and remove them. */
import { closeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toText } from '../diagnostics/byte-string.js';
import { removeName } from '../files/temporary-file.js';
import { epochTime } from '../http/clock.js';
import type { Shared } from '../program/module.js';
import type { ListedEntry } from '../zones/cache-entries.js';
import { CacheStore } from './cache-store.js';
import { openGrowing } from './entry-file.js';
import type { EntryHead } from './entry-head.js';
import { entryPath } from './entry-path.js';

/** Entries that are asked for, and whose heads are read, at a time. */
const PART = 50;
/** Most entries that one listing looks at. */
const MAX_SCANNED = 20_000;

/** A stored response, as listed. Strings are byte strings. */
export interface StoredResponse {
  /** Name of its file. */
  readonly hash: string;
  readonly head: EntryHead;
  readonly ledger: ListedEntry;
}

/** Entries with a key, or, if it ends with `*`, with keys that begin so; and with a tag. Null: any. */
export interface EntrySelection {
  readonly key: string | null;
  readonly tag: string | null;
}

export interface ListedResponses {
  readonly responses: readonly StoredResponse[];
  /** Where the list continues; null: nowhere. */
  readonly next: number | null;
}

/** The caches of a table, by the names of their zones. */
export function cacheStores(shared: Shared): ReadonlyMap<string, CacheStore> {
  const stores = new Map<string, CacheStore>();
  for (const [, object] of shared.entries()) if (object instanceof CacheStore) stores.set(object.name, object);
  return stores;
}

/** Lists up to `count` entries of a selection; null if the owner of the zone does not respond. */
export async function listResponses(
  store: CacheStore,
  selection: EntrySelection,
  from: number,
  count: number,
): Promise<ListedResponses | null> {
  const responses: StoredResponse[] = [];
  let scanned = 0;
  for (let at = from; ; ) {
    const part = await store.list(at, Math.min(PART, count - responses.length));
    if (part === null) return null;
    for (const ledger of part.entries) {
      const head = headOf(store, ledger.hash);
      if (head !== null && selects(selection, head)) responses.push({ hash: ledger.hash, head, ledger });
    }
    if (part.next < 0) return { responses, next: null };
    at = part.next;
    scanned += part.entries.length;
    if (responses.length >= count || scanned >= MAX_SCANNED) return { responses, next: at };
    await nextTurn();
  }
}

/** Removes all entries of a selection; returns their number, null if the owner of the zone does not respond. */
export async function removeResponses(store: CacheStore, selection: EntrySelection): Promise<number | null> {
  let removed = 0;
  for (let at = 0; ; ) {
    const part = await store.list(at, PART);
    if (part === null) return null;
    for (const { hash } of part.entries) {
      const head = headOf(store, hash);
      if (head === null || !selects(selection, head)) continue;
      removeName(entryPath(store.directory, hash));
      store.removed(hash);
      removed++;
    }
    if (part.next < 0) return removed;
    at = part.next;
    await nextTurn();
  }
}

function selects({ key, tag }: EntrySelection, head: EntryHead): boolean {
  if (tag !== null && !head.tags.includes(tag)) return false;
  if (key === null) return true;
  return key.endsWith('*') ? head.key.startsWith(key.slice(0, -1)) : head.key === key;
}

/**
 * The head of a file; null if it has gone, was purged, or cannot be used: the next request for it finds that out, and logs it.
 */
function headOf({ directory, purger }: CacheStore, hash: string): EntryHead | null {
  try {
    const opened = openGrowing(entryPath(directory, hash));
    if (opened === null) return null;
    closeSync(opened.fd);
    const { head } = opened.stored;
    return purger.isPurged(hash, head) ? null : head;
  } catch {
    return null;
  }
}

/** Largest time of a Date, s. */
const MAX_TIME = 8_640_000_000_000;

/** A stored response for display. Strings are text, times ms since 1970. */
export function describeResponse({ hash, head, ledger }: StoredResponse) {
  const [, type = ''] = /^content-type:[ \t]*([^\r\n]*)/im.exec(head.fields) ?? [];
  return {
    hash,
    key: toText(head.key),
    status: head.status,
    type: toText(type),
    size: ledger.size,
    stored: Math.min(head.date, MAX_TIME) * 1000,
    validUntil: Math.min(head.validUntil, MAX_TIME) * 1000,
    fresh: head.validUntil >= Math.floor(epochTime() / 1000),
    vary: toText(head.vary),
    tags: head.tags.map(toText),
    uses: ledger.uses,
    idle: Math.round(ledger.unused),
  };
}

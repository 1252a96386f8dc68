/**
 * Removes stored responses on request (`proxy_cache_purge`): the file of a key at once; of more files only a purge is recorded in
 * the zone, with which every process compares entries before it uses them. With `purger=on`, this process also walks through the
 * directory and removes the files. nginx Plus: cache purger.
 */
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { removeName } from '../files/temporary-file.js';
import { epochTime } from '../http/clock.js';
import { listCacheEntries, measureCache, removedEntry } from '../zones/cache-operations.js';
import { addPurge, completePurge } from '../zones/cache-purge-operations.js';
import type { Purge, PurgeKind, PurgeNews } from '../zones/cache-purges.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import type { TaskLimits } from './cache-path.js';
import { type CacheLog, openEntry, openGrowing } from './entry-file.js';
import type { EntryHead } from './entry-head.js';
import { type CacheDirectory, entryPath, hashOf } from './entry-path.js';
import { PurgeList, purgeExpression } from './purge-list.js';

/** Entries that are listed at once. */
const LISTED_AT_ONCE = 100;

/** `missing`: there was no entry; `full`: too many purges are in effect; `invalid`: the expression is. */
export type PurgeResult = 'purged' | 'missing' | 'full' | 'invalid';

/** A directory whose entries are purged: parameters of `proxy_cache_path`. */
export interface PurgedDirectory extends CacheDirectory {
  /** Name of the zone. */
  readonly zone: string;
  /** ms. */
  readonly inactive: number;
  /** Limits of the walk through the directory; null: `purger=off`. */
  readonly purger: TaskLimits | null;
}

export class CachePurger {
  private readonly purges = new PurgeList();
  private readonly zone: Zone;
  private walking = false;
  private closed = false;
  /** Purges whose files the next walk removes. */
  private due: Purge[] = [];

  /** `entries`: the zone of the ledger; `drop`: forgets copies of an entry whose file was removed. */
  constructor(
    private readonly data: PurgedDirectory,
    private readonly backend: ZoneBackend,
    private readonly entries: Zone,
    private readonly drop: (hash: string) => void,
  ) {
    const declaration = { kind: 'cache_purges', name: data.zone, size: 0, key: data.path } as const;
    this.zone = backend.open(declaration, (news) => this.purges.apply(news as PurgeNews));
  }

  /** Whether the entry was purged; its file is then removed. */
  isPurged(hash: string, head: EntryHead): boolean {
    if (this.purges.size === 0 || !this.purges.matches(head)) return false;
    this.remove(hash);
    return true;
  }

  /** Purges the entry of a key with its variants; with a star at the end, all entries whose keys begin so. */
  async purgeKey(key: string, log: CacheLog): Promise<PurgeResult> {
    if (key.endsWith('*')) return this.record('prefix', key.slice(0, -1));
    return this.removeKey(key, true, log);
  }

  /** Removes the entry of a key with its variants. `thorough`: also variants of a key whose own file is missing. */
  async removeKey(key: string, thorough: boolean, log: CacheLog): Promise<PurgeResult> {
    const hash = hashOf(key);
    const entry = openEntry(entryPath(this.data, hash), key, log);
    const varies = entry !== null && entry.head.vary !== '';
    const wasUsable = entry !== null && !this.purges.matches(entry.head);
    entry?.close();
    if (entry !== null) this.remove(hash);
    // Variants are in files of their own, whose names are unknown here; they may outlive the file of the key.
    const recorded = varies || (entry === null && thorough) ? await this.record('key', key) : 'purged';
    if (varies) return recorded;
    return wasUsable ? 'purged' : 'missing';
  }

  /** Purges the entries whose keys match the expression. */
  async purgeMatches(expression: string): Promise<PurgeResult> {
    return purgeExpression(expression) === null ? 'invalid' : this.record('regex', expression);
  }

  /** Purges the entries with one of these tags. */
  async purgeTags(tags: readonly string[]): Promise<PurgeResult> {
    for (const tag of tags) if ((await this.record('tag', tag)) === 'full') return 'full';
    return 'purged';
  }

  close(): void {
    this.closed = true;
    this.zone.close();
  }

  private async record(by: PurgeKind, text: string): Promise<PurgeResult> {
    // An entry that nobody uses is removed after `inactive`, and used ones are compared with the purge.
    const purge = { by, text, date: Math.floor(epochTime() / 1000), left: this.data.inactive + 60_000 };
    if (!(await this.backend.ask(addPurge, { zone: this.zone.id, purge }))) return 'full';
    if (this.data.purger !== null && by !== 'key') {
      this.due.push(purge);
      void this.walk(this.data.purger);
    }
    return 'purged';
  }

  /** Removes the files of purged entries, in parts, until no purge is due. */
  private async walk(limits: TaskLimits): Promise<void> {
    if (this.walking) return;
    this.walking = true;
    while (this.due.length > 0 && !this.closed) {
      const purges = this.due;
      this.due = [];
      const isWhole = await this.walkOnce(limits);
      for (const purge of isWhole ? purges : []) this.backend.tell(completePurge, { zone: this.zone.id, purge });
    }
    this.walking = false;
  }

  /** Whether all entries were compared: false if the ledger does not know all of them, or the walk was ended. */
  private async walkOnce({ files, sleep, threshold }: TaskLimits): Promise<boolean> {
    const zone = this.entries.id;
    const totals = await this.backend.ask(measureCache, { zone });
    let started = performance.now();
    let count = 0;
    for (let from = 0; from >= 0; ) {
      const page = await this.backend.ask(listCacheEntries, { zone, from, count: LISTED_AT_ONCE });
      if (page === null || this.closed) return false;
      for (const { hash } of page.entries) {
        this.compare(hash);
        if (++count < files && performance.now() - started < threshold) continue;
        await delay(sleep, undefined, { ref: false });
        if (this.closed) return false;
        started = performance.now();
        count = 0;
      }
      from = page.next;
    }
    return totals?.cold === false;
  }

  private compare(hash: string): void {
    try {
      const open = openGrowing(entryPath(this.data, hash));
      if (open === null) return;
      closeSync(open.fd);
      this.isPurged(hash, open.stored.head);
    } catch {
      // The file is gone, or cannot be used: it is removed when it is opened.
    }
  }

  private remove(hash: string): void {
    removeName(entryPath(this.data, hash));
    this.drop(hash);
    this.backend.tell(removedEntry, { zone: this.entries.id, hash });
  }
}

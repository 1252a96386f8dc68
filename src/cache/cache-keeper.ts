/**
 * Keeps the directory of a cache: loads the ledger at the start, and removes the files of inactive entries and of those for
 * which there is no room. One process does so for all; the owner of the ledger, which may run as root, touches no file.
 * nginx: cache loader and cache manager.
 */
import { existsSync, statfsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import type { CacheNews } from '../zones/cache-entries.js';
import {
  confirmEvictions,
  evictEntries,
  keepEntries,
  loadEntries,
  loadedEntries,
  measureCache,
  removedEntry,
} from '../zones/cache-operations.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { CacheLoader, type KeeperLog } from './cache-loader.js';
import type { TaskLimits } from './cache-path.js';
import { entryPath } from './entry-path.js';

/** Longest ms between two searches for inactive entries, as in nginx. */
const MAX_INTERVAL = 10_000;
/** Shortest, because times of accesses are in seconds. */
const MIN_INTERVAL = 250;
/** ms between two applications to be the keeper. */
const APPLY_INTERVAL = 30_000;
/** Entries that are evicted between two measurements of the free space. */
const EVICTED_AT_ONCE = 10;

/** A kept directory: parameters of `proxy_cache_path`. */
export interface KeptDirectory {
  readonly path: string;
  readonly levels: readonly number[];
  /** ms. */
  readonly inactive: number;
  /** Bytes; null: unlimited. */
  readonly maxSize: number | null;
  /** Bytes. */
  readonly minFree: number;
  readonly loader: TaskLimits;
  readonly manager: TaskLimits;
}

export class CacheKeeper {
  private closed = false;
  private retired = false;
  /** Changes whenever this process becomes the keeper or ceases to be it. */
  private term = 0;
  private isKeeper = false;
  private timer: NodeJS.Timeout | null = null;
  private applying: NodeJS.Timeout | null = null;
  private managing = false;
  private again = false;
  private pending: string[] = [];
  private readonly maxSize: number;

  constructor(
    private readonly data: KeptDirectory,
    private readonly backend: ZoneBackend,
    private readonly zone: Zone,
    private readonly log: KeeperLog,
  ) {
    this.maxSize = data.maxSize ?? Number.MAX_SAFE_INTEGER;
  }

  /** Applies to be the keeper, and does so again if there is none. */
  start(): void {
    this.retired = false;
    void this.apply();
  }

  /** A later configuration is in force: the keeper works until it is replaced, and does not apply again. */
  retire(): void {
    this.retired = true;
    if (this.applying !== null) clearTimeout(this.applying);
  }

  /** Updates of the ledger. */
  receive(news: CacheNews): void {
    if (this.closed) return;
    if (news.vacant) setImmediate(() => void this.apply());
    if (news.replaced) this.resign();
    if (news.evicted !== undefined) this.pending.push(...news.evicted);
    if (news.full || news.evicted !== undefined) setImmediate(() => void this.manage());
  }

  close(): void {
    this.closed = true;
    this.resign();
    if (this.applying !== null) clearTimeout(this.applying);
  }

  private resign(): void {
    this.isKeeper = false;
    this.term++;
    this.pending = [];
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private async apply(): Promise<void> {
    if (this.closed || this.retired || this.isKeeper) return;
    if (this.applying !== null) clearTimeout(this.applying);
    this.applying = setTimeout(() => void this.apply(), APPLY_INTERVAL).unref();
    const { path, inactive, minFree, loader, manager } = this.data;
    const { maxSize } = this;
    const settings = JSON.stringify([path, inactive, maxSize, minFree, loader, manager]);
    const answer = await this.backend.ask(keepEntries, { zone: this.zone.id, settings, maxSize });
    // Two applications may have been pending.
    if (answer === null || this.closed || this.isKeeper) return;
    this.isKeeper = true;
    const term = ++this.term;
    this.pending = [...answer.evicted];
    if (answer.cold) await this.load(term);
    if (this.term === term) await this.manage();
  }

  private async load(term: number): Promise<void> {
    const { backend, zone, data } = this;
    const add = async (hashes: string[], sizes: number[]): Promise<readonly string[] | null> =>
      backend.ask(loadEntries, { zone: zone.id, hashes, sizes });
    // Files that the ledger evicts meanwhile are removed as well.
    void this.manage();
    const loader = new CacheLoader(data, data.loader, add, this.log, () => this.term !== term);
    if (!(await loader.load())) return;
    backend.tell(loadedEntries, { zone: zone.id });
    const totals = await backend.ask(measureCache, { zone: zone.id });
    if (totals === null || this.term !== term) return;
    this.log('notice', `http file cache: ${data.path} ${(totals.size / 2 ** 20).toFixed(3)}M, bsize: 4096`);
  }

  /** Removes what is to be removed, in parts. */
  private async manage(): Promise<void> {
    if (!this.isKeeper || this.closed) return;
    if (this.managing) {
      this.again = true;
      return;
    }
    this.managing = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { term } = this;
    let next: number | null = null;
    do {
      this.again = false;
      next = await this.evict(term);
    } while (this.again && this.term === term);
    this.managing = false;
    if (this.term !== term) {
      if (this.isKeeper) void this.manage();
      return;
    }
    const wait = Math.max(MIN_INTERVAL, Math.min(next ?? MAX_INTERVAL, MAX_INTERVAL));
    this.timer = setTimeout(() => void this.manage(), wait).unref();
  }

  /** Returns the ms until the next entry becomes inactive; null if there is none. */
  private async evict(term: number): Promise<number | null> {
    const { sleep, threshold } = this.data.manager;
    const files = Math.max(1, this.data.manager.files);
    for (;;) {
      const started = performance.now();
      const part = this.pending.splice(0, files);
      const removed: string[] = [];
      for (const hash of part) {
        await this.remove(hash);
        removed.push(hash);
        // After at least one, however small the threshold is.
        if (performance.now() - started >= threshold || this.term !== term) break;
      }
      if (this.term !== term) return null;
      this.pending.unshift(...part.slice(removed.length));
      await this.confirm(removed);
      if (this.term !== term) return null;
      if (this.pending.length === 0) {
        const { evicted, next } = await this.nextEvictions(files);
        if (this.term !== term || evicted.length === 0) return next;
        this.pending.push(...evicted);
      }
      if (removed.length > 0) await delay(sleep, undefined, { ref: false });
      if (this.term !== term) return null;
    }
  }

  private async nextEvictions(
    files: number,
  ): Promise<{ readonly evicted: readonly string[]; readonly next: number | null }> {
    const { inactive } = this.data;
    const { maxSize } = this;
    const question = { zone: this.zone.id, inactive, maxSize, anyway: false, count: Math.max(1, files) };
    const answer = await this.backend.ask(evictEntries, question);
    if (answer.evicted.length > 0 || !this.lacksSpace()) return answer;
    return this.backend.ask(evictEntries, { ...question, anyway: true, count: EVICTED_AT_ONCE });
  }

  private lacksSpace(): boolean {
    if (this.data.minFree === 0) return false;
    try {
      const { bavail, bsize } = statfsSync(nativePath(this.data.path));
      return bavail * bsize <= this.data.minFree;
    } catch {
      // The directory is missing: there is nothing to remove.
      return false;
    }
  }

  private async remove(hash: string): Promise<void> {
    const path = entryPath(this.data, hash);
    try {
      await unlink(nativePath(path));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.log('crit', `unlink() "${path}" failed (${errnoText(error)})`);
    }
  }

  private async confirm(hashes: readonly string[]): Promise<void> {
    if (hashes.length === 0) return;
    const zone = this.zone.id;
    for (const hash of await this.backend.ask(confirmEvictions, { zone, hashes })) {
      if (!existsSync(nativePath(entryPath(this.data, hash)))) this.backend.tell(removedEntry, { zone, hash });
    }
  }
}

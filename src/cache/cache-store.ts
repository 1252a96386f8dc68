/** A cache of a table: its directory, the ledger and the locks of its zone (`proxy_cache_path`). */
import { existsSync } from 'node:fs';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { nativePath } from '../files/native-path.js';
import type { Compiler, Enforceable } from '../program/module.js';
import { openZone } from '../program/zones.js';
import type { CacheNews, CacheTotals } from '../zones/cache-entries.js';
import {
  accessedEntries,
  type EntryList,
  followEntries,
  listCacheEntries,
  measureCache,
  missEntry,
  removedEntry,
  storedEntry,
} from '../zones/cache-operations.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { CacheKeeper } from './cache-keeper.js';
import type { CachePathData } from './cache-path.js';
import { CachePurger } from './cache-purger.js';
import { type CacheLog, type OpenEntry, openEntry, rewriteHead } from './entry-file.js';
import type { EntryHead } from './entry-head.js';
import { type CacheDirectory, entryPath } from './entry-path.js';
import type { EntryPlace } from './entry-writer.js';
import { FillLocks } from './fill-lock.js';
import { MemoryTier } from './memory-tier.js';

/** ms between reports of accesses to the ledger. */
const REPORT_INTERVAL = 1000;
/** Entries that are reported at once. */
const MAX_REPORT = 1000;
/** Errors that are remembered. */
const MAX_ERRORS = 10_000;

/** An error of the proxy or an intercepted one, which is served instead of requesting the response again. */
interface CachedError {
  readonly status: number;
  /** s since 1970. */
  readonly until: number;
}

/** Hashes name entries: 32 hexadecimal digits. */
export class CacheStore implements Enforceable {
  readonly directory: CacheDirectory;
  readonly locks: FillLocks;
  private accesses = new Map<string, number>();
  private memory: MemoryTier | null = null;
  private timer: NodeJS.Timeout | null = null;
  private readonly errors = new Map<string, CachedError>();

  private readonly backend: ZoneBackend;
  private readonly zone: Zone;
  private readonly keeper: CacheKeeper;
  readonly purger: CachePurger;
  /** Nothing is read from or written to the disk: requests are only explained. */
  readonly isSimulated: boolean;

  constructor(
    readonly data: CachePathData,
    compiler: Compiler,
  ) {
    const { zone: name, size, path, levels } = data;
    this.directory = { path, levels };
    this.backend = compiler.zones;
    this.isSimulated = compiler.observer.connect !== null;
    const receive = (news: unknown) => this.receive(news as CacheNews);
    this.zone = openZone(compiler, { kind: 'cache', name, size, key: path }, 'cache', receive);
    this.locks = new FillLocks(this.backend, name);
    this.purger = new CachePurger(data, this.backend, this.zone, (hash) => this.memory?.drop(hash));
    const { errorLog } = compiler;
    this.keeper = new CacheKeeper(data, this.backend, this.zone, (level, message) => errorLog.write(level, message));
  }

  /** Keeps copies of entries in memory, up to `bytes`: the largest number of the locations that use the cache. */
  useMemory(bytes: number): void {
    if (this.memory === null) {
      this.memory = new MemoryTier(bytes);
      this.backend.tell(followEntries, { zone: this.zone.id });
    }
    this.memory.limit = Math.max(this.memory.limit, bytes);
  }

  private receive(news: CacheNews): void {
    if (this.memory !== null) for (const hash of news.changed ?? []) this.memory.drop(hash);
    this.keeper.receive(news);
  }

  /** The table is in force: this process may have to keep the directory. */
  enforced(): void {
    this.keeper.start();
  }

  /** The keeper works until the table is closed, or that of a later table replaces it. */
  superseded(): void {
    this.keeper.retire();
  }

  get name(): string {
    return this.data.zone;
  }

  /** The entry of a key, if it is in memory. */
  findKey(key: string): OpenEntry | null {
    return this.memory === null ? null : this.unpurged(this.memory.findKey(key));
  }

  /**
   * The entry with this hash, verified; null if there is none that can be used. The caller closes it. A copy of it is kept in
   * memory unless it has more than `maxObject` bytes. `isMain`: the hash is that of the key, not of a variant.
   */
  open(hash: string, isMain: boolean, key: string, maxObject: number, log: CacheLog): OpenEntry | null {
    const { memory } = this;
    if (this.isSimulated) return null;
    const path = entryPath(this.directory, hash);
    const open = (): OpenEntry | null => openEntry(path, key, log);
    if (memory === null || maxObject < 0) return this.unpurged(open());
    return this.unpurged(memory.find(hash, key) ?? memory.load(hash, path, isMain, maxObject, open));
  }

  private unpurged(entry: OpenEntry | null): OpenEntry | null {
    if (entry === null || !this.purger.isPurged(entry.hash, entry.head)) return entry;
    entry.close();
    return null;
  }

  /** Where an entry is written. `temporary`: `proxy_temp_path`. */
  placeOf(hash: string, temporary: TemporaryPath): EntryPlace {
    return { path: entryPath(this.directory, hash), temporary: this.data.usesTemporaryPath ? temporary : null };
  }

  /** An entry was served. */
  accessed(hash: string): void {
    this.accesses.set(hash, (this.accesses.get(hash) ?? 0) + 1);
    if (this.accesses.size >= MAX_REPORT) this.report();
    else this.timer ??= setTimeout(() => this.report(), REPORT_INTERVAL).unref();
  }

  /** Counts a request for an entry that is missing; returns the number of requests so far, this one included. */
  missed(hash: string): number | Promise<number> {
    return this.backend.ask(missEntry, { zone: this.zone.id, hash });
  }

  /** An entry was stored. `size`: bytes on the disk. */
  stored(hash: string, size: number): void {
    this.errors.delete(hash);
    this.memory?.drop(hash);
    const answer = this.backend.ask(storedEntry, { zone: this.zone.id, hash, size });
    if (answer instanceof Promise) {
      answer.then((doubtful) => this.confirm(hash, doubtful));
    } else this.confirm(hash, answer);
  }

  /** An eviction may have removed the file that was just stored. */
  private confirm(hash: string, doubtful: boolean): void {
    if (doubtful && !existsSync(nativePath(entryPath(this.directory, hash)))) this.removed(hash);
  }

  /** Replaces the head of an entry that was confirmed. */
  renew(entry: OpenEntry, head: EntryHead, temporary: TemporaryPath, log: CacheLog): void {
    const { hash } = entry;
    try {
      const size = rewriteHead(entry, head, this.placeOf(hash, temporary));
      if (size !== null) this.stored(hash, size);
    } catch (error) {
      log('crit', (error as Error).message); // nginx's message
    }
  }

  /** The file of an entry is not there any more. */
  removed(hash: string): void {
    this.memory?.drop(hash);
    this.backend.tell(removedEntry, { zone: this.zone.id, hash });
  }

  /** Entries with files, from a row of the ledger on; null if its owner does not respond. */
  list(from: number, count: number): EntryList | null | Promise<EntryList | null> {
    return this.backend.ask(listCacheEntries, { zone: this.zone.id, from, count });
  }

  /** Totals of the ledger; null if its owner does not respond. */
  measure(): CacheTotals | null | Promise<CacheTotals | null> {
    return this.backend.ask(measureCache, { zone: this.zone.id });
  }

  /** Status of the error that is served for an entry; 0: none. `now`: s since 1970. */
  errorOf(hash: string, now: number): number {
    if (this.errors.size === 0) return 0;
    const error = this.errors.get(hash);
    if (error === undefined) return 0;
    if (error.until >= now) return error.status;
    this.errors.delete(hash);
    return 0;
  }

  rememberError(hash: string, status: number, until: number): void {
    if (this.errors.size >= MAX_ERRORS) {
      const [oldest] = this.errors.keys();
      if (oldest !== undefined) this.errors.delete(oldest);
    }
    this.errors.delete(hash);
    this.errors.set(hash, { status, until });
  }

  private report(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { accesses } = this;
    if (accesses.size === 0) return;
    this.accesses = new Map();
    const [hashes, counts] = [[...accesses.keys()], [...accesses.values()]];
    this.backend.tell(accessedEntries, { zone: this.zone.id, hashes, counts });
  }

  /** Called with the last table that uses it. */
  close(): void {
    this.report();
    this.keeper.close();
    this.locks.close();
    this.purger.close();
  }
}

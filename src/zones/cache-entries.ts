/**
 * Ledger of a cache: the contents of a zone. It has the size, uses and last access of each entry, in the order of the last
 * accesses, and decides which are evicted. The files are the truth about what is stored: workers open them without a question,
 * and report what they store, remove and access.
 *
 * Entries are rows of typed arrays, which are allocated at once for as many entries as the zone has room for (as in nginx);
 * the system provides their memory when it is first used.
 */
import { Slab, type SlabUsage } from './slab.js';
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Bytes of an entry in nginx: `ngx_http_file_cache_node_t` on 64-bit systems. */
const NODE = 120;
/** Bytes of a block, the unit of sizes. */
const BLOCK = 4096;
const MAX_USES = 0xffff;
const NONE = -1;
/** ms for which a file that is stored after its removal may have been removed by it. */
const DOUBT = 2000;

/** An update for a process. */
export interface CacheNews {
  /** For the keeper: entries that left the ledger; their files are to be removed. */
  readonly evicted?: readonly string[];
  /** For the keeper: there is more on the disk than `maxSize`. */
  readonly full?: true;
  /** The zone has no keeper. */
  readonly vacant?: true;
  /** For the keeper: another process is the keeper now. */
  readonly replaced?: true;
  /** For followers: entries that another process has stored or removed. */
  readonly changed?: readonly string[];
}

/** An entry in a list. Plain data. */
export interface ListedEntry {
  readonly hash: string;
  /** Bytes on the disk. */
  readonly size: number;
  readonly uses: number;
  /** ms since the last access. */
  readonly unused: number;
}

/** Totals of a ledger. Plain data. */
export interface CacheTotals {
  /** Bytes of all files, those that are being removed included. */
  readonly size: number;
  /** Number of files in the ledger. */
  readonly files: number;
  /** Number of entries: files, and keys that were requested without being stored. */
  readonly entries: number;
  /** The files of an earlier process are not all in the ledger yet. */
  readonly cold: boolean;
}

/** A file that is being removed. */
interface Removal {
  readonly blocks: number;
  /** The entry was stored again meanwhile: before or after the removal. */
  again: boolean;
}

interface Keeper {
  readonly user: NotifiedUser;
  readonly zone: number;
  readonly settings: string;
  readonly maxSize: number;
}

export class CacheEntries {
  readonly slab: Slab;
  /** Hashes, four words each. */
  private readonly hashes: Uint32Array;
  private readonly blocks: Uint32Array;
  /** s on the backend's clock. */
  private readonly accesses: Uint32Array;
  private readonly uses: Uint16Array;
  /** 1: there is a file. */
  private readonly exists: Uint8Array;
  /** Neighbours in the order of accesses; `newer` also links free rows. */
  private readonly newer: Int32Array;
  private readonly older: Int32Array;
  /** Next row with the same bucket, plus one. */
  private readonly chain: Int32Array;
  /** First row of each bucket, plus one: the initial zeros are no rows. */
  private readonly buckets: Int32Array;
  private oldest = NONE;
  private newest = NONE;
  private free = NONE;
  /** Rows from here on were never used. */
  private unused = 0;
  private rows = 0;
  private files = 0;
  private totalBlocks = 0;
  private readonly removals = new Map<string, Removal>();
  private removalBlocks = 0;
  /** Files removed lately, and when, in this order. */
  private readonly removedLately = new Map<string, number>();
  private cold = true;
  private readonly users = new ZoneUsers<CacheNews>();
  private readonly followers = new ZoneUsers<CacheNews>();
  private keeper: Keeper | null = null;
  private fullAnnounced = false;

  constructor(size: number) {
    this.slab = new Slab(size);
    const capacity = roomFor(this.slab.usage());
    this.hashes = new Uint32Array(4 * capacity);
    this.blocks = new Uint32Array(capacity);
    this.accesses = new Uint32Array(capacity);
    this.uses = new Uint16Array(capacity);
    this.exists = new Uint8Array(capacity);
    this.newer = new Int32Array(capacity);
    this.older = new Int32Array(capacity);
    this.chain = new Int32Array(capacity);
    this.buckets = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(capacity, 2))));
  }

  watch(user: NotifiedUser, zone: number): void {
    this.users.add(user, zone);
  }

  unwatch(user: NotifiedUser, zone: number): void {
    this.users.delete(user, zone);
    this.followers.delete(user, zone);
    if (this.keeper?.user !== user || this.keeper.zone !== zone) return;
    this.keeper = null;
    const latest = this.users.processes.at(-1);
    if (latest !== undefined) this.users.notify(latest, { vacant: true });
  }

  get totals(): CacheTotals {
    const { rows, files, cold } = this;
    return { size: (this.totalBlocks + this.removalBlocks) * BLOCK, files, entries: rows, cold };
  }

  /** The user is told which entries others change. */
  follow(user: NotifiedUser, zone: number): void {
    this.followers.add(user, zone);
  }

  /**
   * Makes a user the keeper, which removes files and loads the ledger, if there is none, or one with other settings (of an
   * earlier configuration). Returns the files that an earlier keeper may not have removed, or null if there is a keeper.
   */
  keep(user: NotifiedUser, zone: number, settings: string, maxSize: number): readonly string[] | null {
    if (this.keeper !== null && this.keeper.settings === settings) {
      return this.keeper.user === user && this.keeper.zone === zone ? [...this.removals.keys()] : null;
    }
    this.keeper?.user.notify(this.keeper.zone, { replaced: true });
    this.keeper = { user, zone, settings, maxSize };
    this.fullAnnounced = false;
    return [...this.removals.keys()];
  }

  /** A request did not find the entry: counts a use, and returns the number of uses so far. */
  missed(hash: string, now: number): number {
    let row = this.find(hash);
    if (row === NONE) row = this.add(hash, now);
    else this.touch(row, now);
    if (row === NONE) return 1; // No room, and nothing to evict.
    this.countUse(row);
    return this.uses[row] ?? 1;
  }

  /** The file was stored. Returns whether it must be checked: it may have been removed by an earlier eviction. */
  stored(hash: string, size: number, now: number, by: NotifiedUser, zone: number): boolean {
    const doubtful = this.isDoubtful(hash, now);
    let row = this.find(hash);
    if (row === NONE) {
      row = this.add(hash, now);
      if (row !== NONE) this.countUse(row);
    } else this.touch(row, now);
    if (row === NONE) return doubtful;
    this.setFile(row, true, Math.ceil(size / BLOCK));
    this.followers.notifyOthers(by, zone, { changed: [hash] });
    this.announceFull();
    return doubtful;
  }

  /** The file was removed, or found missing. */
  removed(hash: string, by: NotifiedUser, zone: number): void {
    const row = this.find(hash);
    if (row === NONE) return;
    this.setFile(row, false, 0);
    this.followers.notifyOthers(by, zone, { changed: [hash] });
  }

  /** Entries were served, each as often as `counts` says. Unknown ones are the loader's. */
  accessed(hashes: readonly string[], counts: readonly number[], now: number): void {
    for (const [i, hash] of hashes.entries()) {
      const row = this.find(hash);
      if (row === NONE) continue;
      this.touch(row, now);
      this.countUse(row, counts[i] ?? 1);
    }
  }

  /** Adds files found on the disk, unless they are known. Returns those for which there is no room. */
  load(hashes: readonly string[], sizes: readonly number[], now: number): string[] {
    return hashes.filter((hash, i) => {
      let row = this.find(hash);
      if (row === NONE && !this.removals.has(hash)) row = this.slab.take(NODE) ? this.insert(hash, now) : NONE;
      if (row === NONE) return !this.removals.has(hash);
      if (this.exists[row] === 0) this.setFile(row, true, Math.ceil((sizes[i] ?? 0) / BLOCK));
      return false;
    });
  }

  /** All files are in the ledger. */
  loaded(): void {
    this.cold = false;
    this.announceFull();
  }

  /**
   * Removes up to `count` entries from the ledger: those without an access for `inactive` ms, then, the oldest first, as long
   * as there is more than `maxSize`, or `anyway`. Returns those with files, which are to be removed and confirmed.
   */
  evict(
    now: number,
    limits: {
      readonly inactive: number;
      readonly maxSize: number;
      readonly anyway: boolean;
      readonly count: number;
    },
  ): string[] {
    const { inactive, maxSize, anyway, count } = limits;
    const evicted: string[] = [];
    const due = Math.floor((now - inactive) / 1000);
    for (let i = 0; i < count && this.oldest !== NONE; i++) {
      const isDue = (this.accesses[this.oldest] ?? 0) <= due;
      // Entries without files are no burden for the disk.
      if (!isDue && this.totalBlocks * BLOCK <= maxSize && !(anyway && this.files > 0)) break;
      this.evictOldest(evicted);
    }
    this.fullAnnounced = false;
    return evicted;
  }

  /** ms until the oldest entry has not been accessed for `inactive` ms; Infinity: there are no entries. */
  nextInactive(now: number, inactive: number): number {
    if (this.oldest === NONE) return Number.POSITIVE_INFINITY;
    return Math.max(0, (this.accesses[this.oldest] ?? 0) * 1000 + inactive - now);
  }

  /** The files of evicted entries were removed. Returns those that must be checked, because they were stored again. */
  confirm(hashes: readonly string[], now: number): string[] {
    return hashes.filter((hash) => {
      const removal = this.removals.get(hash);
      if (removal === undefined) return false;
      this.removals.delete(hash);
      this.removalBlocks -= removal.blocks;
      this.removedLately.set(hash, now);
      for (const [earlier, time] of this.removedLately) {
        if (now - time < DOUBT) break;
        this.removedLately.delete(earlier);
      }
      return removal.again;
    });
  }

  /** Up to `count` entries with files, from the row `from` on, and the row at which the list continues; -1: at none. */
  list(from: number, count: number, now: number): { readonly entries: ListedEntry[]; readonly next: number } {
    const entries: ListedEntry[] = [];
    for (let row = from; row < this.unused; row++) {
      if (entries.length === count) return { entries, next: row };
      if (this.exists[row] === 0) continue;
      entries.push({
        hash: this.hashAt(row),
        size: (this.blocks[row] ?? 0) * BLOCK,
        uses: this.uses[row] ?? 0,
        unused: Math.max(0, now - (this.accesses[row] ?? 0) * 1000),
      });
    }
    return { entries, next: NONE };
  }

  private isDoubtful(hash: string, now: number): boolean {
    const removal = this.removals.get(hash);
    if (removal !== undefined) removal.again = true;
    const time = this.removedLately.get(hash);
    return time !== undefined && now - time < DOUBT;
  }

  private announceFull(): void {
    const { keeper } = this;
    if (keeper === null || this.fullAnnounced || this.totalBlocks * BLOCK <= keeper.maxSize) return;
    this.fullAnnounced = true;
    keeper.user.notify(keeper.zone, { full: true });
  }

  /** Adds an entry; if the zone is full, the oldest ones are evicted. -1: there is no room. */
  private add(hash: string, now: number): number {
    const evicted: string[] = [];
    while (!this.slab.take(NODE)) {
      if (this.oldest === NONE) return NONE;
      this.evictOldest(evicted);
    }
    if (evicted.length > 0) this.keeper?.user.notify(this.keeper.zone, { evicted });
    return this.insert(hash, now);
  }

  private insert(hash: string, now: number): number {
    let row = this.free;
    if (row !== NONE) this.free = this.newer[row] ?? NONE;
    else row = this.unused++;
    for (let i = 0; i < 4; i++) this.hashes[4 * row + i] = wordOf(hash, i);
    this.uses[row] = 0;
    this.exists[row] = 0;
    this.blocks[row] = 0;
    const bucket = this.bucketOf(hash);
    this.chain[row] = this.buckets[bucket] ?? 0;
    this.buckets[bucket] = row + 1;
    this.rows++;
    this.append(row, now);
    return row;
  }

  private evictOldest(evicted: string[]): void {
    const row = this.oldest;
    const hash = this.hashAt(row);
    if (this.exists[row] === 1) {
      const blocks = this.blocks[row] ?? 0;
      this.removals.set(hash, { blocks: blocks + (this.removals.get(hash)?.blocks ?? 0), again: false });
      this.removalBlocks += blocks;
      evicted.push(hash);
      this.followers.notifyAll({ changed: [hash] });
    }
    this.setFile(row, false, 0);
    this.unlink(row);
    this.removeFromBucket(row, hash);
    this.newer[row] = this.free;
    this.free = row;
    this.rows--;
    this.slab.give(NODE);
  }

  private setFile(row: number, exists: boolean, blocks: number): void {
    this.files += Number(exists) - (this.exists[row] ?? 0);
    this.totalBlocks += blocks - (this.blocks[row] ?? 0);
    this.exists[row] = Number(exists);
    this.blocks[row] = blocks;
  }

  private countUse(row: number, times = 1): void {
    this.uses[row] = Math.min(MAX_USES, (this.uses[row] ?? 0) + times);
  }

  /** Makes the row the newest. */
  private touch(row: number, now: number): void {
    this.unlink(row);
    this.append(row, now);
  }

  private append(row: number, now: number): void {
    this.accesses[row] = Math.floor(now / 1000);
    this.older[row] = this.newest;
    this.newer[row] = NONE;
    if (this.newest === NONE) this.oldest = row;
    else this.newer[this.newest] = row;
    this.newest = row;
  }

  private unlink(row: number): void {
    const [older, newer] = [this.older[row] ?? NONE, this.newer[row] ?? NONE];
    if (older === NONE) this.oldest = newer;
    else this.newer[older] = newer;
    if (newer === NONE) this.newest = older;
    else this.older[newer] = older;
  }

  private bucketOf(hash: string): number {
    return wordOf(hash, 0) & (this.buckets.length - 1);
  }

  private find(hash: string): number {
    const [a, b, c, d] = [wordOf(hash, 0), wordOf(hash, 1), wordOf(hash, 2), wordOf(hash, 3)];
    const { hashes } = this;
    for (let row = (this.buckets[a & (this.buckets.length - 1)] ?? 0) - 1; row >= 0; row = (this.chain[row] ?? 0) - 1) {
      const at = 4 * row;
      if (hashes[at] === a && hashes[at + 1] === b && hashes[at + 2] === c && hashes[at + 3] === d) return row;
    }
    return NONE;
  }

  private removeFromBucket(row: number, hash: string): void {
    const bucket = this.bucketOf(hash);
    const after = this.chain[row] ?? 0;
    let at = (this.buckets[bucket] ?? 0) - 1;
    if (at === row) {
      this.buckets[bucket] = after;
      return;
    }
    while (at >= 0) {
      const next = (this.chain[at] ?? 0) - 1;
      if (next === row) {
        this.chain[at] = after;
        return;
      }
      at = next;
    }
  }

  private hashAt(row: number): string {
    let text = '';
    for (let i = 0; i < 4; i++) text += (this.hashes[4 * row + i] ?? 0).toString(16).padStart(8, '0');
    return text;
  }
}

/** Word `i` of a hash of 32 hexadecimal digits. */
function wordOf(hash: string, i: number): number {
  return Number.parseInt(hash.slice(8 * i, 8 * i + 8), 16) >>> 0;
}

/** Number of entries for which an empty zone has room. */
function roomFor({ pages }: SlabUsage): number {
  return pages.free * Math.floor(BLOCK / 128);
}

/** Contents of a `js_shared_dict_zone`: strings or numbers by key, which scripts of all workers share. */
import { crc32 } from 'node:zlib';
import { type Expiring, ExpiryHeap } from './expiry-heap.js';
import { Slab } from './slab.js';

/** Bytes of an entry besides its key and value (`ngx_js_dict_node_t` on 64-bit systems). */
const ENTRY = 104;
/** The roots of the trees (`ngx_js_dict_sh_t`). */
const ROOTS = 88;
/** Number of entries that are evicted at a time; nginx's. */
const EVICTED = 16;

export type DictionaryValue = string | number;

/** An entry, independent of the clock. */
export interface DictionaryEntry {
  readonly key: string;
  readonly value: DictionaryValue;
  /** ms until it expires; null: never. */
  readonly left: number | null;
}

/** Whether a key that exists is changed (`replace`), one that does not (`add`), or both (`set`). */
export type DictionaryMode = 'add' | 'replace' | 'set';

/** `memory`: there is no room; `unchanged`: the mode did not permit it. */
export type DictionaryResult = 'done' | 'unchanged' | 'memory';

interface Entry extends Expiring {
  readonly key: string;
  readonly value: DictionaryValue;
  readonly expires: number;
}

export class Dictionary {
  private readonly entries = new Map<string, Entry>();
  private readonly expiring = new ExpiryHeap<Entry>();
  readonly slab: Slab;
  private changes = 0;
  /** Whether the contents of the state file were added, or there is no state file. */
  private loaded = false;

  constructor(size: number) {
    this.slab = new Slab(size);
    this.slab.take(ROOTS);
  }

  /** Number of changes so far. */
  get version(): number {
    return this.changes;
  }

  get isLoaded(): boolean {
    return this.loaded;
  }

  get(key: string, now: number): DictionaryValue | undefined {
    return this.live(key, now)?.value;
  }

  /** ms until a key expires; undefined: there is no such key. */
  timeLeft(key: string, now: number): number | undefined {
    const entry = this.live(key, now);
    return entry === undefined ? undefined : entry.expires - now;
  }

  /** `timeout` in ms; 0: never. `evict`: the entries that expire first make room. */
  store(
    mode: DictionaryMode,
    key: string,
    value: DictionaryValue,
    timeout: number,
    evict: boolean,
    now: number,
  ): DictionaryResult {
    const exists = this.live(key, now) !== undefined;
    if (mode !== 'set' && exists !== (mode === 'replace')) return 'unchanged';
    return this.put(key, value, timeout === 0 ? Number.POSITIVE_INFINITY : now + timeout, evict, now);
  }

  /** Adds to a number, and returns the sum; null: there is no room. An existing key keeps its time if `timeout` is 0. */
  add(
    { key, by, initial }: { readonly key: string; readonly by: number; readonly initial: number },
    { own, fallback }: { readonly own: number; readonly fallback: number },
    evict: boolean,
    now: number,
  ): number | null {
    const entry = this.live(key, now);
    const sum = Number(entry?.value ?? initial) + by;
    let expires = own === 0 ? entry?.expires : now + own;
    expires ??= fallback === 0 ? Number.POSITIVE_INFINITY : now + fallback;
    return this.put(key, sum, expires, evict, now) === 'done' ? sum : null;
  }

  /** Removes a key, and returns its value. */
  take(key: string, now: number): DictionaryValue | undefined {
    const entry = this.live(key, now);
    if (entry === undefined) return undefined;
    this.remove(entry);
    this.changes++;
    return entry.value;
  }

  clear(): void {
    for (const entry of this.entries.values()) this.slab.give(bytesOf(entry));
    this.entries.clear();
    this.expiring.clear();
    this.changes++;
  }

  /** Number of entries that have not expired. */
  count(now: number): number {
    this.expire(now);
    return this.entries.size;
  }

  /** Entries that have not expired, in nginx's order: by the CRC-32 of their keys. */
  list(max: number, now: number): [key: string, value: DictionaryValue][] {
    this.expire(now);
    return [...this.entries.values()]
      .map((entry) => ({ entry, hash: crc32(entry.key) }))
      .sort((a, b) => a.hash - b.hash)
      .slice(0, max)
      .map(({ entry: { key, value } }) => [key, value]);
  }

  snapshot(now: number): DictionaryEntry[] {
    this.expire(now);
    return [...this.entries.values()].map(({ key, value, expires }) => ({
      key,
      value,
      left: expires === Number.POSITIVE_INFINITY ? null : expires - now,
    }));
  }

  /** Adds the contents of a state file, once, by the first process. Entries that do not fit are omitted. */
  load(entries: readonly DictionaryEntry[], now: number): void {
    if (this.loaded) return;
    this.loaded = true;
    this.restore(entries, now);
  }

  /** Adds entries of another backend or a file. */
  restore(entries: readonly DictionaryEntry[], now: number): void {
    for (const { key, value, left } of entries) {
      if (this.entries.has(key) || (left !== null && left <= 0)) continue;
      this.put(key, value, left === null ? Number.POSITIVE_INFINITY : now + left, false, now);
    }
  }

  private put(key: string, value: DictionaryValue, expires: number, evict: boolean, now: number): 'done' | 'memory' {
    const entry: Entry = { key, value, expires, removed: false };
    const before = this.entries.get(key);
    const bytes = bytesOf(entry);
    if (before !== undefined) this.slab.give(bytesOf(before));
    if (!this.reserve(bytes, evict, now, before)) {
      // Restores the accounting of the old entry, unless it has expired meanwhile.
      if (before?.removed === false) this.slab.take(bytesOf(before));
      return 'memory';
    }
    if (before !== undefined) this.forget(before);
    this.entries.set(key, entry);
    if (expires !== Number.POSITIVE_INFINITY) this.expiring.add(entry);
    this.changes++;
    return 'done';
  }

  /** `except`: an entry whose memory was given back already. */
  private reserve(bytes: number, evict: boolean, now: number, except: Entry | undefined): boolean {
    if (this.slab.take(bytes)) return true;
    this.expire(now, except);
    while (!this.slab.take(bytes)) if (!evict || !this.evict(except)) return false;
    return true;
  }

  /** Removes the entries that expire first; false if there are none. */
  private evict(except: Entry | undefined): boolean {
    let evicted = 0;
    while (evicted < EVICTED) {
      const { first } = this.expiring;
      if (first === undefined) break;
      if (first === except) {
        this.forget(first);
        continue;
      }
      this.remove(first);
      evicted++;
    }
    return evicted > 0;
  }

  private expire(now: number, except?: Entry): void {
    for (let { first } = this.expiring; first !== undefined && first.expires <= now; { first } = this.expiring) {
      if (first === except) this.forget(first);
      else this.remove(first);
    }
  }

  private live(key: string, now: number): Entry | undefined {
    const entry = this.entries.get(key);
    return entry === undefined || entry.expires <= now ? undefined : entry;
  }

  private remove(entry: Entry): void {
    this.forget(entry);
    this.slab.give(bytesOf(entry));
  }

  private forget(entry: Entry): void {
    if (entry.removed) return;
    if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
    if (entry.expires !== Number.POSITIVE_INFINITY) this.expiring.remove(entry);
    else entry.removed = true;
  }
}

function bytesOf({ key, value }: { readonly key: string; readonly value: DictionaryValue }): number {
  return ENTRY + Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
}

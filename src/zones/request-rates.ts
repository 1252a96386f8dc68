/**
 * By how much each key exceeds its rate: what `limit_req` remembers. A leaky bucket in nginx's arithmetic: whole thousandths
 * of a request, whole milliseconds.
 */
import { Slab } from './slab.js';

/** Bytes of an entry without its key: nginx's tree node on 64-bit systems, as far as it is used, and what stands in it. */
const ENTRY = 80;
/** The roots of tree and queue, and nginx's text for messages about the zone: its name, and these bytes around it. */
const TREE = 80;
const LOG_TEXT = 22;
/** ms for which an entry is kept at least, while there is room. */
const KEPT = 60_000;

interface Entry {
  readonly key: string;
  /** Thousandths of a request. */
  excess: number;
  /** ms at which `excess` was true; -Infinity where it has not been counted yet. */
  last: number;
  newer: Entry | null;
  older: Entry | null;
}

/** What is remembered of a key, whatever clock it was counted by. */
export interface RateSnapshot {
  readonly key: string;
  /** Thousandths of a request. */
  readonly excess: number;
  /** ms since `excess` was true; null where it has not been counted yet. */
  readonly age: number | null;
}

/** What a request would do to a key. `excess` in thousandths of a request. */
export interface RateLook {
  readonly result: 'within' | 'beyond' | 'memory';
  readonly excess: number;
}

const NEW: RateLook = { result: 'within', excess: 0 };
const NO_ROOM: RateLook = { result: 'memory', excess: 0 };

export class RequestRates {
  private readonly byKey = new Map<string, Entry>();
  private readonly slab: Slab;
  private newest: Entry | null = null;
  private oldest: Entry | null = null;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(TREE);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Keys that are remembered. */
  get entries(): number {
    return this.byKey.size;
  }

  /**
   * What one more request would do. `rate` in thousandths of a request per second; `burst` in thousandths; `now` in whole ms.
   * The key is remembered from here on; `account` counts the request.
   */
  look(key: string, rate: number, burst: number, now: number): RateLook {
    const entry = this.byKey.get(key);
    if (entry === undefined) {
      return this.add(key, rate, now) ? NEW : NO_ROOM;
    }
    this.unlink(entry);
    this.linkNewest(entry);
    const excess = excessAt(entry, rate, now);
    return { result: excess > burst ? 'beyond' : 'within', excess };
  }

  /** Counts the request that was looked at; gives the excess of its key. */
  account(key: string, rate: number, now: number): number {
    const entry = this.byKey.get(key);
    if (entry === undefined) return 0;
    const excess = excessAt(entry, rate, now);
    entry.excess = excess;
    if (now > entry.last || now - entry.last < -KEPT) entry.last = now;
    return excess;
  }

  /** All that is remembered, the least recently used first. */
  snapshot(now: number): RateSnapshot[] {
    const all: RateSnapshot[] = [];
    for (let entry = this.oldest; entry !== null; entry = entry.newer) {
      const { key, excess, last } = entry;
      all.push({ key, excess, age: last === Number.NEGATIVE_INFINITY ? null : now - last });
    }
    return all;
  }

  /** Remembers what another home did, as far as there is room and the key is not known here. */
  restore(rates: readonly RateSnapshot[], now: number): void {
    for (const { key, excess, age } of rates) {
      if (this.byKey.has(key) || !this.add(key, 0, now)) continue;
      const entry = this.byKey.get(key);
      if (entry === undefined || age === null) continue;
      entry.excess = excess;
      entry.last = now - age;
    }
  }

  private add(key: string, rate: number, now: number): boolean {
    this.expire(rate, now, 2);
    const bytes = ENTRY + key.length;
    if (!this.slab.take(bytes)) {
      this.dropOldest();
      this.expire(rate, now, 2);
      if (!this.slab.take(bytes)) return false;
    }
    const entry: Entry = { key, excess: 0, last: Number.NEGATIVE_INFINITY, newer: null, older: null };
    this.byKey.set(key, entry);
    this.linkNewest(entry);
    return true;
  }

  /** Forgets up to so many of the oldest keys, if they have been at rest for a minute. */
  private expire(rate: number, now: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const entry = this.oldest;
      if (entry === null) return;
      const ms = Math.abs(now - entry.last);
      if (ms < KEPT || entry.excess - Math.floor((rate * ms) / 1000) > 0) return;
      this.dropOldest();
    }
  }

  private dropOldest(): void {
    const entry = this.oldest;
    if (entry === null) return;
    this.unlink(entry);
    this.byKey.delete(entry.key);
    this.slab.give(ENTRY + entry.key.length);
  }

  private linkNewest(entry: Entry): void {
    entry.older = this.newest;
    entry.newer = null;
    if (this.newest !== null) this.newest.newer = entry;
    this.newest = entry;
    this.oldest ??= entry;
  }

  private unlink(entry: Entry): void {
    if (entry.newer === null) this.newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === null) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }
}

/** The excess with one more request. A clock that goes back stands still; after a leap back of a minute it starts anew. */
function excessAt({ excess, last }: Entry, rate: number, now: number): number {
  // The first request of a key is within any rate.
  if (last === Number.NEGATIVE_INFINITY) return 0;
  let ms = now - last;
  if (ms < -KEPT) ms = 1;
  else if (ms < 0) ms = 0;
  return Math.max(0, excess - Math.floor((rate * ms) / 1000) + 1000);
}

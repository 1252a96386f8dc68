/**
 * Excess of each key above its rate: the contents of a `limit_req` zone. A leaky bucket in nginx's arithmetic: whole
 * thousandths of a request, whole milliseconds.
 */
import { Slab } from './slab.js';

/** Bytes of an entry without its key: nginx's tree node on 64-bit systems, as far as it is used, and its data. */
const ENTRY = 80;
/** Tree and queue roots, and nginx's text for messages about the zone: its name and these bytes around it. */
const TREE = 80;
const LOG_TEXT = 22;
/** Minimum age in ms at which an entry is dropped while there is room. */
const MIN_RETENTION = 60_000;

interface Entry {
  readonly key: string;
  /** Thousandths of a request. */
  excess: number;
  /** ms at which `excess` was current; -Infinity if no request was counted yet. */
  last: number;
  newer: Entry | null;
  older: Entry | null;
}

/** State of a key, independent of the clock. */
export interface RateSnapshot {
  readonly key: string;
  /** Thousandths of a request. */
  readonly excess: number;
  /** ms since `excess` was current; null if no request was counted yet. */
  readonly age: number | null;
}

/** Effect of a further request on a key. `excess` in thousandths of a request. */
export interface RateCheck {
  readonly result: 'within' | 'beyond' | 'memory';
  readonly excess: number;
}

const NEW: RateCheck = { result: 'within', excess: 0 };
const NO_ROOM: RateCheck = { result: 'memory', excess: 0 };

export class RequestRates {
  private readonly byKey = new Map<string, Entry>();
  readonly slab: Slab;
  private newest: Entry | null = null;
  private oldest: Entry | null = null;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(TREE);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Number of keys stored. */
  get entries(): number {
    return this.byKey.size;
  }

  /**
   * Computes the effect of one more request. `rate` in thousandths of a request per second; `burst` in thousandths; `now` in
   * whole ms; `cost` in thousandths: a request's is one. Stores the key; `account` counts the request.
   */
  check(key: string, rate: number, burst: number, now: number, cost = 1000): RateCheck {
    const entry = this.byKey.get(key);
    if (entry === undefined) {
      if (!this.add(key, rate, now)) return NO_ROOM;
      return cost - 1000 > burst ? { result: 'beyond', excess: cost - 1000 } : NEW;
    }
    this.unlink(entry);
    this.linkNewest(entry);
    const excess = excessAt(entry, rate, now, cost);
    return { result: excess > burst ? 'beyond' : 'within', excess };
  }

  /** Counts the request after `check`; returns the excess of its key. */
  account(key: string, rate: number, now: number, cost = 1000): number {
    const entry = this.byKey.get(key);
    if (entry === undefined) return 0;
    const excess = excessAt(entry, rate, now, cost);
    entry.excess = excess;
    if (now > entry.last || now - entry.last < -MIN_RETENTION) entry.last = now;
    return excess;
  }

  /** All entries, the least recently used first. */
  snapshot(now: number): RateSnapshot[] {
    const all: RateSnapshot[] = [];
    for (let entry = this.oldest; entry !== null; entry = entry.newer) {
      const { key, excess, last } = entry;
      all.push({ key, excess, age: last === Number.NEGATIVE_INFINITY ? null : now - last });
    }
    return all;
  }

  /** Adds the entries of another backend, as far as there is room and the key is not stored yet. */
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

  /** Drops up to `count` of the oldest keys that have been idle for a minute. */
  private expire(rate: number, now: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const entry = this.oldest;
      if (entry === null) return;
      const ms = Math.abs(now - entry.last);
      if (ms < MIN_RETENTION || entry.excess - Math.floor((rate * ms) / 1000) > 0) return;
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

/**
 * Excess with one more request. A clock that runs backwards counts as stopped; after a step back of a minute or more, time
 * restarts there.
 */
function excessAt({ excess, last }: Entry, rate: number, now: number, cost: number): number {
  // The first request of a key is within any rate.
  if (last === Number.NEGATIVE_INFINITY) return cost - 1000;
  let ms = now - last;
  if (ms < -MIN_RETENTION) ms = 1;
  else if (ms < 0) ms = 0;
  return Math.max(0, excess - Math.floor((rate * ms) / 1000) + cost);
}

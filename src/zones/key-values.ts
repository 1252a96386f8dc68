/** Contents of a `keyval_zone`: values by key, which a client of the API changes and every process has a copy of. */
import { Slab } from './slab.js';
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Bytes of an entry besides its key and value. */
const ENTRY = 80;

interface Entry {
  readonly value: string;
  /** ms on the backend's clock; Infinity: never. */
  readonly expires: number;
}

/** An entry, independent of the clock. Byte strings. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** ms until it expires; null: never. */
  readonly left: number | null;
}

/** A change of one key. */
export interface KeyChange {
  readonly key: string;
  /** Null: the key is removed. Undefined: the value is kept, and its time starts again. */
  readonly value?: string | null;
  /** ms until it expires; null: never. */
  readonly left: number | null;
}

/** Changes that were made in the zone, for the copies; `all`: earlier entries are dropped. */
export interface KeyValueNews {
  readonly all: boolean;
  readonly set: readonly KeyValue[];
  readonly removed: readonly string[];
}

/** `exists`, `missing`: the key prevented the changes; `memory`: the zone is full. In these cases nothing is changed. */
export type KeyChangeResult = 'done' | 'exists' | 'missing' | 'memory';

export interface KeyChangeAnswer {
  readonly result: KeyChangeResult | 'unanswered';
  /** The key that prevented the changes; empty for none. */
  readonly key: string;
}

export class KeyValues {
  private readonly entries = new Map<string, Entry>();
  readonly slab: Slab;
  private readonly users = new ZoneUsers<KeyValueNews>();
  /** The contents were read from the state file, or there is none. */
  private loaded = false;
  private changes = 0;
  /** Earliest time at which an entry expires. */
  private nextExpiry = Number.POSITIVE_INFINITY;

  constructor(size: number) {
    this.slab = new Slab(size);
  }

  get isLoaded(): boolean {
    return this.loaded;
  }

  /** Number of changes so far. */
  get version(): number {
    return this.changes;
  }

  watch(user: NotifiedUser, zone: number): void {
    this.users.add(user, zone);
  }

  unwatch(user: NotifiedUser, zone: number): void {
    this.users.delete(user, zone);
  }

  /** Entries that have not expired. */
  snapshot(now: number): KeyValue[] {
    this.expire(now);
    return [...this.entries].map(([key, { value, expires }]) => ({ key, value, left: timeLeft(expires, now) }));
  }

  /** Adds the contents of a state file, once, by the first process. Entries that do not fit are omitted. */
  load(values: readonly KeyValue[], now: number): void {
    if (this.loaded) return;
    this.loaded = true;
    this.restore(values, now);
  }

  /** Adds entries of another backend or a file. */
  restore(values: readonly KeyValue[], now: number): void {
    const set = values.filter(({ key, value, left }) => {
      if (this.entries.has(key) || (left !== null && left <= 0)) return false;
      return this.store(key, value, left, now);
    });
    this.changes++;
    this.users.notifyAll({ all: false, set, removed: [] });
  }

  /** Adds keys that do not exist, or changes those that do: all of them or none. */
  change(mode: 'add' | 'modify', changes: readonly KeyChange[], now: number): KeyChangeAnswer {
    this.expire(now);
    const blocked = changes.find(({ key }) => this.entries.has(key) === (mode === 'add'));
    if (blocked !== undefined) return { result: mode === 'add' ? 'exists' : 'missing', key: blocked.key };
    const before = changes.map(({ key }) => [key, this.entries.get(key)] as const);
    const set: KeyValue[] = [];
    const removed: string[] = [];
    for (const { key, value, left } of changes) {
      const current = this.entries.get(key);
      const next = value === undefined ? (current?.value ?? null) : value;
      this.remove(key);
      if (next === null) removed.push(key);
      else if (this.store(key, next, left, now)) set.push({ key, value: next, left });
      else {
        this.rollBack(before);
        return { result: 'memory', key };
      }
    }
    this.changes++;
    this.users.notifyAll({ all: false, set, removed });
    return { result: 'done', key: '' };
  }

  /** Removes all entries. */
  clear(): void {
    for (const key of [...this.entries.keys()]) this.remove(key);
    this.changes++;
    this.users.notifyAll({ all: true, set: [], removed: [] });
  }

  private rollBack(before: readonly (readonly [string, Entry | undefined])[]): void {
    for (const [key] of before) this.remove(key);
    for (const [key, entry] of before) {
      if (entry === undefined) continue;
      this.slab.take(bytesOf(key, entry.value));
      this.entries.set(key, entry);
      this.nextExpiry = Math.min(this.nextExpiry, entry.expires);
    }
  }

  private store(key: string, value: string, left: number | null, now: number): boolean {
    if (!this.slab.take(bytesOf(key, value))) return false;
    const expires = left === null ? Number.POSITIVE_INFINITY : now + left;
    this.entries.set(key, { value, expires });
    this.nextExpiry = Math.min(this.nextExpiry, expires);
    return true;
  }

  private remove(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.slab.give(bytesOf(key, entry.value));
  }

  /** Removes expired entries. The copies in other processes observe the same times. */
  private expire(now: number): void {
    if (this.nextExpiry > now) return;
    this.nextExpiry = Number.POSITIVE_INFINITY;
    for (const [key, { expires }] of [...this.entries]) {
      if (expires <= now) this.remove(key);
      else this.nextExpiry = Math.min(this.nextExpiry, expires);
    }
  }
}

function timeLeft(expires: number, now: number): number | null {
  return expires === Number.POSITIVE_INFINITY ? null : expires - now;
}

function bytesOf(key: string, value: string): number {
  return ENTRY + key.length + value.length;
}

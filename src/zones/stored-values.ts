/** Byte strings by key that expire (`ssl_session_cache shared:…`, `ssl_ocsp_cache`), with the capacity of nginx's zones. */
import { Slab } from './slab.js';

/** Bytes of an entry besides its key and value (`ngx_ssl_sess_id_t` on 64-bit systems, as far as it is used). */
const ENTRY = 80;
/** Tree and queue roots, and nginx's text for messages about the zone: its name and these bytes around it. */
const ROOTS = 80;
const LOG_TEXT = 35;
/** Longest value that is stored, bytes; nginx's limit of sessions. */
const MAX_VALUE = 4096;

interface Entry {
  readonly value: string;
  /** ms on the backend's clock. */
  readonly expires: number;
}

/** A stored value, independent of the clock. Byte strings. */
export interface ValueSnapshot {
  readonly key: string;
  readonly value: string;
  /** ms until it expires. */
  readonly left: number;
}

export class StoredValues {
  /** Values by key, in order of creation. */
  private readonly entries = new Map<string, Entry>();
  readonly slab: Slab;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(ROOTS);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Number of values. */
  get size(): number {
    return this.entries.size;
  }

  find(key: string, now: number): string | null {
    const entry = this.entries.get(key);
    if (entry === undefined) return null;
    if (entry.expires > now) return entry.value;
    this.remove(key, entry);
    return null;
  }

  /** Stores a value for `lifetime` ms; drops expired ones, and the oldest if there is no room. */
  add(key: string, value: string, lifetime: number, now: number): void {
    if (value.length > MAX_VALUE) return;
    const { entries, slab } = this;
    const before = entries.get(key);
    if (before !== undefined) this.remove(key, before);
    for (const [oldest, entry] of entries) {
      if (entry.expires > now) break;
      this.remove(oldest, entry);
    }
    const bytes = bytesOf(key, value);
    while (!slab.take(bytes)) {
      const [oldest] = entries;
      if (oldest === undefined) return;
      this.remove(...oldest);
    }
    entries.set(key, { value, expires: now + lifetime });
  }

  snapshot(now: number): ValueSnapshot[] {
    return [...this.entries].map(([key, { value, expires }]) => ({ key, value, left: expires - now }));
  }

  /** Adds the values of another backend. */
  restore(values: readonly ValueSnapshot[], now: number): void {
    for (const { key, value, left } of values) if (!this.entries.has(key)) this.add(key, value, left, now);
  }

  private remove(key: string, { value }: Entry): void {
    this.entries.delete(key);
    this.slab.give(bytesOf(key, value));
  }
}

function bytesOf(key: string, value: string): number {
  return ENTRY + key.length + value.length;
}

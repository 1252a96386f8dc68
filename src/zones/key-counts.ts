/** Number of concurrent requests by key: the contents of a `limit_conn` zone. */
import { Slab } from './slab.js';

/** Bytes of an entry without its key: nginx's tree node on 64-bit systems, as far as it is used, and the count. */
const ENTRY = 36;
/** Tree root, and nginx's text for messages about the zone: its name and these bytes around it. */
const TREE = 64;
const LOG_TEXT = 23;

export class KeyCounts {
  private readonly counts = new Map<string, number>();
  readonly slab: Slab;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(TREE);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Number of keys with concurrent requests. */
  get entries(): number {
    return this.counts.size;
  }

  /** Concurrent requests of a key. */
  count(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  /** Increments a count, unless it has reached `max` or there is no room for another key: entries in use cannot be evicted. */
  take(key: string, max: number): 'taken' | 'limit' | 'memory' {
    const count = this.counts.get(key);
    if (count === undefined) {
      if (!this.slab.take(ENTRY + key.length)) return 'memory';
      this.counts.set(key, 1);
      return 'taken';
    }
    if (count >= max) return 'limit';
    this.counts.set(key, count + 1);
    return 'taken';
  }

  /** Decrements a count. */
  give(key: string): void {
    const count = this.counts.get(key);
    if (count === undefined) return;
    if (count > 1) {
      this.counts.set(key, count - 1);
      return;
    }
    this.counts.delete(key);
    this.slab.give(ENTRY + key.length);
  }
}

/** How many requests are under way for each key: what `limit_conn` counts. */
import { Slab } from './slab.js';

/** Bytes of an entry without its key: nginx's tree node on 64-bit systems, as far as it is used, and the count. */
const ENTRY = 36;
/** The root of the tree, and nginx's text for messages about the zone: its name, and these bytes around it. */
const TREE = 64;
const LOG_TEXT = 23;

export class ConnectionCounts {
  private readonly counts = new Map<string, number>();
  private readonly slab: Slab;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(TREE);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Keys for which something is under way. */
  get entries(): number {
    return this.counts.size;
  }

  /** What is under way for a key. */
  count(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  /** Counts one more, unless there are `max`, or no room for another key: nothing that is under way can be forgotten. */
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

  /** Counts one less. */
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

/** Entries by the time of their expiry: the earliest is found without a search. */

export interface Expiring {
  /** ms on the backend's clock. */
  readonly expires: number;
  /** Whether the entry was removed or replaced. */
  removed: boolean;
}

/** Below this number of entries the heap is never rebuilt. */
const MIN_REBUILD = 64;

/** A binary heap from which removed entries disappear when they are the earliest, or when they are the majority. */
export class ExpiryHeap<E extends Expiring> {
  private entries: E[] = [];
  private removedCount = 0;

  add(entry: E): void {
    const { entries } = this;
    entries.push(entry);
    for (let at = entries.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.swapIfEarlier(at, parent)) break;
      at = parent;
    }
  }

  remove(entry: E): void {
    entry.removed = true;
    this.removedCount++;
    if (this.entries.length < MIN_REBUILD || this.removedCount * 2 < this.entries.length) return;
    const left = this.entries.filter(({ removed }) => !removed);
    this.clear();
    // Sorted entries are a heap.
    this.entries = left.sort((a, b) => a.expires - b.expires);
  }

  /** The entry that expires first; undefined for none. */
  get first(): E | undefined {
    for (let first = this.entries[0]; first?.removed === true; first = this.entries[0]) {
      this.removedCount--;
      this.dropFirst();
    }
    return this.entries[0];
  }

  clear(): void {
    this.entries = [];
    this.removedCount = 0;
  }

  private dropFirst(): void {
    const { entries } = this;
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return;
    entries[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.expiresAt(right) < this.expiresAt(left) ? right : left;
      if (child >= entries.length || !this.swapIfEarlier(child, at)) return;
      at = child;
    }
  }

  private expiresAt(at: number): number {
    return this.entries[at]?.expires ?? Number.POSITIVE_INFINITY;
  }

  /** Exchanges a child with its parent if it expires earlier. */
  private swapIfEarlier(child: number, parent: number): boolean {
    const [a, b] = [this.entries[child], this.entries[parent]];
    if (a === undefined || b === undefined || a.expires >= b.expires) return false;
    this.entries[child] = b;
    this.entries[parent] = a;
    return true;
  }
}

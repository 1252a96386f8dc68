/**
 * The open streams of a connection by identifier. It is not a `Map`, because of garbage collection: each time a `Map` reorganizes its
 * table, the old table refers to the new one and still contains its entries. Once an old table is in the old generation, it retains
 * all later streams until the next full collection (measured: two thirds of the time of all collections).
 */

/** A stream in a table. */
export interface TableEntry<T> {
  /** Not 0, odd, and unchanged while the stream is in a table. */
  readonly number: number;
  /** Maintained by the table. */
  nextInTable: T | null;
}

const MIN_SLOTS = 16;

export class StreamTable<T extends TableEntry<T>> {
  /** Number of streams. */
  size = 0;
  /** Chains of streams; the number of slots is a power of two. */
  private slots: (T | null)[] = [];

  get(number: number): T | undefined {
    const { slots } = this;
    if (slots.length === 0) return undefined;
    let entry = slots[(number >>> 1) & (slots.length - 1)] as T | null;
    while (entry !== null && entry.number !== number) entry = entry.nextInTable;
    return entry ?? undefined;
  }

  /** Adds a stream that is in no table. */
  add(entry: T): void {
    if (this.size === this.slots.length) this.grow();
    this.size++;
    this.place(entry);
  }

  private place(entry: T): void {
    const { slots } = this;
    const slot = (entry.number >>> 1) & (slots.length - 1);
    entry.nextInTable = slots[slot] as T | null;
    slots[slot] = entry;
  }

  private grow(): void {
    const entries = this.all();
    this.slots = new Array<T | null>(Math.max(MIN_SLOTS, this.slots.length * 2)).fill(null);
    for (const entry of entries) this.place(entry);
  }

  /** Removes a stream; returns whether it was in the table. */
  delete(entry: T): boolean {
    const { slots } = this;
    if (slots.length === 0) return false;
    const slot = (entry.number >>> 1) & (slots.length - 1);
    let previous: T | null = null;
    for (let each = slots[slot] as T | null; each !== null; each = each.nextInTable) {
      if (each !== entry) {
        previous = each;
        continue;
      }
      if (previous === null) slots[slot] = entry.nextInTable;
      else previous.nextInTable = entry.nextInTable;
      entry.nextInTable = null;
      this.size--;
      return true;
    }
    return false;
  }

  /** Removes all streams. */
  clear(): void {
    for (const entry of this.all()) this.delete(entry);
  }

  /** The streams in the order of their identifiers. */
  all(): T[] {
    const entries: T[] = [];
    for (const first of this.slots) {
      for (let entry: T | null = first; entry !== null; entry = entry.nextInTable) entries.push(entry);
    }
    return entries.sort((a, b) => a.number - b.number);
  }
}

/** The dynamic table (RFC 7541 2.3.2): a ring of entries, which takes no memory until the first one is added. */

/** Bytes that an entry counts beside its name and value (RFC 7541 4.1). */
export const ENTRY_OVERHEAD = 32;
const MIN_CAPACITY = 16;

export class DynamicTable {
  /** Number of entries. */
  count = 0;
  /** Bytes that the entries count. */
  size = 0;
  /** Number of entries ever added: entry `n` (from 0) has index `added - n` while it is in the table. */
  added = 0;
  private names: string[] = [];
  private values: string[] = [];
  private numbers: number[] = [];

  /** `max`: maximum size. */
  constructor(public max: number) {}

  /** Name of the entry with index `index`: 1 is the newest, `count` the oldest. */
  name(index: number): string {
    return this.names[this.slot(index)] as string;
  }
  value(index: number): string {
    return this.values[this.slot(index)] as string;
  }
  /** Number of the name (`Field`). */
  number(index: number): number {
    return this.numbers[this.slot(index)] as number;
  }

  private slot(index: number): number {
    return (this.added - index) & (this.names.length - 1);
  }

  /** Adds an entry, for which others are evicted; one larger than the table only empties it. Returns whether it was added. */
  add(name: string, value: string, number: number): boolean {
    const bytes = name.length + value.length + ENTRY_OVERHEAD;
    while (this.count > 0 && this.size + bytes > this.max) this.evict();
    if (bytes > this.max) return false;
    if (this.count === this.names.length) this.grow();
    const slot = this.added & (this.names.length - 1);
    this.names[slot] = name;
    this.values[slot] = value;
    this.numbers[slot] = number;
    this.added++;
    this.count++;
    this.size += bytes;
    return true;
  }

  private evict(): void {
    const slot = this.slot(this.count);
    this.size -= (this.names[slot] as string).length + (this.values[slot] as string).length + ENTRY_OVERHEAD;
    this.names[slot] = '';
    this.values[slot] = '';
    this.count--;
  }

  private grow(): void {
    const capacity = Math.max(MIN_CAPACITY, this.names.length * 2);
    const names = new Array<string>(capacity).fill('');
    const values = new Array<string>(capacity).fill('');
    const numbers = new Array<number>(capacity).fill(0);
    for (let index = 1; index <= this.count; index++) {
      const slot = (this.added - index) & (capacity - 1);
      names[slot] = this.name(index);
      values[slot] = this.value(index);
      numbers[slot] = this.number(index);
    }
    this.names = names;
    this.values = values;
    this.numbers = numbers;
  }

  /** Changes the maximum size, for which entries are evicted. */
  resize(max: number): void {
    this.max = max;
    while (this.size > max) this.evict();
  }
}

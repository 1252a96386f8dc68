/** Rows in the order of their arrival: bounded by number and bytes, the oldest are removed first. */

export interface Numbered {
  /** Position in the order of arrival; set by the log. */
  seq: number;
}

export interface RowLogLimits<T> {
  readonly rows: number;
  readonly bytes: number;
  /** Bytes that a row retains, approximately. */
  readonly sizeOf: (row: T) => number;
}

export class RowLog<T extends Numbered> {
  private rows: T[] = [];
  private start = 0;
  private bytes = 0;
  /** Number of the oldest row that is retained. */
  firstSeq = 0;
  nextSeq = 0;
  /** Changes when rows were removed that are not the oldest. */
  epoch = 0;
  /** While true, no rows are removed; new rows that do not fit are counted instead of being added. */
  frozen = false;
  /** Rows that were not added while the log was frozen. */
  refused = 0;

  constructor(private readonly limits: RowLogLimits<T>) {}

  get length(): number {
    return this.nextSeq - this.firstSeq;
  }

  /** Adds a row; false if it does not fit into a frozen log. */
  push(row: T): boolean {
    const size = this.limits.sizeOf(row);
    const { rows, bytes } = this.limits;
    if (this.length >= rows || this.bytes + size > bytes) {
      if (this.frozen) {
        this.refused++;
        return false;
      }
      // Several at once, so that arrays are rarely shifted.
      this.remove(Math.max(1, Math.floor(rows / 20)));
      while (this.length > 0 && this.bytes + size > bytes) this.remove(Math.max(1, Math.floor(this.length / 20)));
    }
    row.seq = this.nextSeq++;
    this.rows.push(row);
    this.bytes += size;
    return true;
  }

  private remove(number: number): void {
    const count = Math.min(number, this.length);
    for (let i = 0; i < count; i++) {
      const row = this.rows[this.start + i];
      if (row !== undefined) this.bytes -= this.limits.sizeOf(row);
    }
    this.start += count;
    this.firstSeq += count;
    if (this.start > this.rows.length / 2) {
      this.rows = this.rows.slice(this.start);
      this.start = 0;
    }
  }

  /** Removes all other rows. Those that remain get new numbers. */
  retain(wanted: (row: T) => boolean): void {
    const rows = [...this].filter(wanted);
    this.clear();
    for (const row of rows) this.push(row);
  }

  at(seq: number): T | undefined {
    return seq < this.firstSeq ? undefined : this.rows[this.start + seq - this.firstSeq];
  }

  clear(): void {
    this.rows = [];
    this.start = 0;
    this.bytes = 0;
    this.refused = 0;
    this.firstSeq = this.nextSeq;
    this.epoch++;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.start; i < this.rows.length; i++) {
      const row = this.rows[i];
      if (row !== undefined) yield row;
    }
  }
}

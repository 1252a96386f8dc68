/** Rows of a log that a filter selects. Evaluated in slices, so that a long log does not block the page. */
import type { Numbered, RowLog } from './row-log.js';

/** Maximum time for which one call evaluates rows, ms. */
const SLICE = 8;

export class FilteredView<T extends Numbered> {
  private rows: T[] = [];
  private start = 0;
  private scanned: number;
  private epoch: number;
  /** Number of rows that were removed at the beginning since the view exists: positions plus this number never change. */
  removed = 0;
  /** Changes whenever rows change, except by additions and by removals at the beginning. */
  version = 0;

  constructor(
    private readonly log: RowLog<T>,
    private matches: ((row: T) => boolean) | null,
  ) {
    this.scanned = log.firstSeq;
    this.epoch = log.epoch;
  }

  get length(): number {
    return this.rows.length - this.start;
  }

  at(index: number): T | undefined {
    return this.rows[this.start + index];
  }

  /** Position of a row, or of the next one that is shown. */
  indexOf(seq: number): number {
    let low = this.start;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low - this.start;
  }

  setFilter(matches: ((row: T) => boolean) | null): void {
    this.matches = matches;
    this.reset();
  }

  private reset(): void {
    this.rows = [];
    this.start = 0;
    this.removed = 0;
    this.scanned = this.log.firstSeq;
    this.epoch = this.log.epoch;
    this.version++;
  }

  /** Includes new rows, except those from `end` on; true if more remain to be evaluated. */
  update(end = this.log.nextSeq): boolean {
    const { log } = this;
    if (log.epoch !== this.epoch) this.reset();
    while (this.start < this.rows.length && (this.rows[this.start]?.seq ?? 0) < log.firstSeq) {
      this.start++;
      this.removed++;
    }
    if (this.start > 1024 && this.start > this.rows.length / 2) {
      this.rows = this.rows.slice(this.start);
      this.start = 0;
    }
    if (this.scanned < log.firstSeq) this.scanned = log.firstSeq;
    const deadline = performance.now() + SLICE;
    while (this.scanned < end) {
      const row = log.at(this.scanned++);
      if (row !== undefined && (this.matches === null || this.matches(row))) this.rows.push(row);
      if ((this.scanned & 255) === 0 && performance.now() > deadline) return this.scanned < end;
    }
    return false;
  }

  /** Evaluates a row again that has changed. */
  reconsider(row: T): void {
    if (this.matches === null || row.seq >= this.scanned || row.seq < this.log.firstSeq) return;
    const index = this.start + this.indexOf(row.seq);
    const shown = this.rows[index] === row;
    const wanted = this.matches(row);
    if (shown === wanted) return;
    this.rows.splice(index, shown ? 1 : 0, ...(wanted ? [row] : []));
    this.version++;
  }
}

/** Failed writes of a log: requests continue, and the error log gets a line at intervals. */

import { countDropped } from './dropped-writes.js';

/** Interval between lines of the same kind about the same log, ms. */
const INTERVAL = 60_000;

export class WriteFailures {
  /** Dropped writes (of a line or a buffer) not yet reported. */
  private unreported = 0;
  private failureLoggedAt = Number.NEGATIVE_INFINITY;
  private lossLoggedAt = Number.NEGATIVE_INFINITY;
  /** The second since 1970 in which the disk was full. */
  private diskFullSecond = -1;

  /** `log`: its path or description, a byte string. */
  constructor(private readonly log: string) {}

  /** Number of dropped writes that are not yet reported. */
  get lost(): number {
    return this.unreported;
  }

  /** Counts dropped writes. */
  drop(count = 1): void {
    if (count === 0) return;
    this.unreported += count;
    countDropped(this.log, count);
  }

  /**
   * Whether the disk is known to be full: for the rest of the second writes are dropped and counted without an attempt.
   */
  skips(): boolean {
    if (this.diskFullSecond < 0 || this.diskFullSecond !== Math.floor(Date.now() / 1000)) return false;
    this.drop();
    return true;
  }

  /** Counts a dropped write; returns true if its failure is to be logged. */
  note(error: unknown): boolean {
    this.drop();
    const now = Date.now();
    if ((error as NodeJS.ErrnoException | null)?.code === 'ENOSPC') this.diskFullSecond = Math.floor(now / 1000);
    if (now - this.failureLoggedAt < INTERVAL) return false;
    this.failureLoggedAt = now;
    return true;
  }

  /** Called after a successful write; returns a message with the number of writes dropped before, or null. */
  report(log: string): string | null {
    if (this.unreported === 0) return null;
    const now = Date.now();
    if (now - this.lossLoggedAt < INTERVAL) return null;
    this.lossLoggedAt = now;
    const { unreported: lost } = this;
    this.unreported = 0;
    return `${lost} ${lost === 1 ? 'write to' : 'writes to'} ${log} failed and ${lost === 1 ? 'was' : 'were'} dropped`;
  }
}

/** Bookkeeping for a log that cannot be written: traffic continues, and the error log has a line now and then. */

/** ms between two lines of the same kind about the same log. */
const INTERVAL = 60_000;

export class WriteFailures {
  /** Writes (of a line, or of a buffer) dropped that no `report` has named yet. */
  lost = 0;
  private failureLoggedAt = Number.NEGATIVE_INFINITY;
  private lossLoggedAt = Number.NEGATIVE_INFINITY;
  /** The second since 1970 in which the disk was full. */
  private fullIn = -1;

  /** True while the disk is known to be full: for the rest of the second the write is dropped, and counted, without a try. */
  skips(): boolean {
    if (this.fullIn < 0 || this.fullIn !== Math.floor(Date.now() / 1000)) return false;
    this.lost++;
    return true;
  }

  /** Counts a dropped write; true where its failure is to be logged. */
  note(error: unknown): boolean {
    this.lost++;
    const now = Date.now();
    if ((error as NodeJS.ErrnoException | null)?.code === 'ENOSPC') this.fullIn = Math.floor(now / 1000);
    if (now - this.failureLoggedAt < INTERVAL) return false;
    this.failureLoggedAt = now;
    return true;
  }

  /** After a write succeeded: a sentence with the number of those dropped before, null where there is nothing to log. */
  report(log: string): string | null {
    if (this.lost === 0) return null;
    const now = Date.now();
    if (now - this.lossLoggedAt < INTERVAL) return null;
    this.lossLoggedAt = now;
    const { lost } = this;
    this.lost = 0;
    return `${lost} ${lost === 1 ? 'write to' : 'writes to'} ${log} failed and ${lost === 1 ? 'was' : 'were'} dropped`;
  }
}

/** What is done about a log that cannot be written: traffic goes on, and it is said now and then. */

/** ms between two complaints about the same log. */
const INTERVAL = 60_000;

export class WriteFailures {
  private complainedAt = Number.NEGATIVE_INFINITY;
  /** The second since 1970 in which the disk was found full. */
  private fullIn = -1;

  /** The disk is full; it is left alone for the rest of the second. */
  get resting(): boolean {
    return this.fullIn >= 0 && this.fullIn === Math.floor(Date.now() / 1000);
  }

  /** Notes a failure; true where it is to be said. */
  note(error: unknown): boolean {
    const now = Date.now();
    if ((error as NodeJS.ErrnoException | null)?.code === 'ENOSPC') this.fullIn = Math.floor(now / 1000);
    if (now - this.complainedAt < INTERVAL) return false;
    this.complainedAt = now;
    return true;
  }
}

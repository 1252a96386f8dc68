/** The streams of a connection that have ended last: their late frames are no error, or another one than those of idle streams. */

/** Number of streams that are remembered. */
const MAX_RECENT = 64;

export class RecentStreams {
  /** A ring; negative numbers are those of streams that were reset by this side, 0 is none. */
  private ring: Int32Array | null = null;
  private next = 0;
  /** Number of streams in the ring that were reset. */
  private resets = 0;

  /** A stream was reset by this side. */
  addReset(number: number): void {
    if (this.hasReset(number)) return;
    this.add(-number);
    this.resets++;
  }

  /** A stream has ended; one that was reset before stays known as such. */
  addEnded(number: number): void {
    if (!this.hasReset(number)) this.add(number);
  }

  private add(entry: number): void {
    const ring = (this.ring ??= new Int32Array(MAX_RECENT));
    if ((ring[this.next] as number) < 0) this.resets--;
    ring[this.next] = entry;
    this.next = (this.next + 1) % MAX_RECENT;
  }

  hasReset(number: number): boolean {
    return this.resets > 0 && this.ring?.includes(-number) === true;
  }

  hasEnded(number: number): boolean {
    return this.ring?.includes(number) === true;
  }
}

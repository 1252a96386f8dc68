/** The streams of a connection that ended most recently: their late frames are not treated as frames of idle streams. */

/** Number of streams that are remembered. */
const MAX_RECENT = 64;

export class RecentStreams {
  /** Ring buffer of stream identifiers: negative if the stream was reset by this side, 0 in free places. */
  private ring: Int32Array | null = null;
  private next = 0;
  /** Number of reset streams in the ring. */
  private resets = 0;

  /** Adds a stream that was reset by this side. */
  addReset(number: number): void {
    if (this.hasReset(number)) return;
    this.add(-number);
    this.resets++;
  }

  /** Adds a stream that has ended, unless it is known as reset. */
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

/** Bytes that a pipe had no room for, until its reader makes some. */

/** Bytes kept at most. */
const QUEUE_MAX = 256 * 1024;
/** ms between two attempts to write. */
const RETRY_DELAY = 20;

export class PipeQueue {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    /** Writes the bytes from an offset on; gives how many were taken, throws the system's error. */
    private readonly write: (bytes: Buffer, at: number) => number,
    /** Called with the number of writes that were dropped. */
    private readonly dropped: (count: number) => void,
  ) {}

  get empty(): boolean {
    return this.pieces.length === 0;
  }

  /** Appends the rest of a write; false where there is no room for it. A write that has begun is always completed. */
  add(bytes: Buffer, begun: boolean): boolean {
    if (!begun && this.bytes + bytes.length > QUEUE_MAX) return false;
    this.pieces.push(bytes);
    this.bytes += bytes.length;
    // A process that has ended otherwise does not wait for the reader of its log.
    this.timer ??= setTimeout(() => this.retry(), RETRY_DELAY).unref();
    return true;
  }

  /** Writes what there is room for now. */
  flush(): void {
    let written = 0;
    try {
      for (const piece of this.pieces) {
        let at = 0;
        while (at < piece.length) {
          const n = this.write(piece, at);
          at += n;
          this.bytes -= n;
          if (at < piece.length) this.pieces[written] = piece.subarray(at);
        }
        written++;
      }
      this.pieces.length = 0;
    } catch (error) {
      this.pieces.splice(0, written);
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.drop();
    }
  }

  /** Writes what there is room for, and drops the rest. */
  close(): void {
    this.flush();
    this.drop();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private retry(): void {
    this.timer = null;
    this.flush();
    if (!this.empty) this.timer = setTimeout(() => this.retry(), RETRY_DELAY).unref();
  }

  private drop(): void {
    const count = this.pieces.length;
    this.pieces.length = 0;
    this.bytes = 0;
    if (count > 0) this.dropped(count);
  }
}

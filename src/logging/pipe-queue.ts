/** Queue of bytes for a full pipe, until its reader makes space. */

/** Maximum number of bytes queued. */
const MAX_QUEUED = 256 * 1024;
/** Interval between write attempts, ms. */
const RETRY_DELAY = 20;

export class PipeQueue {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    /** Writes the bytes from an offset; returns the number of bytes written, throws the system's error. */
    private readonly write: (bytes: Buffer, at: number) => number,
    /** Called with the number of dropped writes. */
    private readonly dropped: (count: number) => void,
  ) {}

  get empty(): boolean {
    return this.pieces.length === 0;
  }

  /** Appends the rest of a write; returns false if there is no space. A write that has begun is always completed. */
  add(bytes: Buffer, begun: boolean): boolean {
    if (!begun && this.bytes + bytes.length > MAX_QUEUED) return false;
    this.pieces.push(bytes);
    this.bytes += bytes.length;
    // A process that has nothing else to do must not wait for the reader of its log.
    this.timer ??= setTimeout(() => this.retry(), RETRY_DELAY).unref();
    return true;
  }

  /** Writes as much as possible now. */
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

  /** Writes as much as possible, and drops the rest. */
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

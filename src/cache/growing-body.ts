/** Sends the body of an entry while another request writes it (`proxy_cache_lock on stream`). */
import { closeSync, readSync } from 'node:fs';
import type { Level } from '../config/log-level.js';
import { errnoText } from '../diagnostics/errno.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import type { Producer } from '../program/body.js';
import type { Exchange } from '../program/exchange.js';
import type { FillProgress } from './fill-progress.js';

/** Bytes read at once. The file was just written: it is in the page cache. */
const BUFFER_SIZE = 65_536;
/** Reads per turn of the event loop, so that a fast client does not delay the others. */
const READS_PER_TURN = 4;

/** Read buffer of all bodies: chunks are borrowed, so it is free again when `writeBytes` returns. */
let sharedBuffer: Buffer | null = null;
/** Bytes of another file, to compare them with those in `sharedBuffer`. */
let comparedBuffer: Buffer | null = null;

/** The file that is read, and where its body begins. */
export interface GrowingFile {
  readonly fd: number;
  readonly bodyStart: number;
}

/** The exchange that receives the body. */
export type GrowingTarget = Pick<Exchange, 'producer' | 'writeBytes' | 'flush' | 'end' | 'abort'>;

export interface GrowingOptions {
  /** ms without progress after which the response is truncated. */
  readonly stall: number;
  readonly log: (level: Level, message: string) => void;
  /** The writing has failed. Returns whether `replace` or `truncate` is called later; otherwise the response is truncated. */
  readonly onFailure: () => boolean;
  /** No file is read any more, and their descriptors are closed. */
  readonly onEnd: () => void;
}

/**
 * Source of the body for an exchange whose head was sent. The client gets bytes as soon as they are in the file. If the
 * writing fails, the file of another request may replace this one; its first bytes must be those that were sent.
 */
export class GrowingBody implements Producer, Timed {
  readonly activity = 'reading upstream';
  deadline = 0;
  deadlineIndex = -1;
  private file: GrowingFile;
  private progress: FillProgress;
  private sent = 0;
  /** The file whose writing has failed, until its bytes are compared with those of its replacement. */
  private failedFile: GrowingFile | null = null;
  private compared = 0;
  /** Everything in the file was sent, or the file is to be replaced. */
  private waiting = false;
  /** The client is slow. */
  private paused = false;
  /** Continues with the next turn. */
  private scheduled = false;
  private over = false;
  private stopListening: () => void;

  constructor(
    private readonly x: GrowingTarget,
    file: GrowingFile,
    progress: FillProgress,
    private readonly options: GrowingOptions,
  ) {
    this.file = file;
    this.progress = progress;
    this.stopListening = progress.listen(() => this.changed());
    x.producer = this;
    watch(this);
  }

  /** Sends everything that is in the file. */
  resume(): void {
    this.paused = false;
    if (this.over || (this.waiting && this.isAtEnd)) return;
    this.waiting = false;
    this.deadline = 0;
    for (let reads = 0; !this.over; reads++) {
      if (this.isAtEnd) {
        this.reachedEnd();
        return;
      }
      if (reads === READS_PER_TURN) {
        this.continueLater();
        return;
      }
      if (this.failedFile !== null) {
        if (!this.compare(this.failedFile)) return;
      } else if (!this.send()) return;
    }
  }

  /** Continues with another file, of which the response was begun anew. */
  replace(file: GrowingFile, progress: FillProgress): void {
    if (this.over) {
      closeSync(file.fd);
      return;
    }
    if (this.failedFile === null) this.failedFile = this.file;
    else closeSync(this.file.fd);
    this.file = file;
    this.progress = progress;
    this.compared = 0;
    this.stopListening = progress.listen(() => this.changed());
    this.waiting = false;
    if (!this.paused) this.resume();
  }

  /** Ends an incomplete response. */
  truncate(level: Level, message: string): void {
    if (this.over) return;
    const { x } = this;
    this.finish();
    this.options.log(level, message);
    x.producer = null;
    x.flush();
    x.abort();
  }

  abort(): void {
    this.finish();
  }

  /** The writer has not reported anything for too long. */
  timedOut(): void {
    this.truncate('error', 'cache entry that is being written made no progress for too long');
  }

  /** Everything that is in the file was sent, or compared. */
  private get isAtEnd(): boolean {
    return (this.failedFile === null ? this.sent : this.compared) >= this.progress.length;
  }

  private continueLater(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.paused && !this.over) this.resume();
    });
  }

  private changed(): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.resume();
  }

  private reachedEnd(): void {
    const { ended } = this.progress;
    this.waiting = true;
    this.deadline = now() + this.options.stall;
    if (ended === null) return;
    if (ended === 'failed' || ended === 'passed') {
      this.stopListening();
      if (!this.options.onFailure()) this.truncate('error', 'writing of the cache entry failed while it was sent');
    } else if (this.failedFile !== null && this.compared < this.sent) this.differs();
    else {
      this.finish();
      this.x.end();
    }
  }

  /** Returns whether to continue. */
  private send(): boolean {
    sharedBuffer ??= Buffer.allocUnsafeSlow(BUFFER_SIZE);
    const length = Math.min(this.progress.length - this.sent, BUFFER_SIZE);
    const count = this.read(this.file, sharedBuffer, this.sent, length);
    if (count === 0) return false;
    this.sent += count;
    if (this.x.writeBytes(sharedBuffer, 0, count)) return true;
    this.paused = true;
    return false;
  }

  /** Compares bytes that were sent with those of the replacement. Returns whether to continue. */
  private compare(failed: GrowingFile): boolean {
    sharedBuffer ??= Buffer.allocUnsafeSlow(BUFFER_SIZE);
    comparedBuffer ??= Buffer.allocUnsafeSlow(BUFFER_SIZE);
    const length = Math.min(this.progress.length, this.sent, this.compared + BUFFER_SIZE) - this.compared;
    const count = length <= 0 ? 0 : this.read(this.file, sharedBuffer, this.compared, length);
    if (length > 0 && count === 0) return false;
    if (count > 0) {
      const before = this.read(failed, comparedBuffer, this.compared, count);
      if (before === 0) return false;
      if (sharedBuffer.compare(comparedBuffer, 0, before, 0, before) !== 0) {
        this.differs();
        return false;
      }
      this.compared += before;
    }
    if (this.compared < this.sent) return true;
    this.failedFile = null;
    closeSync(failed.fd);
    return true;
  }

  private differs(): void {
    this.truncate('error', 'response that was requested again differs from the part that was sent');
  }

  /** Returns 0 after a failure. */
  private read({ fd, bodyStart }: GrowingFile, buffer: Buffer, from: number, length: number): number {
    try {
      const count = readSync(fd, buffer, 0, length, bodyStart + from);
      if (count === 0) this.truncate('alert', 'cache file was truncated while it was sent');
      return count;
    } catch (error) {
      this.truncate('crit', `read() of a cache file failed (${errnoText(error)})`);
      return 0;
    }
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.deadline = 0;
    unwatch(this);
    this.stopListening();
    closeSync(this.file.fd);
    if (this.failedFile !== null) closeSync(this.failedFile.fd);
    this.options.onEnd();
  }
}

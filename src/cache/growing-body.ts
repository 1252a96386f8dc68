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
  /** The file is no longer read, and its descriptor is closed. */
  readonly onEnd: () => void;
}

/**
 * Source of the body for an exchange whose head was sent. The client gets bytes as soon as they are in the file. If the
 * writing fails or makes no progress for a time, the response ends as a truncated one.
 */
export class GrowingBody implements Producer, Timed {
  readonly activity = 'reading upstream';
  deadline = 0;
  deadlineIndex = -1;
  private sent = 0;
  /** Everything in the file was sent. */
  private waiting = false;
  /** The client is slow. */
  private paused = false;
  /** Continues with the next turn. */
  private scheduled = false;
  private over = false;
  private readonly stopListening: () => void;

  constructor(
    private readonly x: GrowingTarget,
    private readonly file: GrowingFile,
    private readonly progress: FillProgress,
    private readonly options: GrowingOptions,
  ) {
    x.producer = this;
    this.stopListening = progress.listen(() => this.changed());
    watch(this);
  }

  /** Sends everything that is in the file. */
  resume(): void {
    this.paused = false;
    this.waiting = false;
    this.deadline = 0;
    sharedBuffer ??= Buffer.allocUnsafeSlow(BUFFER_SIZE);
    for (let reads = 0; !this.over; reads++) {
      const left = this.progress.length - this.sent;
      if (left <= 0) {
        this.reachedEnd();
        return;
      }
      if (reads === READS_PER_TURN) {
        this.continueLater();
        return;
      }
      const count = this.read(sharedBuffer, Math.min(left, BUFFER_SIZE));
      if (count === 0) return;
      this.sent += count;
      if (!this.x.writeBytes(sharedBuffer, 0, count)) {
        this.paused = true;
        return;
      }
    }
  }

  abort(): void {
    this.finish();
  }

  /** The writer has not reported anything for too long. */
  timedOut(): void {
    this.truncate('error', 'cache entry that is being written made no progress for too long');
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
    if (this.waiting) this.resume();
  }

  private reachedEnd(): void {
    const { ended } = this.progress;
    if (ended === 'filled') {
      this.finish();
      this.x.end();
    } else if (ended !== null) this.truncate('error', 'writing of the cache entry failed while it was sent');
    else {
      this.waiting = true;
      this.deadline = now() + this.options.stall;
    }
  }

  /** Returns 0 after a failure. */
  private read(buffer: Buffer, length: number): number {
    const { fd, bodyStart } = this.file;
    try {
      const count = readSync(fd, buffer, 0, length, bodyStart + this.sent);
      if (count === 0) this.truncate('alert', 'cache file was truncated while it was sent');
      return count;
    } catch (error) {
      this.truncate('crit', `read() of a cache file failed (${errnoText(error)})`);
      return 0;
    }
  }

  private truncate(level: Level, message: string): void {
    if (this.over) return;
    const { x } = this;
    this.finish();
    this.options.log(level, message);
    x.producer = null;
    x.flush();
    x.abort();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.deadline = 0;
    unwatch(this);
    this.stopListening();
    closeSync(this.file.fd);
    this.options.onEnd();
  }
}

/**
 * Feeds a reader with at most so much work per turn of the event loop, and so many control frames per millisecond, so that a
 * peer that sends nothing else, or one request after another, does not delay other connections. The rest of a chunk is kept
 * and reading paused meanwhile: at most one chunk is kept.
 */
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport } from '../net/transport.js';
import type { FrameReader } from './frame-reader.js';

/** Work per turn, in frames (`FrameReader.budget`). HTTP/1 handles as many pipelined requests per turn. */
const BUDGET = 512;
/** Work of a request in relation to a frame. */
export const REQUEST_COST = 16;
/** Control frames per interval (`FrameReader.controlBudget`): more than a download of 1 GB/s needs WINDOW_UPDATE. */
const CONTROL_BUDGET = 512;
/** ms. */
const INTERVAL = 4;
/** Work of a request that the client resets, in control frames: 500 such requests per second and connection. */
export const RESET_COST = 256;

/** Owner of the input: the connection. */
export interface PacedInputOwner {
  /** Frames were read. */
  inputRead(): void;
}

export class PacedInput {
  /** Bytes that wait. */
  private queue: ByteQueue | null = null;
  /** Start of the interval of `CONTROL_BUDGET`, ms. */
  private intervalStart = 0;

  constructor(
    private readonly reader: FrameReader,
    private readonly transport: Transport,
    private readonly owner: PacedInputOwner,
  ) {}

  /** Whether received bytes have not been read. */
  get unread(): boolean {
    return this.queue !== null;
  }

  /** Receives bytes 0 to `length`, borrowed. */
  receive(bytes: Buffer, length: number): void {
    const { reader } = this;
    let used = 0;
    if (this.queue === null) {
      this.renewBudgets();
      used = reader.feed(bytes, 0, length);
    }
    if (used < length && !reader.stopped) this.keep(bytes, used, length);
    this.owner.inputRead();
  }

  private renewBudgets(): void {
    const { reader } = this;
    reader.budget = BUDGET;
    const time = performance.now();
    if (time - this.intervalStart < INTERVAL) return;
    this.intervalStart = time;
    reader.controlBudget = CONTROL_BUDGET;
  }

  private keep(bytes: Buffer, from: number, to: number): void {
    if (this.queue === null) {
      this.queue = new ByteQueue();
      this.transport.pause();
      this.resumeLater();
    }
    this.queue.push(bytes, from, to);
  }

  /** Goes on in the next turn, or in the next interval. */
  private resumeLater(): void {
    if (this.reader.controlBudget > 0) setImmediate(() => this.resume());
    else setTimeout(() => this.resume(), INTERVAL);
  }

  private resume(): void {
    const { queue, reader } = this;
    if (queue === null) return;
    this.renewBudgets();
    while (queue.length > 0 && reader.budget > 0 && reader.controlBudget > 0 && !reader.stopped) {
      const bytes = queue.first();
      const used = reader.feed(bytes, 0, bytes.length);
      if (!reader.stopped) queue.drop(used);
    }
    if (reader.stopped) this.drop();
    else if (queue.length === 0) this.queue = null;
    else this.resumeLater();
    this.owner.inputRead();
    if (this.queue === null) this.transport.resume();
  }

  /** Drops unread bytes. */
  drop(): void {
    this.queue?.clear();
    this.queue = null;
  }
}

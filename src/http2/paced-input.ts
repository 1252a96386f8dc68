/**
 * Feeds a reader with at most so much work per turn of the event loop, so that a peer that sends nothing but control frames,
 * or one request after another, does not delay other connections. The rest of a chunk is kept, and reading paused, until the
 * next turn: at most one chunk is kept.
 */
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport } from '../net/transport.js';
import type { FrameReader } from './frame-reader.js';

/**
 * Work per turn, in frames (`FrameReader.budget`). Frames take about a tenth of a microsecond each; HTTP/1 handles as many
 * pipelined requests per turn.
 */
const BUDGET = 512;
/** Work of a request in relation to a frame. */
export const REQUEST_COST = 16;

/** Owner of the input: the connection. */
export interface PacedInputOwner {
  /** Frames were read. */
  inputRead(): void;
}

export class PacedInput {
  /** Bytes that wait for the next turn. */
  private queue: ByteQueue | null = null;

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
      reader.budget = BUDGET;
      used = reader.feed(bytes, 0, length);
    }
    if (used < length && !reader.stopped) this.defer(bytes, used, length);
    this.owner.inputRead();
  }

  private defer(bytes: Buffer, from: number, to: number): void {
    if (this.queue === null) {
      this.queue = new ByteQueue();
      this.transport.pause();
      setImmediate(() => this.resume());
    }
    this.queue.push(bytes, from, to);
  }

  private resume(): void {
    const { queue, reader } = this;
    if (queue === null) return;
    reader.budget = BUDGET;
    while (queue.length > 0 && reader.budget > 0 && !reader.stopped) {
      const bytes = queue.first();
      const used = reader.feed(bytes, 0, bytes.length);
      if (!reader.stopped) queue.drop(used);
    }
    if (reader.stopped) this.drop();
    else if (queue.length === 0) this.queue = null;
    else setImmediate(() => this.resume());
    this.owner.inputRead();
    if (this.queue === null) this.transport.resume();
  }

  /** Drops unread bytes. */
  drop(): void {
    this.queue?.clear();
    this.queue = null;
  }
}

/** Bytes received on a connection: the current chunk, and a pushback buffer for those that must wait. */
import { buffersFull } from '../net/buffer-limit.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport } from '../net/transport.js';

/** Bytes buffered before reading is paused. One read, at most 128 KiB, may be added on top. */
const MAX_PUSHBACK = 16384;
/** Pipelined requests handled before other connections get their turn of the event loop. */
const REQUESTS_PER_TURN = 32;
const EMPTY = Buffer.alloc(0);

/** Consumer of an input buffer: the connection. */
export interface InputConsumer {
  /** Number of requests begun on the connection. */
  readonly requests: number;
  /** Whether bytes may be consumed later, but not now. */
  readonly blocked: boolean;
  /** Whether the remaining bytes will never be consumed. */
  readonly closed: boolean;
  /** Consumes some of the current chunk; false: the rest is kept in the pushback buffer. */
  consume(): boolean;
  /** The pushback buffer is empty again. */
  pushbackConsumed(): void;
}

export class InputBuffer {
  /**
   * The chunk being consumed, from a read or from the pushback buffer; `start` to `end` are not yet consumed.
   */
  chunk: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Bytes that could not be consumed on arrival; null if there are none. */
  private pushback: ByteQueue | null = null;
  private feeding = false;
  /** Whether the rest of the pushback buffer is deferred to the next turn. */
  private deferred = false;

  constructor(
    private readonly transport: Transport,
    private readonly consumer: InputConsumer,
  ) {}

  /** Receives bytes 0 to `length`, borrowed. */
  receive(bytes: Buffer, length: number): void {
    // While older bytes are buffered, new ones cannot be consumed.
    const used = this.pushback === null ? this.handleChunk(bytes, length) : 0;
    if (used < length && !this.consumer.closed) this.pushBack(bytes, used, length);
  }

  /** Consumes bytes 0 to `length` as far as possible; returns the number of bytes consumed or dropped. */
  private handleChunk(bytes: Buffer, length: number): number {
    this.chunk = bytes;
    this.start = 0;
    this.end = length;
    // Not re-entrant: the loop picks up state changes made by handlers.
    this.feeding = true;
    const { consumer } = this;
    const last = consumer.requests + REQUESTS_PER_TURN;
    while (this.start < this.end && consumer.requests < last && consumer.consume());
    if (this.start < this.end && consumer.requests >= last) this.defer();
    this.feeding = false;
    const used = this.start;
    this.chunk = EMPTY;
    this.start = 0;
    this.end = 0;
    return used;
  }

  /** Defers the remaining bytes to the next turn of the event loop. nginx: ngx_post_event of a pipelined request. */
  private defer(): void {
    this.deferred = true;
    setImmediate(() => {
      this.deferred = false;
      // It may have been dropped, or taken by a tunnel.
      if (this.pushback !== null) this.resumeReading();
    });
  }

  /** Appends unconsumed bytes to the pushback buffer. */
  private pushBack(bytes: Buffer, from: number, to: number): void {
    this.pushback ??= new ByteQueue();
    this.pushback.push(bytes, from, to);
    if (!this.hasRoom) this.transport.pause();
  }

  private get hasRoom(): boolean {
    const { pushback } = this;
    return !this.consumer.blocked && (pushback === null || (pushback.length < MAX_PUSHBACK && !buffersFull()));
  }

  /** Whether received bytes have not been consumed yet. */
  get unread(): boolean {
    return this.unreadLength > 0;
  }

  get unreadLength(): number {
    // The chunk being consumed may still be part of the pushback buffer.
    return (this.pushback?.length ?? this.end) - this.start;
  }

  /** Replays buffered input, then resumes reading if below the limit. */
  resumeReading(): void {
    if (this.feeding || this.deferred) return;
    while (this.pushback !== null) {
      const bytes = this.pushback.first();
      const used = this.handleChunk(bytes, bytes.length);
      // It may have been dropped meanwhile.
      if (this.pushback === null) break;
      this.pushback.drop(used);
      if (this.pushback.length === 0) {
        this.pushback = null;
        this.consumer.pushbackConsumed();
      }
      if (used < bytes.length) break;
    }
    if (this.hasRoom) this.transport.resume();
  }

  /** Drops unconsumed bytes. */
  dropUnread(): void {
    this.pushback?.clear();
    this.pushback = null;
    this.start = this.end;
  }

  /** Returns unconsumed bytes as a copy, and removes them. */
  takeUnread(): Buffer {
    const { pushback, chunk, start, end } = this;
    const bytes = pushback === null ? Buffer.from(chunk.subarray(start, end)) : pushback.takeAll().subarray(start);
    this.dropUnread();
    return bytes;
  }
}

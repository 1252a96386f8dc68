/** Buffers bytes received on a connection until they can be consumed. */
import { buffersFull } from '../net/buffer-limit.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport } from '../net/transport.js';
import { ClientSocket } from './client-socket.js';

/** Bytes buffered before reading is paused. One read, at most 128 KiB, may be added on top. */
const MAX_PUSHBACK = 16384;
/** Pipelined requests handled before other connections get their turn of the event loop. */
const REQUESTS_PER_TURN = 32;
const EMPTY = Buffer.alloc(0);

/** A base class rather than a member, so that a connection stays one object. */
export abstract class InputBuffer extends ClientSocket {
  /**
   * The chunk being consumed, from a read or from the pushback buffer; `chunkStart` to `chunkEnd` are not yet consumed.
   */
  protected chunk: Buffer = EMPTY;
  protected chunkStart = 0;
  protected chunkEnd = 0;
  /** Bytes that could not be consumed on arrival; null if there are none. */
  private pushback: ByteQueue | null = null;
  private feeding = false;
  /** Whether the rest of the pushback buffer is deferred to the next turn. */
  private deferred = false;

  /** Number of requests begun on this connection. */
  abstract readonly requests: number;
  /** Whether bytes may be consumed later, but not now. */
  protected abstract get blocked(): boolean;
  /** Whether the remaining bytes will never be consumed. */
  abstract readonly closed: boolean;
  /** Consumes some of the current chunk; false: the rest is kept in the pushback buffer. */
  protected abstract consume(): boolean;
  /** Called when the pushback buffer is empty again. */
  protected abstract pushbackConsumed(): void;

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    // While older bytes are buffered, new ones cannot be consumed.
    const used = this.pushback === null ? this.handleChunk(bytes, length) : 0;
    if (used < length && !this.closed) this.pushBack(bytes, used, length);
  }

  /** Consumes bytes 0 to `length` as far as possible; returns the number of bytes consumed or dropped. */
  private handleChunk(bytes: Buffer, length: number): number {
    this.chunk = bytes;
    this.chunkStart = 0;
    this.chunkEnd = length;
    // Not re-entrant: the loop picks up state changes made by handlers.
    this.feeding = true;
    const last = this.requests + REQUESTS_PER_TURN;
    while (this.chunkStart < this.chunkEnd && this.requests < last && this.consume());
    if (this.chunkStart < this.chunkEnd && this.requests >= last) this.defer();
    this.feeding = false;
    const used = this.chunkStart;
    this.chunk = EMPTY;
    this.chunkStart = 0;
    this.chunkEnd = 0;
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
    return !this.blocked && (pushback === null || (pushback.length < MAX_PUSHBACK && !buffersFull()));
  }

  /** Whether received bytes have not been consumed yet. */
  protected get unread(): boolean {
    return this.unreadLength > 0;
  }

  protected get unreadLength(): number {
    // The chunk being consumed may still be part of the pushback buffer.
    return (this.pushback?.length ?? this.chunkEnd) - this.chunkStart;
  }

  /** Replays buffered input, then resumes reading if below the limit. */
  protected resumeReading(): void {
    if (this.feeding || this.deferred) return;
    while (this.pushback !== null) {
      const bytes = this.pushback.first();
      const used = this.handleChunk(bytes, bytes.length);
      // It may have been dropped meanwhile.
      if (this.pushback === null) break;
      this.pushback.drop(used);
      if (this.pushback.length === 0) {
        this.pushback = null;
        this.pushbackConsumed();
      }
      if (used < bytes.length) break;
    }
    if (this.hasRoom) this.transport.resume();
  }

  /** Drops unconsumed bytes. */
  protected dropUnread(): void {
    this.pushback?.clear();
    this.pushback = null;
    this.chunkStart = this.chunkEnd;
  }

  /** Returns unconsumed bytes as a copy, and removes them. */
  protected takeUnread(): Buffer {
    const { pushback, chunk, chunkStart, chunkEnd } = this;
    const bytes =
      pushback === null ? Buffer.from(chunk.subarray(chunkStart, chunkEnd)) : pushback.takeAll().subarray(chunkStart);
    this.dropUnread();
    return bytes;
  }
}

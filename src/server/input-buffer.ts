/** The bytes of a connection on their way to whoever can use them: lent by a read, or waiting in a stash. */
import { buffersFull } from '../http/buffer-limit.js';
import { ByteQueue } from '../http/byte-queue.js';
import type { Transport } from '../http/transport.js';
import { ClientSocket } from './client-socket.js';

/** Bytes that may wait in the stash before reading is paused. Up to one read, 128 KiB, may come on top. */
const STASH_MAX = 16384;
/** Pipelined requests that are begun before other connections have their turn of the event loop. */
const REQUESTS_PER_TURN = 32;
const EMPTY = Buffer.alloc(0);

/** A base class, so that a connection stays one object. */
export abstract class InputBuffer extends ClientSocket {
  /** Bytes that are being handled, of a read or of the stash: `lentStart` to `lentEnd` are not used yet. */
  protected chunk: Buffer = EMPTY;
  protected chunkStart = 0;
  protected chunkEnd = 0;
  /** Bytes that arrived before anybody could use them; null until there are some. */
  private pushback: ByteQueue | null = null;
  private feeding = false;
  /** The rest of the stash is used in the next turn. */
  private givesWay = false;

  /** Requests that were begun on this connection. */
  abstract readonly requests: number;
  /** Somebody may take bytes later, but not now. */
  protected abstract get blocked(): boolean;
  /** Nobody will ever take what is left. */
  protected abstract get deaf(): boolean;
  /** Uses some of the lent bytes; false: what is left waits in the stash. */
  protected abstract consume(): boolean;
  /** The stash was used up. */
  protected abstract pushbackConsumed(): void;

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    // Where some are waiting, nobody can use any.
    const used = this.pushback === null ? this.handleChunk(bytes, length) : 0;
    if (used < length && !this.deaf) this.putAside(bytes, used, length);
  }

  /** Uses bytes 0 to `length` as far as possible; returns how many are used, or dropped. */
  private handleChunk(bytes: Buffer, length: number): number {
    this.chunk = bytes;
    this.chunkStart = 0;
    this.chunkEnd = length;
    // Not re-entrant: what an exchange does meanwhile is seen by the loop.
    this.feeding = true;
    const last = this.requests + REQUESTS_PER_TURN;
    while (this.chunkStart < this.chunkEnd && this.requests < last && this.consume());
    if (this.chunkStart < this.chunkEnd && this.requests >= last) this.giveWay();
    this.feeding = false;
    const used = this.chunkStart;
    this.chunk = EMPTY;
    this.chunkStart = 0;
    this.chunkEnd = 0;
    return used;
  }

  /** Leaves the remaining bytes to the next turn of the event loop. nginx: ngx_post_event of a pipelined request. */
  private giveWay(): void {
    this.givesWay = true;
    setImmediate(() => {
      this.givesWay = false;
      // It may have been dropped, or taken by a tunnel.
      if (this.pushback !== null) this.resumeReading();
    });
  }

  /** Puts what was not used into the stash. */
  private putAside(bytes: Buffer, from: number, to: number): void {
    this.pushback ??= new ByteQueue();
    this.pushback.push(bytes, from, to);
    if (!this.hasRoom) this.transport.pause();
  }

  private get hasRoom(): boolean {
    const { pushback } = this;
    return !this.blocked && (pushback === null || (pushback.length < STASH_MAX && !buffersFull()));
  }

  /** Bytes have arrived that nobody used yet. */
  protected get unread(): boolean {
    // Bytes of the stash that are lent are still in it.
    return this.pushback === null ? this.chunkStart < this.chunkEnd : this.pushback.length > this.chunkStart;
  }

  /** Uses what waits in the stash, and lets the socket speak again where there is room. */
  protected resumeReading(): void {
    if (this.feeding || this.givesWay) return;
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

  /** Drops what nobody used. */
  protected dropUnread(): void {
    this.pushback?.clear();
    this.pushback = null;
    this.chunkStart = this.chunkEnd;
  }

  /** Takes what nobody used, as a copy. */
  protected takeUnread(): Buffer {
    const { pushback, chunk, chunkStart, chunkEnd } = this;
    const bytes =
      pushback === null ? Buffer.from(chunk.subarray(chunkStart, chunkEnd)) : pushback.takeAll().subarray(chunkStart);
    this.dropUnread();
    return bytes;
  }
}

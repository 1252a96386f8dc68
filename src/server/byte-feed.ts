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
export abstract class ByteFeed extends ClientSocket {
  /** Bytes that are being handled, of a read or of the stash: `lentStart` to `lentEnd` are not used yet. */
  protected lent: Buffer = EMPTY;
  protected lentStart = 0;
  protected lentEnd = 0;
  /** Bytes that arrived before anybody could use them; null until there are some. */
  private stash: ByteQueue | null = null;
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
  protected abstract use(): boolean;
  /** The stash was used up. */
  protected abstract stashUsed(): void;

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    // Where some are waiting, nobody can use any.
    const used = this.stash === null ? this.consume(bytes, length) : 0;
    if (used < length && !this.deaf) this.putAside(bytes, used, length);
  }

  /** Uses bytes 0 to `length` as far as possible; returns how many are used, or dropped. */
  private consume(bytes: Buffer, length: number): number {
    this.lent = bytes;
    this.lentStart = 0;
    this.lentEnd = length;
    // Not re-entrant: what an exchange does meanwhile is seen by the loop.
    this.feeding = true;
    const last = this.requests + REQUESTS_PER_TURN;
    while (this.lentStart < this.lentEnd && this.requests < last && this.use());
    if (this.lentStart < this.lentEnd && this.requests >= last) this.giveWay();
    this.feeding = false;
    const used = this.lentStart;
    this.lent = EMPTY;
    this.lentStart = 0;
    this.lentEnd = 0;
    return used;
  }

  /** Leaves the remaining bytes to the next turn of the event loop. nginx: ngx_post_event of a pipelined request. */
  private giveWay(): void {
    this.givesWay = true;
    setImmediate(() => {
      this.givesWay = false;
      // It may have been dropped, or taken by a tunnel.
      if (this.stash !== null) this.goOn();
    });
  }

  /** Puts what was not used into the stash. */
  private putAside(bytes: Buffer, from: number, to: number): void {
    this.stash ??= new ByteQueue();
    this.stash.push(bytes, from, to);
    if (!this.hasRoom) this.transport.pause();
  }

  private get hasRoom(): boolean {
    const { stash } = this;
    return !this.blocked && (stash === null || (stash.length < STASH_MAX && !buffersFull()));
  }

  /** Bytes have arrived that nobody used yet. */
  protected get unread(): boolean {
    // Bytes of the stash that are lent are still in it.
    return this.stash === null ? this.lentStart < this.lentEnd : this.stash.length > this.lentStart;
  }

  /** Uses what waits in the stash, and lets the socket speak again where there is room. */
  protected goOn(): void {
    if (this.feeding || this.givesWay) return;
    while (this.stash !== null) {
      const bytes = this.stash.first();
      const used = this.consume(bytes, bytes.length);
      // It may have been dropped meanwhile.
      if (this.stash === null) break;
      this.stash.drop(used);
      if (this.stash.length === 0) {
        this.stash = null;
        this.stashUsed();
      }
      if (used < bytes.length) break;
    }
    if (this.hasRoom) this.transport.resume();
  }

  /** Drops what nobody used. */
  protected dropUnread(): void {
    this.stash?.clear();
    this.stash = null;
    this.lentStart = this.lentEnd;
  }

  /** Takes what nobody used, as a copy. */
  protected takeUnread(): Buffer {
    const { stash, lent, lentStart, lentEnd } = this;
    const bytes = stash === null ? Buffer.from(lent.subarray(lentStart, lentEnd)) : stash.takeAll().subarray(lentStart);
    this.dropUnread();
    return bytes;
  }
}

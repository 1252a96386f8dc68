/** The bytes of a connection on their way to whoever can use them: lent by a read, or waiting in a stash. */
import type { Transport } from '../http/transport.js';
import { ClientSocket } from './client-socket.js';

/** Bytes that may wait in the stash before the socket is left alone. */
const STASH_MAX = 65536;
const EMPTY = Buffer.alloc(0);

/** A base class, so that a connection stays one object. */
export abstract class ByteFeed extends ClientSocket {
  /** The bytes of the read that is being handled: `lentStart` to `lentEnd` are not used yet. */
  protected lent: Buffer = EMPTY;
  protected lentStart = 0;
  protected lentEnd = 0;
  /** Bytes that arrived before anybody could use them. */
  private stash: Buffer = EMPTY;
  private feeding = false;

  /** Somebody may take bytes later, but not now. */
  protected abstract get blocked(): boolean;
  /** Nobody will ever take what is left. */
  protected abstract get deaf(): boolean;
  /** Uses some of the lent bytes; false: what is left waits in the stash. */
  protected abstract use(): boolean;
  /** The stash was used up. */
  protected abstract stashUsed(): void;

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.lent = bytes;
    this.lentStart = 0;
    this.lentEnd = length;
    this.consume();
    if (this.lentStart < this.lentEnd && !this.deaf) this.keepLent();
    this.lent = EMPTY;
    this.lentStart = 0;
    this.lentEnd = 0;
  }

  /** Uses lent bytes as far as possible. Not re-entrant: what an exchange does meanwhile is seen by the loop. */
  private consume(): void {
    if (this.feeding) return;
    this.feeding = true;
    while (this.lentStart < this.lentEnd && this.use());
    this.feeding = false;
  }

  /** Puts what was not used into the stash. */
  private keepLent(): void {
    const rest = this.lent.subarray(this.lentStart, this.lentEnd);
    this.stash = this.stash.length === 0 ? Buffer.from(rest) : Buffer.concat([this.stash, rest]);
    this.lentStart = this.lentEnd;
    if (this.stash.length >= STASH_MAX || this.blocked) this.transport.pause();
  }

  /** Bytes have arrived that nobody used yet. */
  protected get unread(): boolean {
    return this.stash.length > 0 || this.lentStart < this.lentEnd;
  }

  /** Uses what waits in the stash, and lets the socket speak again where there is room. */
  protected goOn(): void {
    if (this.feeding) return;
    if (this.stash.length > 0 && this.lentStart >= this.lentEnd) {
      const bytes = this.stash;
      this.stash = EMPTY;
      this.onBytes(this.transport, bytes, bytes.length);
      if (!this.unread) this.stashUsed();
    }
    if (this.stash.length < STASH_MAX && !this.blocked) this.transport.resume();
  }

  /** Drops what nobody used. */
  protected dropUnread(): void {
    this.stash = EMPTY;
    this.lentStart = this.lentEnd;
  }

  /** Takes what nobody used, as a copy. */
  protected takeUnread(): Buffer {
    const rest = this.lent.subarray(this.lentStart, this.lentEnd);
    const bytes = this.unread ? Buffer.concat([this.stash, rest]) : EMPTY;
    this.dropUnread();
    return bytes;
  }
}

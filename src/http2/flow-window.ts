/** Flow-control windows of a connection or a stream (RFC 9113 5.2). */
import { MAX_WINDOW } from './frame-types.js';

/** Bytes that may be sent. Negative after the peer has reduced its initial window (RFC 9113 6.9.2). */
export class SendWindow {
  constructor(public available: number) {}

  /** Adds the increment of a WINDOW_UPDATE, or the difference of initial windows; returns false on overflow. */
  add(bytes: number): boolean {
    if (this.available + bytes > MAX_WINDOW) return false;
    this.available += bytes;
    return true;
  }

  /** Counts sent bytes. */
  take(bytes: number): void {
    this.available -= bytes;
  }
}

/** Bytes that the peer may send, and bytes received for which the window has not been reopened yet. */
export class ReceiveWindow {
  /** Bytes that the peer may still send. */
  available: number;
  /** Bytes consumed since the last WINDOW_UPDATE. */
  private consumed = 0;

  /** `size`: the window while everything received is consumed. */
  constructor(public size: number) {
    this.available = size;
  }

  /** Counts received bytes; returns false if the peer has exceeded the window. */
  receive(bytes: number): boolean {
    if (bytes > this.available) return false;
    this.available -= bytes;
    return true;
  }

  /**
   * Counts bytes that no longer take memory. Returns the increment of the WINDOW_UPDATE to be sent now, or 0: updates
   * are collected until half of the window is due.
   */
  consume(bytes: number): number {
    this.consumed += bytes;
    return this.consumed * 2 >= this.size ? this.reopen() : 0;
  }

  /** Returns the increment for all bytes consumed so far, for a WINDOW_UPDATE sent now; 0 if there are none. */
  reopen(): number {
    const increment = this.consumed;
    this.consumed = 0;
    this.available += increment;
    return increment;
  }

  /** Changes the size; returns the increment of the WINDOW_UPDATE to be sent now, or 0 if the window was not enlarged. */
  resize(size: number): number {
    this.consumed += size - this.size;
    this.size = size;
    return this.consumed > 0 ? this.reopen() : 0;
  }
}

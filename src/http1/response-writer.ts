/** Writes responses to a client: heads and framed bodies, in as few writes as possible. */

import { atEndOfCallback } from '../net/microtask.js';
import type { Transport } from '../net/transport.js';
import type { Chunk } from '../program/body.js';
import { CHUNK_END, chunkStart } from './chunked.js';

/** Maximum bytes of head and body chunk that are joined into one string and one write. */
const MAX_JOINED = 8192;

export class ResponseWriter {
  /** Whether the body uses the chunked transfer coding (RFC 9112 7.1). */
  chunked = false;
  /** Written but not yet passed to the socket. */
  private out = '';
  private corked = 0;
  /** Bytes sent on the connection before this response. */
  private before = 0;
  private headLength = 0;
  private scheduled = false;

  constructor(private readonly transport: Transport) {}

  /** Bytes of this response, including preceding interim responses. */
  get sent(): number {
    return this.transport.bytesWritten - this.before + this.out.length;
  }

  /** Bytes after the head; includes interim responses, if any. */
  get bodySent(): number {
    return Math.max(0, this.sent - this.headLength);
  }

  /** Resets the state for a new response. */
  begin(): void {
    this.before = this.transport.bytesWritten;
    this.headLength = 0;
    this.out = '';
    this.chunked = false;
  }

  /** Buffers a head; it is sent with the first body chunk or at the end of the turn. */
  head(text: string): void {
    this.headLength = text.length;
    this.out += text;
  }

  /** Writes a body chunk. Returns false if the client is slow. */
  body(chunk: Chunk): boolean {
    const { transport } = this;
    const { length } = chunk;
    if (this.chunked) this.out += chunkStart(length);
    if (this.out.length + length <= MAX_JOINED) {
      this.out += typeof chunk === 'string' ? chunk : chunk.latin1Slice();
      if (this.chunked) this.out += CHUNK_END;
      this.flushSoon();
      // The buffer holds at most one read; with a slow client these must not accumulate.
      return !transport.waiting;
    }
    const before = this.out;
    // If corked, the CRLF after a chunk is sent with the next write.
    const deferred = this.chunked && this.corked > 0;
    const after = this.chunked && !deferred ? CHUNK_END : '';
    this.out = deferred ? CHUNK_END : '';
    if (typeof chunk === 'string') return transport.writeText(before + chunk + after);
    return transport.writeFramed(before, chunk, 0, length, after);
  }

  /** Ends the body; `trailers` are alternating names and values. */
  end(trailers: readonly string[]): void {
    if (this.chunked) {
      this.out += '0\r\n';
      for (let i = 0; i < trailers.length; i += 2) this.out += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
      this.out += '\r\n';
    }
    this.flush();
  }

  /** Buffers all writes until the matching `uncork`. */
  cork(): void {
    this.corked++;
  }

  /** Returns true if the buffer was flushed and the client is slow. */
  uncork(): boolean {
    return --this.corked === 0 && !this.flush();
  }

  /** Schedules a flush within this turn of the event loop. */
  flushSoon(): void {
    if (this.corked > 0 || this.scheduled) return;
    this.scheduled = true;
    atEndOfCallback(() => {
      this.scheduled = false;
      if (this.corked === 0) this.flush();
    });
  }

  /** Passes the buffer to the socket. Returns false if the client is slow. */
  flush(): boolean {
    if (this.out.length === 0) return true;
    const { out } = this;
    this.out = '';
    return this.transport.writeText(out);
  }
}

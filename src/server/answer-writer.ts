/** Writes one answer after another to a client: head, framing of the body, and as few writes as possible. */
import type { Chunk } from '../exchange/client-side.js';
import type { Transport } from '../http/transport.js';

/** Up to this many bytes a head and a piece of body become one string and one write. */
const JOIN_MAX = 8192;

export class AnswerWriter {
  /** The body is sent in chunks (RFC 9112 7.1). */
  chunked = false;
  /** What was written but not handed to the socket yet. */
  private out = '';
  private held = 0;
  /** What had been sent on the connection before this answer. */
  private before = 0;
  private headLength = 0;
  private scheduled = false;

  constructor(private readonly transport: Transport) {}

  /** Bytes of this answer, interim answers before it included. */
  get sent(): number {
    return this.transport.bytesWritten - this.before + this.out.length;
  }

  /** Those behind its head; with interim answers, if there were any. */
  get bodySent(): number {
    return Math.max(0, this.sent - this.headLength);
  }

  /** Forgets the answer before. */
  begin(): void {
    this.before = this.transport.bytesWritten;
    this.headLength = 0;
    this.out = '';
    this.chunked = false;
  }

  /** Puts a head; it leaves with the first piece of the body, or soon. */
  head(text: string): void {
    this.headLength = text.length;
    this.out += text;
  }

  /** A piece of the body. False: the client is slow. */
  body(chunk: Chunk): boolean {
    const { transport } = this;
    const { length } = chunk;
    if (this.chunked) this.out += `${length.toString(16)}\r\n`;
    if (this.out.length + length <= JOIN_MAX) {
      this.out += typeof chunk === 'string' ? chunk : chunk.latin1Slice();
      if (this.chunked) this.out += '\r\n';
      this.flushSoon();
      // What is gathered is at most as much as one read brings; with a slow client there must not be many of these.
      return !transport.waiting;
    }
    const before = this.out;
    // The line break behind a chunk leaves with what follows, where something is about to.
    const waits = this.chunked && this.held > 0;
    const after = this.chunked && !waits ? '\r\n' : '';
    this.out = waits ? '\r\n' : '';
    if (typeof chunk === 'string') return transport.writeText(before + chunk + after);
    return transport.writeFramed(before, chunk, 0, length, after);
  }

  /** The end of the body; `trailers` are name, value … */
  end(trailers: readonly string[]): void {
    if (this.chunked) {
      this.out += '0\r\n';
      for (let i = 0; i < trailers.length; i += 2) this.out += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
      this.out += '\r\n';
    }
    this.flush();
  }

  /** Until `release`, what is written is gathered. */
  cork(): void {
    this.held++;
  }

  /** True when what was gathered left and the client is slow. */
  uncork(): boolean {
    return --this.held === 0 && !this.flush();
  }

  /** Sees to it that what is gathered leaves in this turn of the event loop. */
  flushSoon(): void {
    if (this.held > 0 || this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  /** Hands everything to the socket; false: the client is slow. */
  flush(): boolean {
    if (this.out.length === 0) return true;
    const { out } = this;
    this.out = '';
    return this.transport.writeText(out);
  }
}

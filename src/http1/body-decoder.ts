/** Decodes the body of a message, for any framing (RFC 9112 6.3). */
import { ChunkedDecoder, type ChunkedSink } from './chunked.js';

/** The body is chunked. */
export const CHUNKED = -1;
/** The body ends when the connection is closed. */
export const UNTIL_CLOSE = -2;

export class BodyDecoder {
  /** Bytes passed to `decode`, including framing. */
  length = 0;
  /** Remaining bytes, CHUNKED or UNTIL_CLOSE. */
  private left = 0;
  private chunks: ChunkedDecoder | null = null;

  /** `sink` receives the data. `keepsTrailers`: the trailer section is stored for `trailers`. */
  constructor(
    private readonly sink: ChunkedSink,
    private readonly keepsTrailers: boolean,
  ) {}

  /** Starts a body; `framing`: its length, CHUNKED or UNTIL_CLOSE. */
  begin(framing: number): void {
    this.left = framing;
    this.length = 0;
    if (framing === CHUNKED) {
      this.chunks ??= new ChunkedDecoder(this.keepsTrailers);
      this.chunks.reset();
    }
  }

  get chunked(): boolean {
    return this.left === CHUNKED;
  }

  /** Whether the body is complete. */
  get done(): boolean {
    return this.left === 0 || (this.left === CHUNKED && this.chunks?.done === true);
  }

  /** Whether the chunked coding is invalid. */
  get broken(): boolean {
    return this.left === CHUNKED && this.chunks?.broken === true;
  }

  /** Size of a chunk that exceeds the allowed amount, of which nothing was read; -1 if there is none. */
  get rejectedChunk(): number {
    return this.left === CHUNKED && this.chunks?.tooLarge === true ? this.chunks.size : -1;
  }

  /** Whether the body ends when the connection is closed. */
  get endsWithConnection(): boolean {
    return this.left === UNTIL_CLOSE;
  }

  /** Trailer section after the chunks, each line terminated by CRLF; empty if there is none. */
  get trailers(): string {
    return this.left === CHUNKED && this.chunks?.done === true ? this.chunks.trailers : '';
  }

  /** Allows `bytes` more data of a chunked body: a chunk that exceeds them is rejected once its size is known. */
  allow(bytes: number): void {
    if (this.left === CHUNKED) this.chunks?.allow(bytes);
  }

  /** Passes bytes `start` to `end` to the sink, as far as they belong to the body. Returns the offset after those. */
  decode(bytes: Buffer, start: number, end: number): number {
    const { left, chunks } = this;
    this.length += end - start;
    if (left >= 0) {
      const n = Math.min(left, end - start);
      this.left = left - n;
      this.sink.chunkData(bytes, start, start + n);
      return start + n;
    }
    if (left === CHUNKED && chunks !== null) return chunks.decode(bytes, start, end, this.sink);
    this.sink.chunkData(bytes, start, end);
    return end;
  }
}

/** Decodes the body of an upstream response, for any framing. */
import { ChunkedDecoder, type ChunkedSink } from './chunked.js';
import { CHUNKED, UNTIL_CLOSE } from './response-reader.js';

/** The body is incomplete. */
export const MORE_BODY = 0;
/** The body is complete. */
export const BODY_COMPLETE = 1;
/** The body is complete, and unexpected bytes follow it. */
export const BODY_OVERRUN = 2;
/** The chunked coding is invalid. */
export const BODY_BROKEN = 3;

export class ResponseBodyReader {
  /** Bytes read, including framing. */
  length = 0;
  /** Remaining bytes, CHUNKED or UNTIL_CLOSE. */
  private left = 0;
  private decoder: ChunkedDecoder | null = null;

  /** `sink` receives the data. */
  constructor(private readonly sink: ChunkedSink) {}

  /** Starts a body with the given framing (see responseFraming). */
  begin(framing: number): void {
    this.left = framing;
    this.length = 0;
    if (framing === CHUNKED) {
      this.decoder ??= new ChunkedDecoder();
      this.decoder.reset();
    }
  }

  /** Whether there is no body. */
  get empty(): boolean {
    return this.left === 0;
  }

  /** Whether the body ends when the connection is closed. */
  get endsWithConnection(): boolean {
    return this.left === UNTIL_CLOSE;
  }

  /** nginx's message for bytes after the end of the body. */
  get excess(): string {
    return this.left === CHUNKED
      ? 'upstream sent data after final chunk'
      : 'upstream sent more data than specified in "Content-Length" header';
  }

  /** Trailer section after the chunks, each line terminated by CRLF; empty if there is none. */
  get trailers(): string {
    return this.left === CHUNKED && this.decoder?.done === true ? this.decoder.trailers : '';
  }

  /** Passes bytes `from` to `length` to the sink, as far as they belong to the body. */
  read(bytes: Buffer, from: number, length: number): number {
    const { decoder, left } = this;
    this.length += length - from;
    if (left >= 0) {
      const n = Math.min(left, length - from);
      this.left = left - n;
      this.sink.chunkData(bytes, from, from + n);
      if (this.left > 0) return MORE_BODY;
      return from + n < length ? BODY_OVERRUN : BODY_COMPLETE;
    }
    if (left === UNTIL_CLOSE || decoder === null) {
      this.sink.chunkData(bytes, from, length);
      return MORE_BODY;
    }
    const end = decoder.decode(bytes, from, length, this.sink);
    if (decoder.broken) return BODY_BROKEN;
    if (!decoder.done) return MORE_BODY;
    return end < length ? BODY_OVERRUN : BODY_COMPLETE;
  }
}

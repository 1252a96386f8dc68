/** The body of an upstream's answer: finds its end, whatever its framing. */
import type { Exchange } from '../exchange/exchange.js';
import { ChunkedDecoder, type ChunkedSink } from '../http/chunked.js';
import { CHUNKED, UNTIL_CLOSE } from '../http/response-reader.js';

/** More is to come. */
export const MORE_BODY = 0;
/** It is complete. */
export const BODY_COMPLETE = 1;
/** It is complete, and bytes came behind it that nobody asked for. */
export const BODY_OVERRUN = 2;
/** Its chunks are none. */
export const BODY_BROKEN = 3;

export class AnswerBody {
  /** Bytes left, CHUNKED or UNTIL_CLOSE. */
  private left = 0;
  private decoder: ChunkedDecoder | null = null;

  /** Takes the data. */
  constructor(private readonly sink: ChunkedSink) {}

  /** Starts with a body of that framing (see responseFraming). */
  begin(framing: number): void {
    this.left = framing;
    if (framing === CHUNKED) {
      this.decoder ??= new ChunkedDecoder();
      this.decoder.reset();
    }
  }

  /** There is none. */
  get empty(): boolean {
    return this.left === 0;
  }

  /** It ends with the connection. */
  get endsWithConnection(): boolean {
    return this.left === UNTIL_CLOSE;
  }

  /** The trailer section behind the chunks, each line ended by CRLF; empty where there is none. */
  get trailers(): string {
    return this.decoder?.done === true ? this.decoder.trailers : '';
  }

  /** Hands bytes `from` to `length` to the sink, as far as they belong to the body. */
  read(bytes: Buffer, from: number, length: number): number {
    const { decoder, left } = this;
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

/** Puts the upstream's trailer fields behind the client's body. */
export function passTrailers(x: Exchange): void {
  for (const line of x.upstreamTrailers.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) x.response.trailers.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
}

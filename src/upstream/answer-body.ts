/** The body of an upstream's answer: finds its end, whatever its framing. */
import type { Exchange } from '../exchange/exchange.js';
import { ChunkedDecoder, type ChunkedSink } from '../http/chunked.js';
import { isToken } from '../http/field-line.js';
import { Field, fieldSet } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
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
  /** Bytes of it that were read, framing included. */
  length = 0;
  /** Bytes left, CHUNKED or UNTIL_CLOSE. */
  private left = 0;
  private decoder: ChunkedDecoder | null = null;

  /** Takes the data. */
  constructor(private readonly sink: ChunkedSink) {}

  /** Starts with a body of that framing (see responseFraming). */
  begin(framing: number): void {
    this.left = framing;
    this.length = 0;
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

  /** nginx's sentence for bytes behind the end of the body. */
  get excess(): string {
    return this.left === CHUNKED
      ? 'upstream sent data after final chunk'
      : 'upstream sent more data than specified in "Content-Length" header';
  }

  /** The trailer section behind the chunks, each line ended by CRLF; empty where there is none. */
  get trailers(): string {
    return this.decoder?.done === true ? this.decoder.trailers : '';
  }

  /** Hands bytes `from` to `length` to the sink, as far as they belong to the body. */
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

/** Fields without which a message cannot be read: who reads them in a trailer section may not believe them (RFC 9110 6.5.1). */
const NEVER_TRAILERS = fieldSet(
  Field.ContentLength,
  Field.TransferEncoding,
  Field.Host,
  Field.Connection,
  Field.ProxyConnection,
  Field.KeepAlive,
  Field.TE,
  Field.Trailer,
  Field.Upgrade,
  Field.ContentType,
  Field.ContentEncoding,
  Field.ContentRange,
);

/** Puts the upstream's trailer fields behind the client's body, save those that are hidden. */
export function passTrailers(x: Exchange): void {
  const { response } = x;
  const { hidden } = response;
  const block = HeaderBlock.from(
    x.upstreamTrailers
      .split('\r\n')
      .filter((line) => isToken(line.slice(0, Math.max(0, line.indexOf(':')))))
      .map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      }),
  );
  for (let i = 0; i < block.count; i++) {
    const id = block.id(i);
    // An entity tag has a place of its own in a head; here it is a field like others, and may come this late.
    const hides = hidden?.matches(block, i) === true && id !== Field.ETag && id !== Field.LastModified;
    if (!hides && NEVER_TRAILERS[id] !== true) response.addTrailer(block.name(i), block.value(i));
  }
}

/** Decodes the body of an upstream response, for any framing. */

import { isToken } from '../http/field-line.js';
import { Field, fieldSet } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
import { ChunkedDecoder, type ChunkedSink } from '../http1/chunked.js';
import { CHUNKED, UNTIL_CLOSE } from '../http1/response-reader.js';
import type { Exchange } from '../program/exchange.js';

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
    return this.decoder?.done === true ? this.decoder.trailers : '';
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

/**
 * Fields that determine how a message is read; recipients must not take them from a trailer section (RFC 9110 6.5.1).
 */
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

/** Adds the upstream's trailer fields to the client's response, except hidden ones. */
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
    // Unlike in a head, ETag is an ordinary field here and may be sent in the trailers.
    const hides = hidden?.matches(block, i) === true && id !== Field.ETag && id !== Field.LastModified;
    if (!hides && NEVER_TRAILERS[id] !== true) response.addTrailer(block.name(i), block.value(i));
  }
}

/**
 * Receivers of an upstream's response. Sinks are chained: one that limits the rate, buffers or copies receives the response
 * and passes it to the next; the last is the exchange. `test/upstream/sink-contract.ts` checks the contract for each.
 */
import type { ResponseHead } from '../http/response-head.js';
import type { Producer } from '../program/body.js';
import type { Exchange } from '../program/exchange.js';
import { passTrailers } from './trailers.js';

/**
 * A response is `head`, any number of `bytes`, and `end` or `truncate`; or `fail`, before the head was passed on. The source
 * (`Producer`) is resumed after `bytes` returned false, and aborted if the response is no longer wanted; it then passes
 * nothing more.
 */
export interface ResponseSink {
  /**
   * Passes the head on. Returns false if another response replaces this one: the source was aborted, and nothing follows.
   */
  head(response: ResponseHead): boolean;
  /** Passes bytes `start` to `end` of the body on; borrowed. Returns false to pause the source until it is resumed. */
  bytes(bytes: Buffer, start: number, end: number): boolean;
  /** The body is complete. `trailers`: each line terminated by CRLF. */
  end(trailers: string): void;
  /** The body will not be complete: everything passed so far is sent, then the client's connection is closed. */
  truncate(): void;
  /** There is no response; the exchange ends with this status. */
  fail(status: number): void;
  /** Drops everything that this sink and the next ones have buffered: the response is over or aborted. */
  release(): void;
}

/** The part of an exchange that receives a response. */
export interface ResponseTarget
  extends Pick<Exchange, 'response' | 'producer' | 'sendHead' | 'writeBytes' | 'flush' | 'end' | 'abort' | 'finalize'> {
  upstreamTrailers: string;
}

/** Sends the response to the client. It is the exchange's producer, and represents the source, which may change. */
export class ExchangeSink implements ResponseSink, Producer {
  constructor(
    private readonly x: ResponseTarget,
    public source: Producer,
  ) {
    x.producer = this;
  }

  get activity(): string {
    return this.source.activity ?? '';
  }
  resume(): void {
    this.source.resume();
  }
  abort(): void {
    this.source.abort();
  }

  head(): boolean {
    return this.x.sendHead(false);
  }
  bytes(bytes: Buffer, start: number, end: number): boolean {
    return this.x.writeBytes(bytes, start, end);
  }
  end(trailers: string): void {
    const { x } = this;
    x.upstreamTrailers = trailers;
    if (x.response.expectTrailers) passTrailers(x.response, trailers);
    x.end();
  }
  truncate(): void {
    const { x } = this;
    x.producer = null;
    x.flush();
    x.abort();
  }
  fail(status: number): void {
    this.x.producer = null;
    this.x.finalize(status);
  }
  release(): void {}
}

/** Reads a request body from a connection and passes it to its sink, or discards it. */

import { logLoss } from '../exchange/client-loss.js';
import type { HttpExchange } from '../exchange/exchange.js';
import type { BodySink } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { BodyDecoder } from './body-decoder.js';
import type { ChunkedSink } from './chunked.js';

export class RequestBodyReader implements ChunkedSink {
  /** Whether the body has been read completely. */
  done = true;
  /** Whether the framing is invalid: the following bytes cannot be interpreted. */
  broken = false;
  /** Whether the rest is read and discarded. */
  discarding = false;
  /** Whether the sink is full, until it drains. */
  full = false;
  sink: BodySink | null = null;
  /** Whether the client waits for `100 Continue`. */
  expectContinue = false;
  private exchange: HttpExchange | null = null;
  /** Content bytes read. */
  private received = 0;
  private readonly body = new BodyDecoder(this, false);

  /** Starts the body of another request; `length` as in RequestFraming. */
  begin(exchange: HttpExchange, length: number): void {
    this.exchange = exchange;
    this.body.begin(length);
    this.received = 0;
    this.done = length === 0;
    this.broken = false;
    this.discarding = false;
    this.full = false;
    this.sink = null;
    this.expectContinue = false;
  }

  /** Whether bytes can be consumed now. */
  get consumable(): boolean {
    return !this.done && !this.full && (this.sink !== null || this.discarding);
  }

  /** Whether nothing has arrived because the client waits for `100 Continue`. */
  get awaited(): boolean {
    return this.expectContinue && !this.done && this.received === 0;
  }

  /** Reads from `bytes`; returns the offset after the body's bytes. The caller calls `complete` once `done` is set. */
  read(bytes: Buffer, start: number, end: number): number {
    const { body } = this;
    if (body.chunked) body.allow(this.allowed());
    const at = body.decode(bytes, start, end);
    if (body.broken || body.rejectedChunk >= 0) this.failDecoding(body.rejectedChunk);
    else if (body.done) this.done = true;
    return at;
  }

  /** Remaining bytes of chunk data allowed by `client_max_body_size`. */
  private allowed(): number {
    const limit = this.exchange?.location.settings.clientMaxBodySize ?? 0;
    // A discarded body may have any size.
    return limit === 0 || this.sink === null ? Number.POSITIVE_INFINITY : limit - this.received;
  }

  /** Notifies the sink that the body is complete. */
  complete(): void {
    const { sink } = this;
    this.sink = null;
    this.full = false;
    sink?.bodyEnd();
  }

  chunkData(bytes: Buffer, start: number, end: number): void {
    const { sink } = this;
    this.received += end - start;
    const last = this.body.done;
    if (last && !this.body.chunked) this.done = true;
    if (sink !== null && !sink.bodyChunk(bytes.subarray(start, end), last)) this.full = true;
  }

  /** Fails the body; the bytes after it cannot be interpreted. `rejectedChunk`: see BodyDecoder. */
  private failDecoding(rejectedChunk: number): void {
    const { exchange, received } = this;
    this.broken = true;
    if (rejectedChunk < 0) {
      this.done = true;
      if (exchange !== null) logError(exchange, 'error', 'client sent invalid chunked body');
      this.fail(400);
      return;
    }
    if (exchange !== null) {
      logError(exchange, 'error', `client intended to send too large chunked body: ${received}+${rejectedChunk} bytes`);
      exchange.bodyDiscarded = true;
    }
    this.fail(413);
  }

  /** Notifies the sink that the body will not be complete; the connection cannot be kept alive. */
  fail(status: number): void {
    const { sink, exchange } = this;
    this.sink = null;
    if (exchange !== null) exchange.keepAlive = false;
    sink?.bodyFailed(status);
  }

  /**
   * The client closed the connection before the end of the body; as in nginx, no response is sent. `error`: null for
   * FIN.
   */
  cut(error: NodeJS.ErrnoException | null = null): void {
    const { sink, exchange } = this;
    this.done = true;
    this.sink = null;
    if (exchange === null) return;
    sink?.bodyCut?.();
    logLoss(exchange, error, true);
    exchange.clientGone(400);
    sink?.bodyFailed(400);
  }

  /** Releases the exchange. */
  finish(): void {
    this.exchange = null;
    this.sink = null;
  }
}

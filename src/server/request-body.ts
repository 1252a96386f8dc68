/** Reads the body of a request off a connection and hands it to whoever wants it, or drops it. */
import type { BodySink } from '../exchange/client-side.js';
import { clientGone } from '../exchange/engine.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { ChunkedDecoder, type ChunkedSink } from '../http/chunked.js';
import { logLoss } from './client-loss.js';

export class RequestBodyReader implements ChunkedSink {
  /** Nothing of it is left to read. */
  done = true;
  /** Its framing is broken: what follows on the connection is nobody's. */
  broken = false;
  /** The rest is read and dropped. */
  discarding = false;
  /** The sink takes nothing until it has drained. */
  full = false;
  sink: BodySink | null = null;
  /** The client waits for `100 Continue`. */
  expectContinue = false;
  private exchange: Exchange | null = null;
  /** Bytes left, or -1 where chunked. */
  private left = 0;
  /** Bytes of its content that were read. */
  private received = 0;
  private decoder: ChunkedDecoder | null = null;

  /** Starts with the body of another request; `length` as in RequestFraming. */
  begin(exchange: Exchange, length: number): void {
    this.exchange = exchange;
    this.left = length;
    this.received = 0;
    this.done = length === 0;
    this.broken = false;
    this.discarding = false;
    this.full = false;
    this.sink = null;
    this.expectContinue = false;
    if (length < 0) {
      this.decoder ??= new ChunkedDecoder(false);
      this.decoder.reset();
    }
  }

  /** Somebody wants bytes now. */
  get wanted(): boolean {
    return !this.done && !this.full && (this.sink !== null || this.discarding);
  }

  /** Nothing of it came, because the client waits for `100 Continue`. */
  get awaited(): boolean {
    return this.expectContinue && !this.done && this.received === 0;
  }

  /** Reads from `bytes`; returns the offset behind what belonged to the body. `complete` is to follow where `done`. */
  read(bytes: Buffer, start: number, end: number): number {
    let at: number;
    if (this.left >= 0) {
      const n = Math.min(this.left, end - start);
      this.left -= n;
      at = start + n;
      if (this.left === 0) this.done = true;
      this.chunkData(bytes, start, at);
    } else {
      const { decoder } = this;
      if (decoder === null) return start;
      decoder.allow(this.allowed());
      at = decoder.decode(bytes, start, end, this);
      if (decoder.broken || decoder.tooLarge) this.breakOff(decoder);
      else if (decoder.done) this.done = true;
    }
    return at;
  }

  /** Bytes of data that chunks may still bring (`client_max_body_size`). */
  private allowed(): number {
    const limit = this.exchange?.location.settings.clientMaxBodySize ?? 0;
    // A body that is only dropped may have any size.
    return limit === 0 || this.sink === null ? Number.POSITIVE_INFINITY : limit - this.received;
  }

  /** Tells the sink that the body is complete. */
  complete(): void {
    const { sink } = this;
    this.sink = null;
    this.full = false;
    sink?.bodyEnd();
  }

  chunkData(bytes: Buffer, start: number, end: number): void {
    const { sink } = this;
    this.received += end - start;
    const last = this.left < 0 ? this.decoder?.done === true : this.left === 0;
    if (sink !== null && !sink.bodyChunk(bytes.subarray(start, end), last)) this.full = true;
  }

  /** Fails the body; the bytes behind it cannot be interpreted. */
  private breakOff({ size, tooLarge }: ChunkedDecoder): void {
    const { exchange, received } = this;
    this.broken = true;
    if (!tooLarge) {
      this.done = true;
      if (exchange !== null) logError(exchange, 'error', 'client sent invalid chunked body');
      this.fail(400);
      return;
    }
    if (exchange !== null) {
      logError(exchange, 'error', `client intended to send too large chunked body: ${received}+${size} bytes`);
      exchange.bodyDiscarded = true;
    }
    this.fail(413);
  }

  /** Tells the sink that the body will not be complete; the connection cannot be kept. */
  fail(status: number): void {
    const { sink, exchange } = this;
    this.sink = null;
    if (exchange !== null) exchange.keepAlive = false;
    sink?.bodyFailed(status);
  }

  /** The client is gone before the end of the body: as in nginx, that is answered with nothing. `error`: null for an end in order. */
  cut(error: NodeJS.ErrnoException | null = null): void {
    const { sink, exchange } = this;
    this.done = true;
    this.sink = null;
    if (exchange === null) return;
    sink?.bodyCut?.();
    logLoss(exchange, error, true);
    clientGone(exchange, 400);
    sink?.bodyFailed(400);
  }

  /** Lets go of the exchange. */
  finish(): void {
    this.exchange = null;
    this.sink = null;
  }
}

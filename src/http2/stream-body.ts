/**
 * The body of a request on a stream: DATA that has arrived is passed to its sink, or kept until it is read. Flow control
 * bounds what is kept: the client may send on as bytes are consumed.
 */
import type { HttpExchange } from '../exchange/exchange.js';
import { BufferedBody } from '../exchange/request-body.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { BodySink } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { ReceiveWindow } from './flow-window.js';
import { MAX_WINDOW } from './frame-types.js';

/** The stream as used by its body. */
export interface BodyOwner {
  /** Calls `deliverPostponed` at the end of the current read. */
  postponeDelivery(): void;
  /** Sends a WINDOW_UPDATE of the stream. */
  openWindow(increment: number): void;
  /** Bytes were passed to the sink, or it waits for more of them. */
  bodyProgress(): void;
}

/** Size up to which pieces are joined with those that arrive in the same read, bytes: they are then forwarded together. */
const SMALL = 4096;

export class StreamBody {
  readonly window: ReceiveWindow;
  /** Whether the sink has received the whole body, or no body is read any more. */
  done = true;
  /** Whether the client has sent END_STREAM. */
  ended = false;
  /** Whether the sink is full, until `resume`. */
  full = false;
  sink: BodySink | null = null;
  /** Whether its length differs from the declared one. */
  violated = false;
  /** Whether the client waits for `100 Continue`. */
  expectContinue = false;
  /** Bytes passed to the sink. As in nginx, `$request_length` does not include discarded ones. */
  consumed = 0;
  private exchange: HttpExchange | null = null;
  /** Declared length; -1 if unknown. */
  private length = 0;
  private queue: ByteQueue | null = null;
  private discarding = false;
  private delivering = false;
  private postponed = false;

  constructor(
    private readonly owner: BodyOwner,
    window: number,
  ) {
    this.window = new ReceiveWindow(window);
  }

  /** Starts the body of an exchange; `length` as in `RequestHead.contentLength`. */
  begin(x: HttpExchange, length: number): void {
    this.exchange = x;
    this.length = length;
    this.done = length === 0;
    this.discarding = length === 0;
  }

  /** Bytes that have arrived and have not been read. */
  get queued(): number {
    return this.queue?.length ?? 0;
  }

  /** Whether the sink waits for the client. */
  get awaited(): boolean {
    return this.sink !== null && !this.done && !this.full && !this.ended;
  }

  /** Bytes `start` to `end`, borrowed, have arrived in a frame that took `counted` bytes of the window. */
  add(bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    this.ended ||= ended;
    if (this.discarding) return;
    if (counted > end - start) this.credit(counted - (end - start));
    const waits = this.sink === null || this.full || this.delivering || (this.queued > 0 && !this.postponed);
    const small = !waits && !ended && end > start && this.queued + end - start < SMALL;
    if (waits || small || this.postponed) {
      if (end > start) (this.queue ??= new ByteQueue()).push(bytes, start, end);
      if (small && !this.postponed) {
        this.postponed = true;
        this.owner.postponeDelivery();
      } else if (!waits && !small) this.deliverQueued();
    } else {
      if (end > start) this.deliver(bytes, start, end, this.ended);
      this.completeIfEnded();
    }
    if (this.awaited) this.owner.bodyProgress();
  }

  /** Passes bytes to the sink; the client may then send as many again. */
  private deliver(bytes: Buffer, start: number, end: number, last: boolean): void {
    const { sink } = this;
    if (sink === null || !this.admit(end - start)) return;
    this.delivering = true;
    const more = sink.bodyChunk(bytes.subarray(start, end), last);
    this.delivering = false;
    if (!more && this.sink !== null) this.full = true;
    this.credit(end - start);
  }

  /** Counts bytes; returns false after it has failed the body, because there are more than declared or allowed. */
  private admit(bytes: number): boolean {
    const { exchange: x, length } = this;
    this.consumed += bytes;
    if (x === null) return false;
    if (length >= 0) {
      if (this.consumed <= length) return true;
      logError(x, 'info', 'client intended to send body data larger than declared');
      this.violated = true;
      this.fail(400);
      return false;
    }
    const limit = x.location.settings.clientMaxBodySize;
    if (limit === 0 || this.consumed <= limit) return true;
    logError(x, 'error', `client intended to send too large chunked body: ${this.consumed} bytes`);
    x.bodyDiscarded = true;
    this.fail(413);
    return false;
  }

  private completeIfEnded(): void {
    const { sink, length, consumed, exchange: x } = this;
    if (!this.ended || sink === null || this.full || this.queued > 0) return;
    if (length >= 0 && consumed !== length && x !== null) {
      const received = `only ${consumed} out of ${length} bytes of request body received`;
      logError(x, 'info', `client prematurely closed stream: ${received}`);
      this.violated = true;
      this.fail(400);
      return;
    }
    this.done = true;
    this.sink = null;
    this.owner.bodyProgress();
    sink.bodyEnd();
  }

  /** Starts passing the body to a sink. */
  read(sink: BodySink): void {
    const { exchange: x } = this;
    // As in nginx, a body that is discarded already counts as read.
    if (this.done || this.discarding || x === null) {
      sink.bodyEnd();
      return;
    }
    this.sink = sink;
    if (!this.ended) {
      // As in nginx: a body that is buffered, in memory and then in a file, needs no limit of what may be in flight.
      const size = sink instanceof BufferedBody ? MAX_WINDOW : x.location.settings.clientBodyBufferSize;
      if (size > this.window.size) this.openWindow(this.window.resize(size));
    }
    this.deliverQueued();
    if (this.awaited) this.owner.bodyProgress();
  }

  /** The sink accepts more. */
  resume(): void {
    if (!this.full) return;
    this.full = false;
    this.deliverQueued();
    if (this.awaited) this.owner.bodyProgress();
  }

  /** Delivers small pieces of the last read. */
  deliverPostponed(): void {
    if (!this.postponed) return;
    this.deliverQueued();
    if (this.awaited) this.owner.bodyProgress();
  }

  private deliverQueued(): void {
    if (this.delivering) return;
    this.postponed = false;
    for (;;) {
      const { queue } = this;
      if (queue === null || queue.length === 0 || this.sink === null || this.full) break;
      const piece = queue.first();
      const { length } = piece;
      this.deliver(piece, 0, length, this.ended && queue.length === length);
      // The body may have been discarded meanwhile.
      if (this.queue === queue) queue.drop(length);
    }
    this.completeIfEnded();
  }

  /** Removes bytes that have arrived and have not been read, and gives them back to the window. */
  takeQueued(): Buffer {
    const bytes = this.queue?.takeAll() ?? NO_BYTES;
    this.queue = null;
    this.consumed += bytes.length;
    this.credit(bytes.length);
    return bytes;
  }

  /** Discards what has arrived; the rest is discarded on arrival. */
  discard(): void {
    this.queue?.clear();
    this.queue = null;
    this.discarding = true;
  }

  /** Bytes no longer take memory: the client may send as many again. */
  credit(bytes: number): void {
    this.openWindow(this.window.consume(bytes));
  }

  private openWindow(increment: number): void {
    if (increment > 0 && !this.ended) this.owner.openWindow(increment);
  }

  /** Notifies the sink that the body will not be complete. */
  fail(status: number): void {
    const { sink } = this;
    this.sink = null;
    this.done = true;
    this.discard();
    sink?.bodyFailed(status);
  }

  /** The client has reset the stream or closed the connection before the end of the body. */
  cut(): void {
    const { sink, exchange: x } = this;
    this.done = true;
    this.sink = null;
    sink?.bodyCut?.();
    this.discard();
    if (x === null) return;
    logError(x, 'info', 'client prematurely closed stream');
    x.clientGone(499);
    sink?.bodyFailed(499);
  }

  /** Releases the exchange; bytes that still arrive are discarded. */
  finish(): void {
    this.exchange = null;
    this.sink = null;
    this.discard();
  }
}

const NO_BYTES = Buffer.alloc(0);

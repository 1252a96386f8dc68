/** `proxy_limit_rate`: limits the rate of reading a response from the upstream, in bytes/s. */
import type { ResponseHead } from '../http/response-head.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { Producer } from '../program/body.js';
import type { ResponseSink } from './response-sink.js';

/** Slices per second in which data is passed on. */
const SLICES = 10;

/**
 * Queues data of a read that exceeds the rate. As in nginx each slice is followed by the time that it stands for,
 * during which nothing is read.
 */
export class ReadingRate implements ResponseSink, Producer {
  private readonly queue = new ByteQueue();
  /** Ends the time of the last slice. */
  private timer: NodeJS.Timeout | null = null;
  /** Whether the next sink accepts no more data. */
  private full = false;
  private atEnd: (() => void) | null = null;

  /** `rate` in bytes/s, greater than 0. */
  constructor(
    private readonly sink: ResponseSink,
    public source: Producer,
    private readonly rate: number,
  ) {}

  get activity(): string {
    return this.source.activity ?? '';
  }

  head(response: ResponseHead): boolean {
    return this.sink.head(response);
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.queue.push(bytes, start, end);
    if (this.timer === null) this.step();
    return false;
  }

  end(trailers: string): void {
    this.finish(() => this.sink.end(trailers));
  }

  truncate(): void {
    this.finish(() => this.sink.truncate());
  }

  fail(status: number): void {
    this.clear();
    this.sink.fail(status);
  }

  /** Calls `then` once all data has been passed on. */
  private finish(then: () => void): void {
    if (this.queue.length > 0) this.atEnd = then;
    else {
      this.clear();
      then();
    }
  }

  /** The next sink accepts more data. */
  resume(): void {
    this.full = false;
    if (this.timer === null) this.source.resume();
  }

  abort(): void {
    this.clear();
    this.source.abort();
  }

  release(): void {
    this.clear();
    this.sink.release();
  }

  private clear(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.atEnd = null;
    this.queue.clear();
  }

  private step(): void {
    const { queue, rate } = this;
    let length = 0;
    // Before passing data: the response may end with the last slice.
    const sliceLength = Math.min(queue.length, Math.ceil(rate / SLICES));
    this.timer = setTimeout(() => this.tick(), (sliceLength * 1000) / rate);
    for (const piece of queue.front(sliceLength)) {
      if (!this.sink.bytes(piece, 0, piece.length)) this.full = true;
      length += piece.length;
      if (this.timer === null) return;
    }
    queue.drop(length);
    const { atEnd } = this;
    if (queue.length > 0 || atEnd === null) return;
    this.clear();
    atEnd();
  }

  private tick(): void {
    this.timer = null;
    if (this.queue.length > 0) this.step();
    else if (!this.full) this.source.resume();
  }
}

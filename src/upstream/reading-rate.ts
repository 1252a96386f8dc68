/** `proxy_limit_rate`: limits the rate of reading a response from the upstream, in bytes/s. */
import { ByteQueue } from '../net/byte-queue.js';

/** Slices per second in which data is passed on. */
const SLICES = 10;

/** The response being limited. */
export interface LimitedResponse {
  /** Pauses reading until `rateAvailable`. */
  rateExceeded(): void;
  /** Resumes reading. */
  rateAvailable(): void;
  /** Passes on a slice of the body; the buffer is borrowed. */
  pass(bytes: Buffer, start: number, end: number): void;
}

/**
 * Queues data of a read that exceeds the rate. As in nginx each slice is followed by the time that it stands for,
 * during which nothing is read.
 */
export class ReadingRate {
  private readonly queue = new ByteQueue();
  private timer: NodeJS.Timeout | null = null;
  private atEnd: (() => void) | null = null;

  /** `rate` in bytes/s, greater than 0. */
  constructor(
    private readonly response: LimitedResponse,
    private readonly rate: number,
  ) {}

  /** Queues bytes `start` to `end`; the buffer is borrowed. */
  write(bytes: Buffer, start: number, end: number): void {
    this.queue.push(bytes, start, end);
    if (this.timer === null) this.step();
  }

  /** Returns true if data is queued; `then` is called once it has been passed on. */
  defers(then: () => void): boolean {
    if (this.queue.length === 0) return false;
    this.atEnd = then;
    return true;
  }

  /** Releases the queue and the timer. */
  release(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.atEnd = null;
    this.queue.clear();
  }

  private step(): void {
    const { queue, rate, response } = this;
    let length = 0;
    // Before passing data: the response may end with the last slice.
    const sliceLength = Math.min(queue.length, Math.ceil(rate / SLICES));
    this.timer = setTimeout(() => this.tick(), (sliceLength * 1000) / rate);
    response.rateExceeded();
    for (const piece of queue.front(sliceLength)) {
      response.pass(piece, 0, piece.length);
      length += piece.length;
      if (this.timer === null) return;
    }
    queue.drop(length);
    const { atEnd } = this;
    if (queue.length > 0 || atEnd === null) return;
    this.release();
    atEnd();
  }

  private tick(): void {
    this.timer = null;
    if (this.queue.length > 0) this.step();
    else this.response.rateAvailable();
  }
}

/** `proxy_limit_rate`: an answer is taken from its upstream no faster than so many bytes in a second. */
import { ByteQueue } from '../http/byte-queue.js';

/** What is taken goes on in pieces that stand for this part of a second. */
const SLICES = 10;

/** The answer on both sides of the limit. */
export interface LimitedAnswer {
  /** Nothing is to be read until `rateLets`. */
  rateHolds(): void;
  /** More may be read. */
  rateLets(): void;
  /** A piece of the body; it is lent. */
  pass(bytes: Buffer, start: number, end: number): void;
}

/**
 * Holds what one read brought and is more than may pass by now. As in nginx each piece is followed by the time that it
 * stands for, in which nothing is read.
 */
export class ReadingRate {
  private readonly queue = new ByteQueue();
  private timer: NodeJS.Timeout | null = null;
  private atEnd: (() => void) | null = null;

  /** `rate` in bytes per second, more than 0. */
  constructor(
    private readonly answer: LimitedAnswer,
    private readonly rate: number,
  ) {}

  /** Takes bytes `start` to `end`, which are lent. */
  write(bytes: Buffer, start: number, end: number): void {
    this.queue.push(bytes, start, end);
    if (this.timer === null) this.step();
  }

  /** True where something is still to pass; `then` is called when it has. */
  defers(then: () => void): boolean {
    if (this.queue.length === 0) return false;
    this.atEnd = then;
    return true;
  }

  /** Lets go of everything. */
  release(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.atEnd = null;
    this.queue.clear();
  }

  private step(): void {
    const { queue, rate, answer } = this;
    let length = 0;
    // Before anything passes: with the last piece the answer may be over.
    const most = Math.min(queue.length, Math.ceil(rate / SLICES));
    this.timer = setTimeout(() => this.tick(), (most * 1000) / rate);
    answer.rateHolds();
    for (const piece of queue.front(most)) {
      answer.pass(piece, 0, piece.length);
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
    else this.answer.rateLets();
  }
}

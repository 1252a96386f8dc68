/** `limit_rate`: the body of an answer leaves no faster than so many bytes in a second. */
import { performance } from 'node:perf_hooks';
import { parseSize } from '../config/units.js';
import { ByteQueue } from '../http/byte-queue.js';
import type { Chunk, Producer } from './client-side.js';
import type { Exchange } from './exchange.js';
import type { Template } from './template.js';

/** The limit for an answer; null where there is none. A rate that was set (`$limit_rate`) wins over the configured one. */
export function paceOf(x: Exchange): Pace | null {
  const { limitRate, limitRateAfter } = x.location.settings;
  if (x.limitRate < 0) {
    if (limitRate === null) return null;
    x.limitRate = sizeOf(limitRate, x);
  }
  if (x.limitRate === 0) return null;
  return new Pace(x, x.limitRate, limitRateAfter === null ? 0 : sizeOf(limitRateAfter, x));
}

function sizeOf(template: Template, x: Exchange): number {
  return parseSize(template.of(x)) ?? 0;
}

/**
 * Stands between an exchange and its client. While it holds something it takes the producer's place, so that nobody makes
 * more before that has left.
 */
export class Pace implements Producer {
  private readonly started = performance.now();
  /** Bytes sent to the client before the body: the head counts, as in nginx. */
  private sent: number;
  /** Time before which nothing more is sent: what was sent last has to take its time. */
  private notBefore = 0;
  private readonly held = new ByteQueue();
  private timer: NodeJS.Timeout | null = null;
  private producer: Producer | null = null;
  private atEnd: (() => void) | null = null;

  /** `rate` in bytes per second, more than 0; the first `after` bytes do not count. */
  constructor(
    private readonly x: Exchange,
    private readonly rate: number,
    private readonly after: number,
  ) {
    this.sent = x.client.bytesSent;
  }

  get activity(): string {
    return this.producer?.activity ?? '';
  }

  /** Takes a piece of the body; false: wait for the producer's `resume`. */
  write(chunk: Chunk): boolean {
    const { x } = this;
    if (this.held.length === 0 && performance.now() >= this.notBefore && chunk.length <= this.allowed()) {
      this.account(chunk.length);
      return x.client.write(chunk);
    }
    this.held.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk, 0, chunk.length);
    if (x.producer !== this) {
      this.producer = x.producer;
      x.producer = this;
    }
    // Not from here: the producer would be told to go on before it knows that it is to stop.
    this.timer ??= setTimeout(() => this.tick(), 0);
    return false;
  }

  /** True where something is still to be sent; `then` is called when it has left. */
  defers(then: () => void): boolean {
    if (this.held.length === 0) return false;
    this.producer = null;
    this.atEnd = then;
    return true;
  }

  /** The client can take more. */
  resume(): void {
    if (this.timer === null) this.pump();
  }

  /** The client is gone. */
  abort(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.held.clear();
    this.atEnd = null;
    this.producer?.abort();
  }

  /** Bytes that may be sent at once: those of the seconds that have begun, less those that were sent. */
  private allowed(): number {
    const seconds = Math.floor((performance.now() - this.started) / 1000) + 1;
    return this.after + this.rate * seconds - this.sent;
  }

  /** Counts bytes as sent, and puts the next ones off for as long as these may take; those that are free take no time. */
  private account(bytes: number): void {
    const before = Math.max(0, this.sent - this.after);
    this.sent += bytes;
    const limited = Math.max(0, this.sent - this.after) - before;
    this.notBefore = performance.now() + Math.floor((limited * 1000) / this.rate);
  }

  private pump(): void {
    while (this.held.length > 0) {
      const allowed = this.allowed();
      const delay = Math.max(this.notBefore - performance.now(), allowed > 0 ? 0 : (-allowed * 1000) / this.rate + 1);
      if (delay > 0) {
        this.timer = setTimeout(() => this.tick(), Math.ceil(delay));
        return;
      }
      const piece = this.held.first().subarray(0, allowed);
      this.account(piece.length);
      const more = this.x.client.write(piece);
      // The client may be gone, and nothing held any more.
      if (this.held.length === 0) return;
      this.held.drop(piece.length);
      if (!more) {
        if (this.held.length === 0) this.letGo(false);
        return;
      }
    }
    this.letGo(true);
  }

  private tick(): void {
    this.timer = null;
    if (!this.x.finished) this.pump();
  }

  /** Nothing is held any more. */
  private letGo(more: boolean): void {
    const { x, producer, atEnd } = this;
    x.producer = producer;
    this.producer = null;
    this.atEnd = null;
    if (atEnd !== null) atEnd();
    else if (more) producer?.resume();
  }
}

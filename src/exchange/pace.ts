/** `limit_rate`: limits the rate of sending a response, in bytes/s. */

import { performance } from 'node:perf_hooks';
import { parseSize } from '../config/units.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { Chunk, Producer } from '../program/body.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';
import type { BodyPace, EngineExchange } from './engine-exchange.js';

/** `limit_rate`, and `limit_rate_after`; null if not set. */
export const RATE = new SettingsKey<{ readonly rate: Template | null; readonly after: Template | null }>('rate', {
  rate: null,
  after: null,
});

/** Returns the limiter of a response, or null. A rate set at run time (`$limit_rate`) overrides the configured one. */
export function paceOf(x: EngineExchange): Pace | null {
  const { rate, after } = x.location.settings.get(RATE);
  if (x.limitRate < 0) {
    if (rate === null) return null;
    x.limitRate = sizeOf(rate, x);
  }
  if (x.limitRate === 0) return null;
  return new Pace(x, x.limitRate, after === null ? 0 : sizeOf(after, x));
}

function sizeOf(template: Template, x: EngineExchange): number {
  return parseSize(template.of(x)) ?? 0;
}

/**
 * Limits the data from an exchange to its client. While data is held it replaces the producer, so that no more is
 * produced before it has been sent.
 */
export class Pace implements Producer, BodyPace {
  private readonly started = performance.now();
  /** Bytes sent to the client before the body; as in nginx, the head counts. */
  private sent: number;
  /** Time before which nothing is sent, to account for the last data sent. */
  private notBefore = 0;
  private readonly held = new ByteQueue();
  private timer: NodeJS.Timeout | null = null;
  private producer: Producer | null = null;
  private atEnd: (() => void) | null = null;
  /** Whether the head is held, because it exceeds the amount that may be sent at once. */
  private headHeld = false;

  /** `rate` in bytes/s, greater than 0; the first `after` bytes do not count. */
  constructor(
    private readonly x: EngineExchange,
    private readonly rate: number,
    private readonly after: number,
  ) {
    this.sent = x.client.bytesSent;
    const excess = -this.allowed();
    if (excess > 0) this.holdHead(Math.ceil(excess / rate) * 1000);
  }

  /** Holds the head until its last byte may be sent; nginx sends it in parts. */
  private holdHead(delay: number): void {
    const { client } = this.x;
    this.headHeld = true;
    client.cork();
    setTimeout(() => {
      this.headHeld = false;
      if (this.x.finished) return;
      client.uncork();
      if (this.held.length === 0 && this.atEnd !== null) this.restoreProducer(false);
    }, delay);
  }

  get activity(): string {
    return this.producer?.activity ?? '';
  }

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
    // Not synchronously: the producer would be resumed before it knows that it has to pause.
    this.timer ??= setTimeout(() => this.tick(), 0);
    return false;
  }

  defers(then: () => void): boolean {
    if (this.held.length === 0 && !this.headHeld) return false;
    this.producer = null;
    this.atEnd = then;
    return true;
  }

  /** The client accepts more data. */
  resume(): void {
    if (this.timer === null) this.pump();
  }

  /** The client closed the connection. */
  abort(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.held.clear();
    this.atEnd = null;
    this.producer?.abort();
  }

  /** Bytes that may be sent now: those of the seconds begun so far, minus those sent. */
  private allowed(): number {
    const seconds = Math.floor((performance.now() - this.started) / 1000) + 1;
    return this.after + this.rate * seconds - this.sent;
  }

  /** Counts bytes as sent and delays the next ones accordingly; bytes exempt from the limit cause no delay. */
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
      // The client may have closed the connection, which clears the queue.
      if (this.held.length === 0) return;
      this.held.drop(piece.length);
      if (!more) {
        if (this.held.length === 0) this.restoreProducer(false);
        return;
      }
    }
    this.restoreProducer(true);
  }

  private tick(): void {
    this.timer = null;
    if (!this.x.finished) this.pump();
  }

  /** Removes the limiter from the producer's place: nothing is held any more. */
  private restoreProducer(more: boolean): void {
    const { x, producer, atEnd } = this;
    x.producer = producer;
    this.producer = null;
    this.atEnd = null;
    if (atEnd !== null) atEnd();
    else if (more) producer?.resume();
  }
}

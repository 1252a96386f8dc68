/** Relays the body of an upstream response to the client. */
import { parseSize } from '../config/units.js';
import type { HttpExchange } from '../exchange/exchange.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { UpstreamSettings } from './forwarding-rules.js';
import { type LimitedResponse, ReadingRate } from './reading-rate.js';
import { isBuffered, type ResponseSource, ResponseSpool } from './response-spool.js';

/**
 * Data that the client accepts at once is passed through without being stored; a spool is created when the client is slow
 * for the first time.
 */
export class ResponseRelay implements ResponseSource, LimitedResponse {
  /** Whether a slow client does not slow down the upstream (`proxy_buffering`). */
  buffered = false;
  /** Buffers the response for a slow client; null until the client is slow. */
  private spool: ResponseSpool | null = null;
  /** Limits the rate (`proxy_limit_rate`); null if unlimited. */
  private rate: ReadingRate | null = null;
  private pausedByClient = false;
  private pausedByRate = false;
  private paused = false;

  /** `source`: the upstream. */
  constructor(
    private readonly x: HttpExchange,
    private readonly settings: UpstreamSettings,
    private readonly source: ResponseSource,
  ) {}

  /** Prepares to relay a response with these fields; its head has not been sent. */
  begin(headers: HeaderBlock): void {
    const { x, settings } = this;
    this.buffered = settings.obeysBuffering ? isBuffered(headers, settings.buffering) : settings.buffering;
    x.unbuffered = !this.buffered;
    // As in nginx: an unbuffered response is not rate-limited.
    if (!this.buffered) x.limitRate = 0;
    else if (settings.limitRate !== null) {
      const rate = parseSize(settings.limitRate.of(x)) ?? 0;
      if (rate > 0) this.rate = new ReadingRate(this, rate);
    }
  }

  /** Relays bytes `start` to `end` of the body; the buffer is borrowed. */
  write(bytes: Buffer, start: number, end: number): void {
    if (this.rate !== null) this.rate.write(bytes, start, end);
    else this.pass(bytes, start, end);
  }

  /** The body is complete. */
  end(): void {
    if (this.rate === null || !this.rate.defers(() => this.passEnd())) this.passEnd();
  }

  /** The body will not be complete: buffered data is still sent. */
  truncate(): void {
    if (this.rate === null || !this.rate.defers(() => this.passCut())) this.passCut();
  }

  /** Releases buffered data. */
  release(): void {
    this.rate?.release();
    this.spool?.release();
  }

  pass(bytes: Buffer, start: number, end: number): void {
    const { x, spool } = this;
    if (spool !== null) spool.write(bytes, start, end);
    else if (!x.writeBytes(bytes, start, end)) {
      if (this.buffered) this.spool = new ResponseSpool(x, this.settings.spool, this);
      else this.pauseSource();
    }
  }

  private passEnd(): void {
    if (this.spool !== null) this.spool.end();
    else this.x.end();
  }

  private passCut(): void {
    if (this.spool !== null) this.spool.cut();
    else {
      this.x.producer = null;
      this.x.flush();
      this.x.abort();
    }
  }

  /** The client accepts more data. */
  resume(): void {
    if (this.spool !== null) this.spool.resume();
    else this.resumeSource();
  }

  // -- pausing and resuming the upstream

  pauseSource(): void {
    this.pausedByClient = true;
    this.update();
  }

  resumeSource(): void {
    this.pausedByClient = false;
    this.update();
  }

  rateExceeded(): void {
    this.pausedByRate = true;
    this.update();
  }

  rateAvailable(): void {
    this.pausedByRate = false;
    this.update();
  }

  private update(): void {
    const paused = this.pausedByClient || this.pausedByRate;
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) this.source.pauseSource();
    else this.source.resumeSource();
  }
}

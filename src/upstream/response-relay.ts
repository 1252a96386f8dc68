/** The part of a request to an upstream that moves the body of the answer to the client. */
import { parseSize } from '../config/units.js';
import type { Producer } from '../exchange/client-side.js';
import type { HeaderBlock } from '../http/header-block.js';
import { type AnswerSource, AnswerSpool, isBuffered } from './answer-spool.js';
import { type LimitedAnswer, ReadingRate } from './reading-rate.js';
import { RequestWriter } from './request-writer.js';

/**
 * A base class, so that a request stays one object. What the client takes as it comes passes through here and leaves nothing
 * behind; a spool is made when it is slow for the first time.
 */
export abstract class ResponseRelay extends RequestWriter implements Producer, AnswerSource, LimitedAnswer {
  /** A slow client does not hold the upstream (`proxy_buffering`). */
  private buffered = false;
  /** Where the answer waits for the client; null as long as that takes everything. */
  private spool: AnswerSpool | null = null;
  /** The upstream is read into a spool when the client is slow. */
  protected get buffers(): boolean {
    return this.buffered;
  }
  /** Holds back what comes too fast (`proxy_limit_rate`); null where nothing limits it. */
  private rate: ReadingRate | null = null;
  private heldByClient = false;
  private heldByRate = false;

  abstract abort(): void;

  /** An answer with these fields is to be sent; its head was not yet. */
  protected beginRelay(headers: HeaderBlock): void {
    const { x, settings } = this;
    this.buffered = settings.obeysBuffering ? isBuffered(headers, settings.buffering) : settings.buffering;
    // As in nginx: an answer that is not buffered is not slowed down either.
    if (!this.buffered) x.limitRate = 0;
    else if (settings.limitRate !== null) {
      const rate = parseSize(settings.limitRate.of(x)) ?? 0;
      if (rate > 0) this.rate = new ReadingRate(this, rate);
    }
  }

  /** Bytes `start` to `end` of the body, which are lent. */
  protected relay(bytes: Buffer, start: number, end: number): void {
    if (this.rate !== null) this.rate.write(bytes, start, end);
    else this.pass(bytes, start, end);
  }

  /** The body is complete. */
  protected relayEnd(): void {
    if (this.rate === null || !this.rate.defers(() => this.passEnd())) this.passEnd();
  }

  /** The body will not be complete: what there is of it still goes out. */
  protected relayCut(): void {
    if (this.rate === null || !this.rate.defers(() => this.passCut())) this.passCut();
  }

  /** Lets go of what waits. */
  protected releaseRelay(): void {
    this.rate?.release();
    this.spool?.release();
  }

  pass(bytes: Buffer, start: number, end: number): void {
    const { x, spool } = this;
    if (spool !== null) spool.write(bytes, start, end);
    else if (!x.writeBytes(bytes, start, end)) {
      if (this.buffered) this.spool = new AnswerSpool(x, this.settings.spool, this);
      else this.holdBack();
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
      this.x.abort();
    }
  }

  resume(): void {
    if (this.spool !== null) this.spool.resume();
    else this.goOn();
  }

  // -- whether the upstream is read from

  holdBack(): void {
    this.heldByClient = true;
    this.stopReading();
  }

  goOn(): void {
    this.heldByClient = false;
    this.readOn();
  }

  rateHolds(): void {
    this.heldByRate = true;
    this.stopReading();
  }

  rateLets(): void {
    this.heldByRate = false;
    this.readOn();
  }

  private stopReading(): void {
    const { connection } = this;
    if (connection === null) return;
    this.paused = true;
    connection.transport.pause();
    if (this.requestComplete) connection.deadline = 0;
  }

  private readOn(): void {
    const { connection } = this;
    if (!this.paused || this.heldByClient || this.heldByRate || connection === null) return;
    this.paused = false;
    if (this.requestComplete) this.waitToRead(connection);
    connection.transport.resume();
  }
}

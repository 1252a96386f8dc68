/** Handlers of server-sent events, and the sink that calls them. */
import { EventReader } from '../http/event-reader.js';
import type { ResponseHead } from '../http/response-head.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { Producer } from '../program/body.js';
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import type { ResponseSink } from './response-sink.js';

/**
 * Decision about an event. Null: it is passed on unchanged. `bytes`: replacement events, possibly none. `end`: the stream
 * ends.
 */
export type EventDecision = null | { readonly bytes: Buffer; readonly end: boolean };

/** Handles the events of one stream, one at a time and in order. */
export interface EventHandler {
  /** Maximum length of an event, bytes; a longer one ends the stream. */
  readonly maxEvent: number;
  /**
   * Decides about an event: its lines with the empty line that ends it, borrowed until it returns. While a promise is pending,
   * the upstream is paused. The promise is not rejected.
   */
  handle(event: Buffer): EventDecision | Promise<EventDecision>;
  /** Reports an event that is too long. */
  tooLong(): void;
}

/** Creates the handler of the events of a response; null: there is none. */
export const EVENT_HANDLER = new SettingsKey<((x: Exchange) => EventHandler) | null>('handler of events', null);

/** A request to an upstream that can be ended before its response. */
export interface Abandonable {
  /** Ends it; what has been received is still sent to the client. */
  abandon(): void;
}

const COLON = 58;
const LF = 10;
const CR = 13;

/** Whether a segment of a stream is an event, and not a comment, an empty line or a byte order mark. */
function isEvent(segment: Buffer): boolean {
  const first = segment[0];
  return first !== COLON && first !== LF && first !== CR && !(first === 0xef && segment.length === 3);
}

/** Follows `EventStream`, so that its events are counted, and repeated ones dropped, before they are handled. */
export class HandledEvents implements ResponseSink, Producer {
  private readonly reader = new EventReader();
  /** Beginning of an incomplete event. */
  private readonly partial = new ByteQueue();
  /** Bytes that wait for a decision or for the client. */
  private readonly queue = new ByteQueue();
  private pending = false;
  private blocked = false;
  /** Whether the last segment was not passed on unchanged. */
  private replaced = false;
  private over = false;
  /** End of the response, after the queued bytes. */
  private atEnd: (() => void) | null = null;

  constructor(
    private readonly next: ResponseSink,
    public source: Producer,
    private readonly upstream: Abandonable,
    private readonly handler: EventHandler,
  ) {}

  get activity(): string {
    return this.source.activity ?? '';
  }

  head(response: ResponseHead): boolean {
    return this.next.head(response);
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.over) return true;
    const read = this.queue.length > 0 ? start : this.read(bytes, start, end);
    if (read < end && !this.isOver) this.queue.push(bytes, read, end);
    return !this.stalled || this.isOver;
  }

  private get stalled(): boolean {
    return this.pending || this.blocked;
  }

  /** A getter, because calls in between may change it. */
  private get isOver(): boolean {
    return this.over;
  }

  /** Reads bytes until an event has to wait; returns the position reached. */
  private read(bytes: Buffer, start: number, end: number): number {
    const { reader, partial } = this;
    let at = start;
    while (at < end && !this.stalled && !this.over) {
      const from = at;
      if (reader.between && reader.afterCr && bytes[at] === LF) {
        // The rest of a CRLF belongs to the segment before.
        reader.afterCr = false;
        at++;
        if (!this.replaced) this.pass(bytes.subarray(from, at));
        continue;
      }
      at = reader.read(bytes, at, end);
      if (reader.between) {
        this.segment(partial.length === 0 ? bytes.subarray(from, at) : this.completed(bytes, from, at));
      } else if (partial.length + at - from > this.handler.maxEvent) this.tooLong();
      else partial.push(bytes, from, at);
    }
    return at;
  }

  private completed(bytes: Buffer, start: number, end: number): Buffer {
    const { partial } = this;
    partial.push(bytes, start, end);
    return partial.takeAll();
  }

  private segment(bytes: Buffer): void {
    this.replaced = false;
    if (!isEvent(bytes)) {
      this.pass(bytes);
      return;
    }
    if (bytes.length > this.handler.maxEvent) {
      this.tooLong();
      return;
    }
    const decision = this.handler.handle(bytes);
    if (!(decision instanceof Promise)) {
      this.decided(decision, bytes);
      return;
    }
    this.pending = true;
    // The bytes are borrowed from the upstream's buffer.
    const copy = Buffer.from(bytes);
    void decision.then((settled) => {
      this.pending = false;
      if (this.over) return;
      this.decided(settled, copy);
      this.continue();
    });
  }

  private decided(decision: EventDecision, bytes: Buffer): void {
    if (decision === null) {
      this.pass(bytes);
      return;
    }
    this.replaced = true;
    if (decision.bytes.length > 0) this.pass(decision.bytes);
    if (decision.end) this.stop(() => this.next.end(''));
  }

  private pass(bytes: Buffer): void {
    if (!this.next.bytes(bytes, 0, bytes.length)) this.blocked = true;
  }

  private tooLong(): void {
    this.handler.tooLong();
    this.stop(() => this.next.truncate());
  }

  /** Ends the response although the upstream continues. */
  private stop(end: () => void): void {
    if (this.over) return;
    this.clear();
    this.upstream.abandon();
    end();
  }

  /** Continues with queued bytes, then with the end of the response or with the upstream. */
  private continue(): void {
    const { queue } = this;
    while (queue.length > 0 && !this.stalled && !this.isOver) {
      const first = queue.first();
      const read = this.read(first, 0, first.length);
      if (this.isOver) return;
      queue.drop(read);
    }
    if (this.stalled || this.isOver) return;
    const { atEnd } = this;
    if (atEnd === null) this.source.resume();
    else {
      this.clear();
      atEnd();
    }
  }

  /** Ends the response when the queued bytes have been handled. An incomplete event is dropped, as clients do. */
  private endLater(end: () => void): void {
    if (this.over) return;
    if (this.pending || this.queue.length > 0) this.atEnd = end;
    else {
      this.clear();
      end();
    }
  }

  end(trailers: string): void {
    this.endLater(() => this.next.end(trailers));
  }

  truncate(): void {
    this.endLater(() => this.next.truncate());
  }

  fail(status: number): void {
    this.clear();
    this.next.fail(status);
  }

  /** The client accepts more data. */
  resume(): void {
    this.blocked = false;
    if (!this.over) this.continue();
  }

  abort(): void {
    this.clear();
    this.source.abort();
  }

  release(): void {
    this.clear();
    this.next.release();
  }

  private clear(): void {
    this.over = true;
    this.partial.clear();
    this.queue.clear();
    this.atEnd = null;
  }
}

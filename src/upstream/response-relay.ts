/** Relays a response: directly as long as the client is as fast as the upstream, then through a spool. */
import type { ResponseHead } from '../http/response-head.js';
import type { Producer } from '../program/body.js';
import type { ResponseSink } from './response-sink.js';
import { ResponseSpool, type SpooledExchange, type SpoolSettings } from './response-spool.js';

/** The spool is created when the client is slow for the first time. */
export class ResponseRelay implements ResponseSink, Producer {
  /** Whether a slow client does not slow down the upstream (`proxy_buffering`). */
  buffered = false;
  private spool: ResponseSpool | null = null;

  /** `source`: the upstream. */
  constructor(
    private readonly x: SpooledExchange,
    private readonly settings: SpoolSettings,
    private readonly sink: ResponseSink,
    public source: Producer,
  ) {}

  get activity(): string {
    return this.source.activity ?? '';
  }

  head(response: ResponseHead): boolean {
    return this.sink.head(response);
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.spool !== null) return this.spool.bytes(bytes, start, end);
    if (this.sink.bytes(bytes, start, end)) return true;
    if (!this.buffered) return false;
    this.spool = new ResponseSpool(this.x, this.settings, this.sink, this.source);
    return true;
  }

  end(trailers: string): void {
    (this.spool ?? this.sink).end(trailers);
  }

  truncate(): void {
    (this.spool ?? this.sink).truncate();
  }

  fail(status: number): void {
    this.sink.fail(status);
  }

  /** The client accepts more data. */
  resume(): void {
    (this.spool ?? this.source).resume();
  }

  abort(): void {
    this.release();
    this.source.abort();
  }

  release(): void {
    (this.spool ?? this.sink).release();
  }
}

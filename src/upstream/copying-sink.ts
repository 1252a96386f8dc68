/** A sink that copies the body of a response elsewhere, and passes the response on. */
import type { ResponseHead } from '../http/response-head.js';
import type { ResponseSink } from './response-sink.js';

export abstract class CopyingSink implements ResponseSink {
  constructor(protected readonly next: ResponseSink) {}

  /** Copies bytes `start` to `end`; borrowed. A failure must not affect the response. */
  protected abstract write(bytes: Buffer, start: number, end: number): void;
  /** The copy is complete. */
  protected abstract finish(): void;
  /** The copy will not be complete, or is complete already. */
  protected abstract discard(): void;

  head(response: ResponseHead): boolean {
    return this.next.head(response);
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.write(bytes, start, end);
    return this.next.bytes(bytes, start, end);
  }

  end(trailers: string): void {
    this.finish();
    this.next.end(trailers);
  }

  truncate(): void {
    this.discard();
    this.next.truncate();
  }

  fail(status: number): void {
    this.discard();
    this.next.fail(status);
  }

  release(): void {
    this.discard();
    this.next.release();
  }
}

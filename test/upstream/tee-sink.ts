/** A sink that passes a response on and copies it, as a cache or a mirror of responses would. */
import type { ResponseHead } from '../../src/http/response-head.js';
import type { ResponseSink } from '../../src/upstream/response-sink.js';

export class TeeSink implements ResponseSink {
  status = 0;
  copy = Buffer.alloc(0);
  /** `complete`, or the reason why the copy is not. */
  result = '';

  constructor(private readonly sink: ResponseSink) {}

  head(response: ResponseHead): boolean {
    this.status = response.status;
    return this.sink.head(response);
  }
  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.copy = Buffer.concat([this.copy, bytes.subarray(start, end)]);
    return this.sink.bytes(bytes, start, end);
  }
  end(trailers: string): void {
    this.result = 'complete';
    this.sink.end(trailers);
  }
  truncate(): void {
    this.result = 'truncated';
    this.sink.truncate();
  }
  fail(status: number): void {
    this.result = `failed with ${status}`;
    this.sink.fail(status);
  }
  release(): void {
    this.sink.release();
  }
}

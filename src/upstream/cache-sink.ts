/** Stores a response in the cache, and passes it on. */
import type { CacheUse } from '../cache/cache-use.js';
import type { EntryHead } from '../cache/entry-head.js';
import type { EntryWriter } from '../cache/entry-writer.js';
import type { FillLock } from '../cache/fill-lock.js';
import type { ResponseHead } from '../http/response-head.js';
import type { ResponseSink } from './response-sink.js';

/** A response whose storing fails is passed on all the same. */
export class CacheSink implements ResponseSink {
  private writer: EntryWriter | null;
  /** Announces the file while it is written; null if others wait for its end. */
  private readonly lock: FillLock | null;
  /** Bytes of the body that other requests can read. */
  private available = 0;

  constructor(
    private readonly next: ResponseSink,
    private readonly use: CacheUse,
    head: EntryHead,
  ) {
    this.writer = use.write(head);
    this.lock = this.writer === null ? null : use.announcedBy;
    if (this.lock === null) return;
    this.flush();
    if (this.writer !== null) this.lock.announce(this.writer.path, () => this.flush());
  }

  head(response: ResponseHead): boolean {
    return this.next.head(response);
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    const { writer } = this;
    if (writer !== null) {
      try {
        writer.write(bytes, start, end);
        this.lock?.grown();
      } catch (error) {
        this.discard();
        this.use.storingFailed(error);
      }
    }
    return this.next.bytes(bytes, start, end);
  }

  end(trailers: string): void {
    const { writer } = this;
    this.writer = null;
    if (writer !== null) this.use.finish(writer);
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

  /** Writes everything to the file; returns the length of the body that can be read there. */
  private flush(): number {
    const { writer } = this;
    if (writer === null) return this.available;
    try {
      writer.flush();
      this.available = writer.available;
    } catch (error) {
      this.discard();
      this.use.storingFailed(error);
    }
    return this.available;
  }

  private discard(): void {
    this.writer?.discard();
    this.writer = null;
  }
}

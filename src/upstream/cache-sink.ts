/** Stores a response in the cache, and passes it on. */
import type { CacheUse } from '../cache/cache-use.js';
import type { EntryHead } from '../cache/entry-head.js';
import type { EntryWriter } from '../cache/entry-writer.js';
import type { FillLock } from '../cache/fill-lock.js';
import { CopyingSink } from './copying-sink.js';
import type { ResponseSink } from './response-sink.js';

/** A response whose storing fails is passed on all the same. */
export class CacheSink extends CopyingSink {
  private writer: EntryWriter | null;
  /** Announces the file while it is written; null if others wait for its end. */
  private readonly lock: FillLock | null;
  /** Bytes of the body that other requests can read. */
  private available = 0;

  constructor(
    next: ResponseSink,
    private readonly use: CacheUse,
    head: EntryHead,
  ) {
    super(next);
    this.writer = use.write(head);
    this.lock = this.writer === null ? null : use.announcedBy;
    if (this.lock === null) return;
    this.flush();
    if (this.writer !== null) this.lock.announce(this.writer.path, () => this.flush());
  }

  protected write(bytes: Buffer, start: number, end: number): void {
    const { writer } = this;
    if (writer === null) return;
    try {
      writer.write(bytes, start, end);
      this.lock?.grown();
    } catch (error) {
      this.discard();
      this.use.storingFailed(error);
    }
  }

  protected finish(): void {
    const { writer } = this;
    this.writer = null;
    if (writer !== null) this.use.finish(writer);
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

  protected discard(): void {
    this.writer?.discard();
    this.writer = null;
  }
}

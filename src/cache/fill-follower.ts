/**
 * A response that is sent while another request stores it (`proxy_cache_lock on stream`). If that request fails, because its
 * worker was killed or its upstream has failed, the entry is requested again, and the response continues with the same byte.
 */
import { closeSync } from 'node:fs';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { openGrowing } from './entry-file.js';
import type { EntryHead } from './entry-head.js';
import type { FillLock, LockResult, LockTerms } from './fill-lock.js';
import { FillProgress } from './fill-progress.js';
import { GrowingBody, type GrowingFile } from './growing-body.js';

/** Failures of other requests after which one response continues. */
const MAX_FAILURES = 4;
/** ms before each further request for the entry that is made for the same response. */
const REFILL_DELAY = 100;

/** An entry that is being written: opened, with its head. */
export interface GrowingEntry {
  readonly head: EntryHead;
  readonly file: GrowingFile;
  readonly progress: FillProgress;
}

export interface FollowerOptions {
  readonly terms: LockTerms;
  /** Path of the entry. */
  readonly path: string;
  /** A further lock of the entry. */
  readonly newLock: () => FillLock;
  /** Requests the entry in the background; that request ends the lock. Returns false if that is not possible. */
  readonly refill: (lock: FillLock) => boolean;
}

/** Opens the entry that is being written; null if it has been moved or removed, or if its head is not valid. */
export function openGrowingEntry(progress: FillProgress): GrowingEntry | null {
  try {
    const opened = openGrowing(progress.path);
    if (opened === null) return null;
    const { fd, stored } = opened;
    return { head: stored.head, file: { fd, bodyStart: stored.bodyStart }, progress };
  } catch {
    return null;
  }
}

/** Opens an entry that was stored meanwhile, as one whose writing has ended. */
function openStoredEntry(path: string): GrowingEntry | null {
  try {
    const opened = openGrowing(path);
    if (opened === null) return null;
    const { fd, stored } = opened;
    const progress = new FillProgress(path, 0, () => {});
    progress.grow(stored.bodyLength, 'filled');
    return { head: stored.head, file: { fd, bodyStart: stored.bodyStart }, progress };
  } catch {
    return null;
  }
}

function lengthField({ fields }: EntryHead): string {
  return /^content-length:[ \t]*([0-9]+)/im.exec(fields)?.[1] ?? '';
}

/** Whether the response is the same one as far as the heads tell. */
function isSame(a: EntryHead, b: EntryHead): boolean {
  return (
    a.key === b.key &&
    a.status === b.status &&
    a.etag === b.etag &&
    a.lastModified === b.lastModified &&
    a.variant === b.variant &&
    lengthField(a) === lengthField(b)
  );
}

export class FillFollower {
  private body: GrowingBody | null = null;
  private failures = 0;
  private refills = 0;
  private timer: NodeJS.Timeout | null = null;
  private over = false;

  /** `lock` was acquired with the result `entry.progress`. */
  constructor(
    private readonly x: Exchange,
    private lock: FillLock,
    private readonly entry: GrowingEntry,
    private readonly options: FollowerOptions,
  ) {}

  /** Head of the entry. */
  get head(): EntryHead {
    return this.entry.head;
  }

  /** Sends the body; the head was sent. `stall`: ms without progress after which the response is truncated. */
  start(stall: number): void {
    const { x, entry } = this;
    this.body = new GrowingBody(x, entry.file, entry.progress, {
      stall,
      log: (level, message) => logError(x, level, message),
      onFailure: () => this.recover(),
      onEnd: () => this.end(),
    });
    this.body.resume();
  }

  /** The body is not sent, or not any more. */
  release(): void {
    if (this.over) return;
    if (this.body !== null) this.body.abort();
    else {
      closeSync(this.entry.file.fd);
      this.end();
    }
  }

  private end(): void {
    this.over = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.lock.leave();
  }

  /** The entry will not be complete. Returns whether it is requested again. */
  private recover(): boolean {
    if (++this.failures > MAX_FAILURES) return false;
    this.lock.leave();
    this.acquire();
    return true;
  }

  private acquire(): void {
    this.lock = this.options.newLock();
    const result = this.lock.acquire(this.options.terms);
    if (result instanceof Promise) result.then((settled) => this.acquired(settled));
    else this.acquired(result);
  }

  private acquired(result: LockResult): void {
    if (this.over) {
      this.lock.leave();
      return;
    }
    if (result === 'mine') {
      if (++this.refills > MAX_FAILURES) this.truncate();
      else if (this.refills === 1) this.refill();
      else this.timer = setTimeout(() => this.refill(), REFILL_DELAY);
    } else if (result === 'filled') this.continueWith(openStoredEntry(this.options.path));
    else if (result instanceof FillProgress)
      // It may have been stored a moment ago.
      this.continueWith(openGrowingEntry(result) ?? openStoredEntry(this.options.path));
    else this.truncate();
  }

  /** Requests the entry in the background, because this response continues in its middle. */
  private refill(): void {
    if (this.options.refill(this.lock)) this.acquire();
    else this.truncate();
  }

  private continueWith(entry: GrowingEntry | null): void {
    if (entry !== null && isSame(entry.head, this.entry.head)) {
      this.body?.replace(entry.file, entry.progress);
      return;
    }
    if (entry !== null) closeSync(entry.file.fd);
    // The file was removed after another failure.
    else if (this.recover()) return;
    this.truncate();
  }

  private truncate(): void {
    this.body?.truncate('error', 'response that is being stored cannot be completed');
  }
}

/**
 * Locks of missing entries in the cache of a zone, as a table's requests use them (`proxy_cache_lock`). The zone decides
 * across processes (`src/zones/cache-locks.ts`); here are the requests of this process that wait, and their timeouts.
 */
import { announceFill, endFill, type LockAnswer, lockEntry, reportFill } from '../zones/cache-lock-operations.js';
import type { FillEnd, GrowingFill, LockNews } from '../zones/cache-locks.js';
import { giveBack, newTicket } from '../zones/tickets.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { FillProgress } from './fill-progress.js';

/** How a request asks for the lock. Times in ms. */
export interface LockTerms {
  /** `no`: does not wait. `complete`: waits for the complete entry. `stream`: reads an entry that is being written. */
  readonly wait: 'no' | 'complete' | 'stream';
  /** `proxy_cache_lock_timeout`: longest wait. */
  readonly timeout: number;
  /** `proxy_cache_lock_age`: another request may request the entry as well after so long. */
  readonly age: number;
}

/**
 * `mine`: the request is the filler, and looks the entry up again before it requests it if it has waited. `filled`: the entry
 * was stored meanwhile. `timeout`: it waited long enough. `busy`: another request is the filler, and this one does not wait.
 * `unlocked`: requested without a lock, and stored if it may be. A `FillProgress`: the entry that is being written.
 */
export type LockResult = 'mine' | 'filled' | 'timeout' | 'busy' | 'unlocked' | FillProgress;

/** ms between questions while the backend does not respond, and the longest time for which it is waited. */
const RETRY_INTERVAL = 100;
const RETRY_TIME = 5000;

export class FillLocks {
  private readonly zone: Zone;
  /** By ticket. */
  private readonly claims = new Map<number, FillLock>();
  /** Files that requests of this table read, by fill. */
  private readonly followed = new Map<number, FillProgress>();

  /** `name`: of the zone of `proxy_cache_path`. */
  constructor(
    readonly backend: ZoneBackend,
    name: string,
  ) {
    this.zone = backend.open({ kind: 'cache_locks', name, size: 0, key: '' }, (news) => this.receive(news as LockNews));
  }

  get zoneId(): number {
    return this.zone.id;
  }

  close(): void {
    this.zone.close();
  }

  /** The lock of an entry, as one request uses it. `key`: identifies the entry in the zone. */
  lock(key: string): FillLock {
    return new FillLock(this, key);
  }

  register(ticket: number, lock: FillLock): void {
    this.claims.set(ticket, lock);
  }

  unregister(ticket: number): void {
    this.claims.delete(ticket);
  }

  /** The progress of a fill, for one more reader. */
  follow({ fill, path, length }: GrowingFill): FillProgress {
    let progress = this.followed.get(fill);
    if (progress === undefined) {
      progress = new FillProgress(path, length, () => this.followed.delete(fill));
      this.followed.set(fill, progress);
    } else progress.grow(length);
    progress.readers++;
    return progress;
  }

  private receive(news: LockNews): void {
    if ('fill' in news) {
      const progress = this.followed.get(news.fill);
      if (progress === undefined) return;
      if (news.ended !== null) this.followed.delete(news.fill);
      progress.grow(news.length, news.ended);
    } else if ('followed' in news) this.claims.get(news.followed)?.beFollowed();
    else {
      const claim = this.claims.get(news.ticket);
      if (claim === undefined) return;
      const { outcome, growing } = news;
      if (growing !== null) claim.settle(this.follow(growing));
      else if (outcome !== 'growing' && outcome !== 'unanswered') claim.settle(outcome);
    }
  }
}

/** The lock of an entry for one request. Every lock that was acquired must be ended by `end` or `leave`. */
export class FillLock {
  private ticket = 0;
  private resolve: ((result: LockResult) => void) | null = null;
  private timer: NodeJS.Timeout | null = null;
  private progress: FillProgress | null = null;
  private held = false;
  private isFollowed = false;
  /** Makes the body readable in the file as far as it is known; returns its length. */
  private flush: (() => number) | null = null;
  private reportPending = false;
  private startedWaiting = 0;

  constructor(
    private readonly locks: FillLocks,
    private readonly key: string,
  ) {}

  /** Whether this request is the filler. */
  get isFiller(): boolean {
    return this.held && this.resolve === null && this.progress === null;
  }

  /** Requests the lock. A request whose client leaves meanwhile calls `leave`; the promise is then not resolved. */
  acquire(terms: LockTerms): LockResult | Promise<LockResult> {
    if (this.held) this.leave();
    this.startedWaiting = performance.now();
    let result: LockResult | null = null;
    this.resolve = (early) => {
      result = early;
    };
    this.ask(terms);
    if (result !== null) return result;
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  /**
   * The head of the entry was written to the temporary file: waiting requests may read it. `flush` writes the body to the file
   * as far as it is known and returns that length; it is called while there are readers, once per turn at most.
   */
  announce(path: string, flush: () => number): void {
    if (!this.isFiller) return;
    this.flush = flush;
    this.locks.backend.tell(announceFill, { ticket: this.ticket, path, length: 0 });
  }

  /** The body has grown. */
  grown(): void {
    if (!this.isFollowed || this.reportPending) return;
    this.reportPending = true;
    setImmediate(() => this.report());
  }

  /** The entry is stored, or will not be. `length`: of its body. */
  end(end: FillEnd, length: number): void {
    if (!this.held) return;
    this.locks.backend.tell(endFill, { ticket: this.ticket, length, end });
    this.leave();
  }

  /** Gives up the lock, the place in the queue, or the reading of a file. Without effect after `end`. */
  leave(): void {
    if (!this.held) return;
    this.held = false;
    this.resolve = null;
    this.stopTimer();
    this.stopFollowing();
    this.isFollowed = false;
    this.flush = null;
    this.giveBack();
  }

  /** A request reads the file that this filler writes. */
  beFollowed(): void {
    this.isFollowed = true;
    this.report();
  }

  /** The zone has decided. */
  settle(result: LockResult): void {
    const { resolve } = this;
    this.stopTimer();
    if (result instanceof FillProgress) this.progress = result;
    if (resolve === null) {
      // The answer came after the request had left: nothing waits for it.
      this.stopFollowing();
      return;
    }
    this.resolve = null;
    if (result !== 'mine' && !(result instanceof FillProgress)) this.leave();
    resolve(result);
  }

  private ask(terms: LockTerms): void {
    const { locks, key } = this;
    const { age, wait } = terms;
    const ticket = newTicket();
    this.ticket = ticket;
    this.held = true;
    // Registered first: an update about this ticket may arrive before the answer.
    locks.register(ticket, this);
    const answer = locks.backend.ask(lockEntry, { zone: locks.zoneId, key, ticket, age, wait });
    if (!(answer instanceof Promise)) this.answered(answer, terms);
    else {
      answer.then((settled) => {
        if (this.ticket === ticket) this.answered(settled, terms);
      });
    }
  }

  private answered({ outcome, left }: LockAnswer, terms: LockTerms): void {
    // An update may have preceded the answer.
    if (this.resolve === null) return;
    if (outcome === 'mine' || outcome === 'unlocked') this.settle(outcome);
    else if (outcome === 'unanswered') this.retry(terms);
    else if (terms.wait === 'no') this.settle('busy');
    else if (outcome === 'busy') this.schedule(terms, left);
  }

  /** The backend is slow or gone: the entry is requested without a lock, but not immediately. */
  private retry(terms: LockTerms): void {
    const waited = performance.now() - this.startedWaiting;
    if (terms.wait === 'no' || waited >= Math.min(terms.timeout, RETRY_TIME)) this.settle('unlocked');
    else this.timer = setTimeout(() => this.askAgain(terms), RETRY_INTERVAL);
  }

  /** Waits for an update, until the timeout, or until another request may be the filler. */
  private schedule(terms: LockTerms, left: number): void {
    const remaining = this.startedWaiting + terms.timeout - performance.now();
    this.timer = setTimeout(
      () => {
        if (performance.now() - this.startedWaiting >= terms.timeout) this.settle('timeout');
        else this.askAgain(terms);
      },
      Math.max(1, Math.ceil(Math.min(remaining, left + 1))),
    );
  }

  /** With another ticket: a question that was not answered may still be on its way. */
  private askAgain(terms: LockTerms): void {
    this.timer = null;
    this.giveBack();
    this.ask(terms);
  }

  private giveBack(): void {
    this.locks.unregister(this.ticket);
    this.locks.backend.tell(giveBack, this.ticket);
  }

  private report(): void {
    this.reportPending = false;
    if (!this.isFiller || this.flush === null) return;
    this.locks.backend.tell(reportFill, { ticket: this.ticket, length: this.flush() });
  }

  private stopFollowing(): void {
    this.progress?.leave();
    this.progress = null;
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/**
 * Locks of missing cache entries (`proxy_cache_lock`): the contents of a zone. At most one request, the filler, requests an
 * entry from the upstream; others wait for it or, with `proxy_cache_lock on stream`, follow the file that it writes.
 */
import type { NotifiedUser } from './zone-users.js';

/**
 * Result of a request for a lock. `mine`: the request is the filler. `filled`: the entry was stored. `growing`: the entry is
 * being written and can be followed. `unlocked`: it is requested without a lock. `busy`: another request is the filler.
 * `unanswered`: the backend does not respond.
 */
export type LockOutcome = 'mine' | 'filled' | 'growing' | 'unlocked' | 'busy' | 'unanswered';

/** A file that a filler is writing. Plain data. */
export interface GrowingFill {
  /** Identifies the fill in messages about its progress. */
  readonly fill: number;
  /** The temporary file; a reader that has opened it keeps it after its renaming. */
  readonly path: string;
  /** Bytes of the body written so far. */
  readonly length: number;
}

/**
 * End of a fill. `passed`: the response is not to be stored. `unstored`: storing has failed, but the file has the whole body for
 * those who read it.
 */
export type FillEnd = 'filled' | 'failed' | 'passed' | 'unstored';

/** An update for a process. */
export type LockNews =
  /** The request with this ticket waits no more. */
  | { readonly ticket: number; readonly outcome: LockOutcome; readonly growing: GrowingFill | null }
  /** The file of the filler with this ticket has its first reader, so that progress is to be reported. */
  | { readonly followed: number }
  /** A followed file has grown, or is complete. `ended`: `failed` means that no more bytes follow. */
  | { readonly fill: number; readonly length: number; readonly ended: FillEnd | null };

/** Place of a claim: the filler's, in the queue, or among the readers of a growing file. */
type Role = 'filler' | 'waiting' | 'following' | 'over';

/** A request that has or waits for a lock. It is held under the ticket of the request, and so ends with its worker. */
export class LockClaim {
  role: Role = 'waiting';
  /** The file that this filler writes; null: none was announced. */
  written: { readonly fill: number; readonly path: string; length: number } | null = null;
  /** Claims that read that file. */
  readonly readers = new Set<LockClaim>();
  /** The filler whose file this claim reads. */
  followed: LockClaim | null = null;

  constructor(
    readonly locks: CacheLocks,
    readonly key: string,
    readonly owner: NotifiedUser,
    readonly zone: number,
    readonly ticket: number,
    /** The claim may be answered with a growing file. */
    readonly streams: boolean,
    /** ms after which another request may be the filler beside this one. */
    readonly age: number,
  ) {}

  /** The ticket was given back: the request, or its worker, has ended. */
  give(): void {
    this.locks.end(this, 'failed');
  }

  /** The growing file; null if none was announced. */
  get growing(): GrowingFill | null {
    return this.written === null ? null : { ...this.written };
  }
}

/** Lock of an entry. */
interface Lock {
  filler: LockClaim;
  /** ms on the backend's clock from which another request may be the filler as well (`proxy_cache_lock_age`). */
  until: number;
  /** In the order of arrival. */
  readonly waiting: Set<LockClaim>;
}

/** A lock, for its transfer to another backend. Plain data. */
export interface LockSnapshot {
  readonly key: string;
  readonly ticket: number;
  /** ms until another request may be the filler. */
  readonly left: number;
}

export class CacheLocks {
  private readonly locks = new Map<string, Lock>();
  private fills = 0;

  constructor(private readonly clock: () => number) {}

  /** Number of locks. */
  get entries(): number {
    return this.locks.size;
  }

  /**
   * Decides on a claim. `waits`: if another request is the filler, the claim is queued, or reads the growing file, of which
   * its process is notified before it gets this answer.
   */
  acquire(claim: LockClaim, waits: boolean): Exclude<LockOutcome, 'filled'> {
    const lock = this.locks.get(claim.key);
    const now = this.clock();
    if (lock === undefined) {
      claim.role = 'filler';
      this.locks.set(claim.key, { filler: claim, until: now + claim.age, waiting: new Set() });
      return 'mine';
    }
    if (claim.streams && waits && lock.filler.written !== null) {
      this.follow(claim, lock.filler);
      this.tell(claim, 'growing', lock.filler.growing);
      return 'growing';
    }
    if (now >= lock.until) {
      this.assign(lock, claim);
      return 'mine';
    }
    if (!waits) return 'busy';
    lock.waiting.add(claim);
    return 'busy';
  }

  /** ms until another request may be the filler of the entry; 0 if it is not locked. */
  left(key: string): number {
    const lock = this.locks.get(key);
    return lock === undefined ? 0 : Math.max(0, lock.until - this.clock());
  }

  /** The head of the entry is in the file: claims that stream can read it. */
  announce(claim: LockClaim, path: string, length: number): void {
    if (claim.role !== 'filler' || claim.written !== null) return;
    claim.written = { fill: ++this.fills, path, length };
    const lock = this.locks.get(claim.key);
    if (lock?.filler !== claim) return;
    for (const waiting of [...lock.waiting]) {
      if (!waiting.streams) continue;
      lock.waiting.delete(waiting);
      this.follow(waiting, claim);
      this.tell(waiting, 'growing', claim.growing);
    }
  }

  /** The file has grown to `length`. */
  progress(claim: LockClaim, length: number): void {
    const { written } = claim;
    if (written === null) return;
    written.length = length;
    this.tellReaders(claim, [...claim.readers], null);
  }

  /** Ends a claim: of a filler as stated, of any other by leaving. */
  end(claim: LockClaim, end: FillEnd): void {
    const { role } = claim;
    claim.role = 'over';
    const lock = this.locks.get(claim.key);
    if (role === 'waiting') lock?.waiting.delete(claim);
    else if (role === 'following') {
      claim.followed?.readers.delete(claim);
      claim.followed = null;
    } else if (role === 'filler') {
      const readers = [...claim.readers];
      claim.readers.clear();
      for (const reader of readers) {
        reader.role = 'over';
        reader.followed = null;
      }
      if (lock !== undefined) this.release(lock, claim, end);
      // Last, because a reader in this process may ask for the lock before this call returns.
      this.tellReaders(claim, readers, end);
    }
  }

  /** Locks of an owner. */
  snapshot(owner: NotifiedUser): LockSnapshot[] {
    const now = this.clock();
    return [...this.locks].flatMap(([key, { filler, until }]) =>
      filler.owner === owner ? [{ key, ticket: filler.ticket, left: Math.max(0, until - now) }] : [],
    );
  }

  /** Adds the locks of another backend; returns the claims that have them. */
  restore(owner: NotifiedUser, zone: number, locks: readonly LockSnapshot[]): LockClaim[] {
    return locks
      .map(({ key, ticket, left }) => new LockClaim(this, key, owner, zone, ticket, false, left))
      .filter((claim) => this.acquire(claim, false) === 'mine');
  }

  /** A filler has ended. */
  private release(lock: Lock, claim: LockClaim, end: FillEnd): void {
    if (end === 'filled') {
      const waiting = [...lock.waiting];
      lock.waiting.clear();
      for (const each of waiting) this.dismiss(each, 'filled');
    }
    if (lock.filler !== claim) return;
    if (end === 'passed') {
      // The response differs from client to client, or must not be stored: they are not requested one after the other.
      for (const waiting of [...lock.waiting]) {
        if (!waiting.streams) continue;
        lock.waiting.delete(waiting);
        this.dismiss(waiting, 'unlocked');
      }
    }
    const [next] = lock.waiting;
    if (next === undefined) {
      this.locks.delete(claim.key);
      return;
    }
    lock.waiting.delete(next);
    this.assign(lock, next);
    this.tell(next, 'mine', null);
  }

  private assign(lock: Lock, claim: LockClaim): void {
    claim.role = 'filler';
    lock.filler = claim;
    lock.until = this.clock() + claim.age;
  }

  private follow(claim: LockClaim, filler: LockClaim): void {
    claim.role = 'following';
    claim.followed = filler;
    filler.readers.add(claim);
    if (filler.readers.size === 1) {
      filler.owner.notify(filler.zone, { followed: filler.ticket } satisfies LockNews);
    }
  }

  private dismiss(claim: LockClaim, outcome: LockOutcome): void {
    claim.role = 'over';
    this.tell(claim, outcome, null);
  }

  private tell({ owner, zone, ticket }: LockClaim, outcome: LockOutcome, growing: GrowingFill | null): void {
    owner.notify(zone, { ticket, outcome, growing } satisfies LockNews);
  }

  /** Notifies each handle of each process that has readers once. */
  private tellReaders({ written }: LockClaim, readers: readonly LockClaim[], ended: FillEnd | null): void {
    if (written === null || readers.length === 0) return;
    const news: LockNews = { fill: written.fill, length: written.length, ended };
    const told = new Map<NotifiedUser, Set<number>>();
    for (const { owner, zone } of readers) {
      const zones = told.get(owner);
      if (zones?.has(zone) === true) continue;
      if (zones === undefined) told.set(owner, new Set([zone]));
      else zones.add(zone);
      owner.notify(zone, news);
    }
  }
}

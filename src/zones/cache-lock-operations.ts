/** Operations on the locks of missing cache entries. */
import { CacheLocks, type FillEnd, LockClaim, type LockOutcome } from './cache-locks.js';
import type { Operation } from './operation.js';
import type { ZoneOwner } from './owner.js';

export interface LockQuestion {
  readonly zone: number;
  /** Identifies the entry in the zone. */
  readonly key: string;
  /** The lock or the place in the queue is held under this number until `giveBack` receives it. */
  readonly ticket: number;
  /** ms after which another request may request the entry as well. */
  readonly age: number;
  /** `no`: the answer is `mine` or `busy`. `stream`: a file that is being written is followed. */
  readonly wait: 'no' | 'complete' | 'stream';
}

export interface LockAnswer {
  /** `busy`: the request is queued unless it does not wait. `growing`: an update with the file precedes the answer. */
  readonly outcome: LockOutcome;
  /** ms until another request may request the entry as well; it is to ask again then. */
  readonly left: number;
}

/** Requests the lock of an entry. To ask again, a request gives its ticket back and takes another one. */
export const lockEntry: Operation<LockQuestion, LockAnswer> = {
  name: 'cache lock',
  fallback: { outcome: 'unanswered', left: 0 },
  run(owner, { zone, key, ticket, age, wait }) {
    const locks = owner.zone(zone, CacheLocks);
    if (locks === undefined) return { outcome: 'unlocked', left: 0 };
    const claim = new LockClaim(locks, key, owner, zone, ticket, wait === 'stream', age);
    const outcome = locks.acquire(claim, wait !== 'no');
    if (outcome !== 'busy' || wait !== 'no') owner.hold(ticket, [{ in: claim, key }]);
    return { outcome, left: locks.left(key) };
  },
};

/** Announces the file that a filler writes. */
export const announceFill: Operation<
  { readonly ticket: number; readonly path: string; readonly length: number },
  null
> = {
  name: 'cache announce',
  fallback: null,
  run(owner, { ticket, path, length }) {
    const claim = claimOf(owner, ticket);
    claim?.locks.announce(claim, path, length);
    return null;
  },
};

/** Reports the length of that file. */
export const reportFill: Operation<{ readonly ticket: number; readonly length: number }, null> = {
  name: 'cache progress',
  fallback: null,
  run(owner, { ticket, length }) {
    const claim = claimOf(owner, ticket);
    claim?.locks.progress(claim, length);
    return null;
  },
};

/** Reports that a fill has ended: as `giveBack` of its ticket, which must follow, but with the result. */
export const endFill: Operation<{ readonly ticket: number; readonly length: number; readonly end: FillEnd }, null> = {
  name: 'cache filled',
  fallback: null,
  run(owner, { ticket, length, end }) {
    const claim = claimOf(owner, ticket);
    if (claim?.written) claim.written.length = length;
    claim?.locks.end(claim, end);
    return null;
  },
};

function claimOf(owner: ZoneOwner, ticket: number): LockClaim | undefined {
  for (const held of owner.heldBy(ticket)) if (held.in instanceof LockClaim) return held.in;
  return undefined;
}

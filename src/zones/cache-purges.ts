/**
 * Purges of cached responses that apply to more than one file: the contents of a zone, of which every process has a copy. A purge
 * applies to entries stored until it was requested, and remains until none of them can be left.
 */
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Property of an entry that a purge is about: its whole key, the beginning of the key, a match of an expression, or a tag. */
export type PurgeKind = 'key' | 'prefix' | 'regex' | 'tag';

export interface Purge {
  readonly by: PurgeKind;
  readonly text: string;
  /** Entries that were stored until then are purged, s since 1970. */
  readonly date: number;
  /** ms for which the purge applies from now on. */
  readonly left: number;
}

/** Changes of the list, or all of it. Plain data. */
export interface PurgeNews {
  /** Whether these are all purges. */
  readonly all: boolean;
  readonly added: readonly Purge[];
  readonly removed: readonly Purge[];
}

/** Largest number of purges in effect, and largest number of their bytes. */
const MAX_PURGES = 50_000;
const MAX_BYTES = 8 << 20;
/** Largest number of those with which each key is compared. */
const MAX_COMPARED = 500;

interface KeptPurge {
  readonly purge: Purge;
  /** ms on the backend's clock. */
  readonly until: number;
}

export class CachePurges {
  private readonly users = new ZoneUsers<PurgeNews>();
  private readonly purges = new Map<string, KeptPurge>();
  private bytes = 0;
  private compared = 0;

  constructor(private readonly clock: () => number) {}

  /** The user gets all purges now. */
  watch(user: NotifiedUser, zone: number): void {
    this.users.add(user, zone);
    const added = this.snapshot();
    if (added.length > 0) user.notify(zone, { all: true, added, removed: [] } satisfies PurgeNews);
  }

  unwatch(user: NotifiedUser, zone: number): void {
    this.users.delete(user, zone);
  }

  /** Adds a purge, or extends it; false: there are too many. */
  add(purge: Purge): boolean {
    const now = this.clock();
    this.expire(now);
    const name = nameOf(purge);
    const earlier = this.purges.get(name);
    if (earlier === undefined) {
      if (this.purges.size >= MAX_PURGES || this.bytes + purge.text.length > MAX_BYTES) return false;
      if (isCompared(purge) && this.compared >= MAX_COMPARED) return false;
      this.count(purge, 1);
    }
    const until = Math.max(now + purge.left, earlier?.until ?? 0);
    const date = Math.max(purge.date, earlier?.purge.date ?? 0);
    const kept = { ...purge, date, left: until - now };
    this.purges.delete(name);
    this.purges.set(name, { purge: kept, until });
    this.users.notifyAll({ all: false, added: [kept], removed: [] });
    return true;
  }

  /** All files that the purge is about were removed, unless it was requested again. */
  complete(purge: Purge): void {
    const kept = this.purges.get(nameOf(purge));
    if (kept !== undefined && kept.purge.date <= purge.date) this.remove([kept.purge]);
  }

  snapshot(): Purge[] {
    const now = this.clock();
    return [...this.purges.values()]
      .filter(({ until }) => until > now)
      .map(({ purge, until }) => ({ ...purge, left: until - now }));
  }

  /** Adds the purges of another backend. */
  restore(purges: readonly Purge[]): void {
    for (const purge of purges) this.add(purge);
  }

  private count(purge: Purge, change: 1 | -1): void {
    this.bytes += change * purge.text.length;
    if (isCompared(purge)) this.compared += change;
  }

  private expire(now: number): void {
    const over = [...this.purges.values()].filter(({ until }) => until <= now);
    if (over.length > 0) this.remove(over.map(({ purge }) => purge));
  }

  private remove(removed: readonly Purge[]): void {
    for (const purge of removed) {
      this.purges.delete(nameOf(purge));
      this.count(purge, -1);
    }
    this.users.notifyAll({ all: false, added: [], removed });
  }
}

function isCompared({ by }: Purge): boolean {
  return by === 'prefix' || by === 'regex';
}

/** Identifies purges of the same entries. */
export function nameOf({ by, text }: Purge): string {
  return `${by} ${text}`;
}

/** Requests that were counted in a store in advance (`store_lease=`): the following ones of their key need no question. */

/** ms for which they may be used. Unused ones remain counted. */
const VALID_FOR = 1000;
const MAX_KEYS = 10_000;

interface Lease {
  left: number;
  readonly until: number;
}

interface LeasedLimit {
  readonly key: string;
  readonly burst: number;
  readonly delay: number;
  readonly lease: number;
  readonly cost?: number;
}

export class RateLeases {
  /** By `idOf` a limit. */
  private readonly byKey = new Map<string, Lease>();
  /** The same of questions that count in advance and are not answered yet. */
  private readonly asking = new Set<string>();

  /** Uses one of each key, or none if one of them has none. */
  take(limits: readonly LeasedLimit[]): boolean {
    if (this.byKey.size === 0) return false;
    const now = performance.now();
    const leases: Lease[] = [];
    for (const limit of limits) {
      const lease = this.valid(idOf(limit), now);
      if (lease === null) return false;
      leases.push(lease);
    }
    for (const lease of leases) lease.left--;
    return true;
  }

  /**
   * Numbers of requests to count at once for each limit: for each key, one question at a time counts in advance, if none is left of
   * the previous one. A request needs one of each of its limits, so none counts more than another permits.
   */
  request(limits: readonly LeasedLimit[]): number[] {
    const least = limits.reduce((min, { lease }) => Math.min(min, lease), Number.MAX_SAFE_INTEGER);
    if (least === 1) return limits.map(() => 1);
    const now = performance.now();
    return limits.map((limit) => {
      const id = idOf(limit);
      if (this.asking.has(id) || this.valid(id, now) !== null) return 1;
      this.asking.add(id);
      return least;
    });
  }

  /** The store has answered. `requested`: the result of `request`; `counted`: what was counted in advance for each limit. */
  answered(limits: readonly LeasedLimit[], requested: readonly number[], counted: readonly number[]): void {
    const until = performance.now() + VALID_FOR;
    limits.forEach((limit, i) => {
      if ((requested[i] ?? 1) === 1) return;
      const id = idOf(limit);
      this.asking.delete(id);
      const left = counted[i] ?? 0;
      if (left <= 0) return;
      const [oldest] = this.byKey.size < MAX_KEYS ? [] : this.byKey.keys();
      if (oldest !== undefined) this.byKey.delete(oldest);
      this.byKey.set(id, { left, until });
    });
  }

  clear(): void {
    this.byKey.clear();
  }

  private valid(id: string, now: number): Lease | null {
    const lease = this.byKey.get(id);
    if (lease === undefined) return null;
    if (lease.left > 0 && lease.until > now) return lease;
    this.byKey.delete(id);
    return null;
  }
}

/** Identifies a lease: what was counted for one limit may be more than another limit of the same key permits. */
function idOf({ key, burst, delay }: LeasedLimit): string {
  return `${burst} ${delay} ${key}`;
}

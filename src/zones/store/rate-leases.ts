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
  readonly lease: number;
  readonly cost?: number;
}

export class RateLeases {
  private readonly byKey = new Map<string, Lease>();
  /** Keys of questions that count in advance and are not answered yet. */
  private readonly asking = new Set<string>();

  /** Uses one of each key, or none if one of them has none. */
  take(limits: readonly LeasedLimit[]): boolean {
    if (this.byKey.size === 0) return false;
    const now = performance.now();
    for (const { key } of limits) {
      const lease = this.byKey.get(key);
      if (lease === undefined) return false;
      if (lease.left === 0 || lease.until <= now) {
        this.byKey.delete(key);
        return false;
      }
    }
    for (const { key } of limits) (this.byKey.get(key) as Lease).left--; // checked above
    return true;
  }

  /** Numbers of requests to count at once for each limit: for each key, one question at a time counts in advance. */
  request(limits: readonly LeasedLimit[]): number[] {
    return limits.map(({ key, lease }) => {
      if (lease === 1 || this.asking.has(key)) return 1;
      this.asking.add(key);
      return lease;
    });
  }

  /** The store has answered. `requested`: the result of `request`; `counted`: what was counted in advance for each limit. */
  answered(limits: readonly LeasedLimit[], requested: readonly number[], counted: readonly number[]): void {
    const until = performance.now() + VALID_FOR;
    limits.forEach(({ key }, i) => {
      if ((requested[i] ?? 1) === 1) return;
      this.asking.delete(key);
      const left = counted[i] ?? 0;
      if (left <= 0) return;
      const [oldest] = this.byKey.size < MAX_KEYS ? [] : this.byKey.keys();
      if (oldest !== undefined) this.byKey.delete(oldest);
      this.byKey.set(key, { left, until });
    });
  }

  clear(): void {
    this.byKey.clear();
  }
}

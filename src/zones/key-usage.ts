/** Use of API keys: the contents of an `api_keys` zone. Limits are counted in fixed windows, which begin with a request. */

/** A limit of a plan. */
export interface UsageLimit {
  /** Requests per window. */
  readonly quota: number;
  /** ms. */
  readonly window: number;
}

/** Number of requests of a client, by outcome. */
export interface UsageCounts {
  readonly client: string;
  readonly plan: string;
  readonly allowed: number;
  readonly limited: number;
  readonly forbidden: number;
}

/** Counts of a client with its windows, for a transfer. */
export interface UsageSnapshot extends UsageCounts {
  /** Age in ms and requests of each window, by its length. */
  readonly windows: readonly { readonly length: number; readonly age: number; readonly used: number }[];
}

interface Client {
  readonly client: string;
  readonly plan: string;
  allowed: number;
  limited: number;
  forbidden: number;
  /** By length in ms. */
  readonly windows: Map<number, { start: number; used: number }>;
}

/** State of a limit after a request. */
export interface UsageState {
  readonly remaining: number;
  /** ms until the window ends. */
  readonly reset: number;
}

export interface UsageQuestion {
  readonly zone: number;
  readonly client: string;
  readonly plan: string;
  readonly limits: readonly UsageLimit[];
  /** Whether the plan may be used here; otherwise the request is only counted. */
  readonly permitted: boolean;
}

export interface UsageAnswer {
  readonly result: 'allowed' | 'limited' | 'forbidden' | 'unanswered';
  /** In the order of the limits; empty if the request was not permitted. */
  readonly states: readonly UsageState[];
}

export class KeyUsage {
  private readonly clients = new Map<string, Client>();

  /** Counts a request, unless a limit is reached. `now` in ms. */
  count({ client, plan, limits, permitted }: UsageQuestion, now: number): UsageAnswer {
    const entry = this.entry(client, plan);
    if (!permitted) {
      entry.forbidden++;
      return { result: 'forbidden', states: [] };
    }
    const windows = limits.map(({ window: length }) => {
      let window = entry.windows.get(length);
      if (window === undefined) entry.windows.set(length, (window = { start: now, used: 0 }));
      if (now - window.start >= length || now < window.start) {
        window.start = now;
        window.used = 0;
      }
      return window;
    });
    const limited = limits.some(({ quota }, i) => (windows[i]?.used ?? 0) >= quota);
    if (limited) entry.limited++;
    else {
      entry.allowed++;
      for (const window of windows) window.used++;
    }
    const states = limits.map(({ quota, window: length }, i) => ({
      remaining: Math.max(0, quota - (windows[i]?.used ?? 0)),
      reset: length - (now - (windows[i]?.start ?? now)),
    }));
    return { result: limited ? 'limited' : 'allowed', states };
  }

  counts(): UsageCounts[] {
    return [...this.clients.values()].map(({ windows: _, ...counts }) => counts);
  }

  snapshot(now: number): UsageSnapshot[] {
    return [...this.clients.values()].map(({ windows, ...counts }) => ({
      ...counts,
      windows: [...windows].map(([length, { start, used }]) => ({ length, age: now - start, used })),
    }));
  }

  /** Adds the counts of another backend. */
  restore(snapshots: readonly UsageSnapshot[], now: number): void {
    for (const { client, plan, allowed, limited, forbidden, windows } of snapshots) {
      const entry = this.entry(client, plan);
      entry.allowed += allowed;
      entry.limited += limited;
      entry.forbidden += forbidden;
      for (const { length, age, used } of windows) {
        const window = entry.windows.get(length);
        if (window === undefined) entry.windows.set(length, { start: now - age, used });
        else window.used += used;
      }
    }
  }

  private entry(client: string, plan: string): Client {
    const key = `${plan}\0${client}`;
    let entry = this.clients.get(key);
    if (entry === undefined) {
      entry = { client, plan, allowed: 0, limited: 0, forbidden: 0, windows: new Map() };
      this.clients.set(key, entry);
    }
    return entry;
  }
}

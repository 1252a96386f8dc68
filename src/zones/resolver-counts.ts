/** Statistics of name resolution: the contents of a `resolver` zone (`status_zone`). */
import { RESOLVER_EVENTS, type ResolverEvent } from '../dns/statistics.js';

/** Number of events since the start. */
export type ResolverStatistics = Readonly<Record<ResolverEvent, number>>;

export class ResolverCounts {
  private readonly counts = none();

  add(events: Partial<ResolverStatistics>): void {
    for (const event of RESOLVER_EVENTS) this.counts[event] += events[event] ?? 0;
  }

  snapshot(): ResolverStatistics {
    return { ...this.counts };
  }

  reset(): void {
    Object.assign(this.counts, none());
  }
}

function none(): Record<ResolverEvent, number> {
  // Each name is a key of the counts.
  return Object.fromEntries(RESOLVER_EVENTS.map((event) => [event, 0])) as Record<ResolverEvent, number>;
}

/**
 * Requests to an upstream and the further tries of them, over all workers: the contents of a `retry_budget` zone. Each worker
 * decides by its own copy, without waiting, and reports what it counts; the reports are passed on to the others.
 */
import { SlidingWindow } from './sliding-window.js';
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Counts since the last report. Plain data. */
export interface RetryReport {
  readonly requests: number;
  readonly retries: number;
}

/** Counts of a period. */
export interface RetrySnapshot extends RetryReport {
  /** ms. */
  readonly window: number;
}

export class RetryCounts {
  private window: SlidingWindow | null = null;
  private readonly users = new ZoneUsers<RetryReport>();

  /** Subscribes the owner to the reports of others, starting with the counts so far. */
  watch(owner: NotifiedUser, zone: number, now: number): void {
    this.users.add(owner, zone);
    const { requests, retries } = this.snapshot(now) ?? { requests: 0, retries: 0 };
    if (requests + retries > 0) owner.notify(zone, { requests, retries });
  }

  unwatch(owner: NotifiedUser, zone: number): void {
    this.users.delete(owner, zone);
  }

  /** Counts a report of a handle, and passes it on to all others. `window` in ms. */
  report(owner: NotifiedUser, zone: number, { requests, retries, window }: RetrySnapshot, now: number): void {
    this.add({ requests, retries, window }, now);
    this.users.notifyOthers(owner, zone, { requests, retries });
  }

  snapshot(now: number): RetrySnapshot | null {
    const { window } = this;
    return window && { window: window.length, requests: window.total(now), retries: window.markedTotal(now) };
  }

  /** Adds the counts of another backend. */
  add({ requests, retries, window }: RetrySnapshot, now: number): void {
    if (this.window?.length !== window) this.window = new SlidingWindow(window);
    this.window.add(requests, retries, now);
  }
}

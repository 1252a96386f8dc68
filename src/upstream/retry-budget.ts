/** Retry budget of an upstream: limits further tries to a share of its requests, over all workers. */
import type { RetryReport } from '../zones/retry-counts.js';
import { reportRetries } from '../zones/retry-operations.js';
import { SlidingWindow } from '../zones/sliding-window.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';

/**
 * Maximum delay of reporting requests to the other workers, ms. Further tries are reported in the same turn of the event loop.
 */
const REQUESTS_INTERVAL = 100;

/** Parameters of `retry_budget`. Plain data. */
export interface RetryBudgetSettings {
  /** Share of the requests of the period, 0 to 1 and above. */
  readonly ratio: number;
  /** Retries within the period that are always allowed. */
  readonly min: number;
  /** Period, ms. */
  readonly window: number;
}

export class RetryBudget {
  /** The counts of this process, and those reported by others. */
  private readonly window: SlidingWindow;
  private zone: Zone | null = null;
  /** Counts that are not reported yet. */
  private requests = 0;
  private retries = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    readonly settings: RetryBudgetSettings,
    private readonly backend: ZoneBackend,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.window = new SlidingWindow(settings.window);
  }

  join(zone: Zone): void {
    this.zone = zone;
  }

  /** Adds the counts of others: other workers, and other configurations of this one. */
  news({ requests, retries }: RetryReport): void {
    this.window.add(requests, retries, this.clock());
  }

  /** Counts a request. */
  request(): void {
    this.window.add(1, 0, this.clock());
    this.requests++;
    this.timer ??= setTimeout(() => this.report(), REQUESTS_INTERVAL).unref();
  }

  /** Counts a further try. */
  retry(): void {
    this.window.add(0, 1, this.clock());
    if (this.retries++ === 0) setImmediate(() => this.report());
  }

  /** Whether another try is allowed. */
  get available(): boolean {
    const now = this.clock();
    const { min, ratio } = this.settings;
    return this.window.markedTotal(now) < Math.max(min, Math.floor(ratio * this.window.total(now)));
  }

  private report(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { zone, requests, retries, settings } = this;
    this.requests = 0;
    this.retries = 0;
    if (zone === null || requests + retries === 0) return;
    this.backend.tell(reportRetries, { zone: zone.id, window: settings.window, requests, retries });
  }
}

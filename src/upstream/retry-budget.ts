/** Retry budget of an upstream: limits further tries to a share of its requests. */
import { SlidingWindow } from '../zones/sliding-window.js';

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
  private readonly window: SlidingWindow;

  constructor(
    readonly settings: RetryBudgetSettings,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.window = new SlidingWindow(settings.window);
  }

  /** Counts a request. */
  request(): void {
    this.window.add(1, 0, this.clock());
  }

  /** Counts a further try. */
  retry(): void {
    this.window.add(0, 1, this.clock());
  }

  /** Whether another try is allowed. */
  get available(): boolean {
    const now = this.clock();
    const { min, ratio } = this.settings;
    return this.window.markedTotal(now) < Math.max(min, Math.floor(ratio * this.window.total(now)));
  }
}

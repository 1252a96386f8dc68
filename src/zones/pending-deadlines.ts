/** Deadlines of pending questions to another process, in the order in which the questions were asked. */
export class PendingDeadlines {
  private timer: NodeJS.Timeout | null = null;

  /** `oldest`: deadline of the oldest question, monotonic ms; null: none is pending. `passed`: called if it has passed. */
  constructor(
    private readonly oldest: () => number | null,
    private readonly passed: () => void,
  ) {}

  /**
   * Checks after so many ms, once the answers that have arrived by then are read: this process may itself have been stopped. A
   * check that is already scheduled is not put off.
   */
  checkAfter(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      setImmediate(() => this.check());
    }, ms);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private check(): void {
    const until = this.oldest();
    if (until === null) return;
    const left = until - performance.now();
    if (left > 0) this.checkAfter(left);
    else this.passed();
  }
}

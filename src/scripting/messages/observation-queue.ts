/** Calls of an observing function: queued up to a limit, one at a time, after the observed event. */
import type { Exchange } from '../../program/exchange.js';
import type { ScriptFunction } from '../script-function.js';

/** Bytes that may wait for a function; further observations are dropped. */
const MAX_WAITING = 1 << 20;

interface Waiting {
  readonly x: Exchange;
  readonly arguments: readonly unknown[];
  readonly size: number;
}

export class ObservationQueue {
  /** Observations that were dropped since the last one that was queued. */
  private dropped = 0;
  private readonly waiting: Waiting[] = [];
  private size = 0;
  private running = false;

  constructor(private readonly fn: ScriptFunction) {}

  /**
   * Queues a call for an exchange. `create` receives the number of observations that were dropped before. `size` in bytes,
   * approximately.
   */
  add(x: Exchange, size: number, create: (dropped: number) => readonly unknown[]): void {
    if (this.size + size > MAX_WAITING && this.waiting.length > 0) {
      this.dropped++;
      return;
    }
    this.waiting.push({ x, arguments: create(this.dropped), size });
    this.dropped = 0;
    this.size += size;
    if (this.running) return;
    this.running = true;
    setImmediate(() => void this.run());
  }

  private async run(): Promise<void> {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      // Failures are logged, and have no effect.
      const result = this.fn.run(next.x, next.arguments, false);
      if (result instanceof Promise) await result;
      this.waiting.shift();
      this.size -= next.size;
    }
    this.running = false;
  }
}

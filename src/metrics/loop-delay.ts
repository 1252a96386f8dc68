/** Measures the delay of the event loop while a table that records metrics is in force. */
import { workerNumber } from '../program/worker-number.js';
import { LOOP_DELAY } from './families.js';
import type { Metrics } from './metrics.js';

/** ms between two measurements. */
const INTERVAL = 250;

export class LoopDelay {
  private readonly timer: NodeJS.Timeout;

  constructor(metrics: Metrics) {
    const delays = metrics.histogram(LOOP_DELAY, [String(workerNumber())]);
    let last = performance.now();
    this.timer = setInterval(() => {
      const time = performance.now();
      delays.observe(Math.max(0, time - last - INTERVAL));
      last = time;
    }, INTERVAL).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

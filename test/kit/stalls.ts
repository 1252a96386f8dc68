/** Tests of limits that are shorter than a stall of the event loop on a busy machine. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const ATTEMPTS = 10;

/**
 * Makes an attempt that may fail if the event loop stalls for more than `limit` ms. After a failure with such a stall it is
 * repeated, up to ten attempts in total; any other failure is that of the test.
 */
export async function repeatAfterStall(limit: number, attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS - 1; ; left--) {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    try {
      await attempt();
      return;
    } catch (error) {
      // Includes a stall that ends now.
      await pause(20);
      if (left === 0 || delays.max / 1e6 < limit) throw error;
    } finally {
      delays.disable();
    }
  }
}

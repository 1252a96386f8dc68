/** Tests of limits that are shorter than the time for which a busy machine may hold up this process. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const ATTEMPTS = 10;

/**
 * Makes an attempt that may fail if the event loop stands still for more than `limit` ms. If it fails after such a hold-up, it is
 * made again, ten times at most; any other failure is that of the test.
 */
export async function repeatHeldUp(limit: number, attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS - 1; ; left--) {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    try {
      await attempt();
      return;
    } catch (error) {
      // The delay that ends now is measured, too.
      await pause(20);
      if (left === 0 || delays.max / 1e6 < limit) throw error;
    } finally {
      delays.disable();
    }
  }
}

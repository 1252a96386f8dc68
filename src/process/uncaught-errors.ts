/** Logs uncaught exceptions and rejections instead of exiting. */
import { describe } from '../logging/destination-log.js';
import type { ErrorLog } from '../logging/error-log.js';

/**
 * An error thrown outside of any exchange is a programming error. It is logged and serving continues, so that users are not
 * disconnected.
 */
export function logUncaughtErrors(log: ErrorLog): void {
  const report = (error: unknown): void => {
    // A log does not throw; an exception in this handler would end the process.
    try {
      log.write('alert', `internal error: ${describe(error).replaceAll('\n', ' ')}`);
    } catch {}
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

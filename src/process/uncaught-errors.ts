/** Logs uncaught exceptions and rejections instead of exiting. */
import { describe } from '../logging/destination-log.js';
import type { ErrorLog } from '../logging/error-log.js';
import { logsOwnError } from '../logging/error-owners.js';

/**
 * An error thrown outside of any exchange is a programming error. It is logged and serving continues, so that users are not
 * disconnected.
 */
export function logUncaughtErrors(log: ErrorLog): void {
  const report = (error: unknown, kind: 'exception' | 'rejection'): void => {
    // A log does not throw; an exception in this handler would end the process.
    try {
      if (!logsOwnError(error, kind)) log.write('alert', `internal error: ${describe(error).replaceAll('\n', ' ')}`);
    } catch {}
  };
  process.on('uncaughtException', (error) => report(error, 'exception'));
  process.on('unhandledRejection', (error) => report(error, 'rejection'));
}

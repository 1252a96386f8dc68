/** Logs uncaught exceptions and rejections instead of exiting. */
import { describe } from '../logging/destination-log.js';
import type { ErrorLog } from '../logging/error-log.js';
import { logsOwnError } from '../logging/error-owners.js';

/**
 * An error thrown outside of any exchange is a programming error. It is logged and serving continues, so that users are not
 * disconnected. The returned function removes the handlers.
 *
 * @param around calls the function that logs an error
 */
export function logUncaughtErrors(
  log: ErrorLog,
  around: (report: () => void) => void = (report) => report(),
): () => void {
  const report = (error: unknown, kind: 'exception' | 'rejection'): void => {
    // A log does not throw; an exception in this handler would end the process.
    try {
      around(() => {
        if (!logsOwnError(error, kind)) log.write('alert', `internal error: ${describe(error).replaceAll('\n', ' ')}`);
      });
    } catch {}
  };
  const exception = (error: unknown): void => report(error, 'exception');
  const rejection = (error: unknown): void => report(error, 'rejection');
  process.on('uncaughtException', exception);
  process.on('unhandledRejection', rejection);
  return () => {
    process.off('uncaughtException', exception);
    process.off('unhandledRejection', rejection);
  };
}

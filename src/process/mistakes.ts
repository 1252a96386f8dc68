/** Mistakes of the program do not end it. */
import type { ErrorLog } from '../exchange/error-log.js';

/**
 * What is thrown outside of any exchange is a mistake of this program. It is reported and the traffic goes on: users are
 * not cut off for it.
 */
export function reportMistakes(log: ErrorLog): void {
  const report = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write('alert', `internal error: ${text.replaceAll('\n', ' ')}`);
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

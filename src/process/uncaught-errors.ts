/** Mistakes of the program do not end it. */
import { describe } from '../exchange/destination-log.js';
import type { ErrorLog } from '../exchange/error-log.js';

/**
 * What is thrown outside of any exchange is a mistake of this program. It is reported and the traffic goes on: users are
 * not cut off for it.
 */
export function reportMistakes(log: ErrorLog): void {
  const report = (error: unknown): void => {
    // A log does not throw; what is thrown in here nevertheless would end the process.
    try {
      log.write('alert', `internal error: ${describe(error).replaceAll('\n', ' ')}`);
    } catch {}
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

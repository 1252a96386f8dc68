/** Statuses and log lines for unusable files, as in nginx. */

import { errnoText } from '../diagnostics/errno.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { LOG_NOT_FOUND } from './file-settings.js';

/** Code of a system error (`ENOENT`), or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** System call that failed (`open`), or an empty string. */
export function failedCall(error: unknown): string {
  return error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
}

/** Logs the failure of `call` on a file or directory and returns the response status. */
export function fileFailed(x: Exchange, call: string, path: string, error: unknown): number {
  const line = `${call}() "${path}" failed (${errnoText(error)})`;
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      if (x.location.settings.get(LOG_NOT_FOUND)) logError(x, 'error', line);
      return 404;
    case 'EACCES':
    case 'EMLINK':
    case 'ELOOP':
      logError(x, 'error', line);
      return 403;
    default:
      logError(x, 'crit', line);
      return 500;
  }
}

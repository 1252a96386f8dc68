/** What nginx answers and logs where a file cannot be used. */
import { errnoText } from '../diagnostics/errno.js';
import { logError } from './error-context.js';
import type { Exchange } from './exchange.js';

/** The code of a system error (`ENOENT`), or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The status for a file or directory on which `call` failed, after its line in the error log. */
export function fileFailed(x: Exchange, call: string, path: string, error: unknown): number {
  const line = `${call}() "${path}" failed (${errnoText(error)})`;
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      if (x.location.settings.logNotFound) logError(x, 'error', line);
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

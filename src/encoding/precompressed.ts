/** Precompressed files: shared by `gzip_static`, `brotli_static` and `zstd_static`. */
import { closeSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { errorCode, failedCall } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { type OpenFile, openFile, sendOpenFile } from '../exchange/static-file.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Handler } from '../program/module.js';
import { NEXT, type Verdict } from '../program/verdict.js';
import { GZIP, markVaries } from './gzip-settings.js';

export interface PrecompressedRules {
  /** Appended to the path of the file: `.gz`. */
  readonly suffix: string;
  /** Content coding of the files. */
  readonly coding: string;
  /** Whether the client and the configuration allow it for this request; null: always sent. */
  readonly allowed: ((x: Exchange) => boolean) | null;
}

/** Content handler that sends the precompressed form of a file, if there is one. nginx: ngx_http_gzip_static_handler. */
export function sendPrecompressed({ suffix, coding, allowed }: PrecompressedRules): Handler {
  return (x): Verdict => {
    if ((x.method !== 'GET' && x.method !== 'HEAD') || x.uri.endsWith('/')) return NEXT;
    const accepted = allowed === null || allowed(x);
    // Without `gzip_vary` it does not matter whether the file exists.
    if (!accepted && !x.location.settings.get(GZIP).vary) return NEXT;
    const found = filePath(x);
    if (found === null) return 500;
    const file = openUnlessMissing(x, found.path + suffix);
    if (file === null) return NEXT;
    if (allowed !== null) markVaries(x);
    if (accepted && file.stat.isFile()) return sendOpenFile(x, file, coding);
    closeSync(file.fd);
    if (!accepted || file.stat.isDirectory()) return NEXT;
    logError(x, 'crit', `"${file.path}" is not a regular file`);
    return 404;
  };
}

function openUnlessMissing(x: Exchange, path: string): OpenFile | null {
  try {
    return openFile(x, path);
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENAMETOOLONG') {
      const level = code === 'EACCES' || code === 'EMLINK' || code === 'ELOOP' ? 'error' : 'crit';
      logError(x, level, `${failedCall(error)}() "${path}" failed (${errnoText(error)})`);
    }
    return null;
  }
}

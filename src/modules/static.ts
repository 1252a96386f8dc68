/** nginx's `ngx_http_static_module`: serves static files. */
import { closeSync } from 'node:fs';
import { failedCall, fileFailed } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { type OpenFile, openFile, sendOpenFile } from '../exchange/static-file.js';
import { escapePath } from '../http/uri-escape.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { NEXT, type Verdict } from '../program/verdict.js';

function sendStatic(x: Exchange): Verdict {
  if (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST') return 405;
  if (x.uri.endsWith('/')) return NEXT;
  const found = filePath(x);
  if (found === null) return 500;
  const { path } = found;
  let file: OpenFile;
  try {
    file = openFile(x, path);
  } catch (error) {
    return fileFailed(x, failedCall(error), path, error);
  }
  const status = rejectionStatus(x, file);
  if (status === null) return sendOpenFile(x, file, null);
  closeSync(file.fd);
  return status;
}

/** Status of the response for a path that is not a regular file, or for `POST`; null if the file can be served. */
function rejectionStatus(x: Exchange, { path, stat }: OpenFile): number | null {
  if (stat.isDirectory()) {
    x.response.set('Location', `${escapePath(x.uri)}/${x.args === '' ? '' : `?${x.args}`}`);
    return 301;
  }
  if (!stat.isFile()) {
    logError(x, 'crit', `"${path}" is not a regular file`);
    return 404;
  }
  return x.method === 'POST' ? 405 : null;
}

export default defineModule({
  name: 'static',
  doc: 'Serves the files to which `root` or `alias` map the URI of `GET` and `HEAD` requests, and redirects a directory to the same URI with a trailing slash. This is the default of a location without another content handler. The core module accepts `open_file_cache`, `sendfile`, `aio` and `directio` without effect: files are read through the page cache of the operating system.',
  directives: {},
  phases: { content: { order: 100, compile: () => sendStatic } },
});

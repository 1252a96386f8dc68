/** nginx's `ngx_http_static_module`: serves static files. */

import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { sendFile } from '../exchange/file-body.js';
import { fileFailed } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { ETAG } from '../exchange/file-settings.js';
import { nativePath } from '../files/native-path.js';
import { formatHttpDate } from '../http/http-date.js';
import { escapePath } from '../http/uri-escape.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';

/** O_NONBLOCK, because opening a named pipe would otherwise block until there is a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

function sendStatic(x: Exchange): Verdict {
  if (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST') return 405;
  if (x.uri.endsWith('/')) return NEXT;
  const file = filePath(x);
  if (file === null) return 500;
  const { path } = file;
  // As in nginx, opening blocks on the disk: open, fstat, read and close of a cached file took 10 µs of CPU when called
  // directly, and 59 µs in the thread pool (Node 20).
  let fd: number;
  try {
    fd = openSync(nativePath(path), OPEN_FLAGS);
  } catch (error) {
    return fileFailed(x, 'open', path, error);
  }
  let stat: Stats;
  try {
    stat = fstatSync(fd);
  } catch (error) {
    closeSync(fd);
    return fileFailed(x, 'fstat', path, error);
  }
  let sending = false;
  try {
    const status = rejectionStatus(x, path, stat);
    if (status !== null) return status;
    describeFile(x, Math.floor(stat.mtimeMs / 1000), stat.size);
    if (!x.sendHead()) return DONE;
    sending = !x.headOnly;
  } finally {
    if (!sending) closeSync(fd);
  }
  if (sending) sendFile(x, fd, path, stat.size);
  else x.end();
  return DONE;
}

/** Status of the response for a path that is not a regular file, or for `POST`; null if the file can be served. */
function rejectionStatus(x: Exchange, path: string, stat: Stats): number | null {
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

function describeFile(x: Exchange, modified: number, size: number): void {
  const { response } = x;
  response.status = 200;
  response.contentLength = size;
  response.modifiedAt = modified * 1000;
  response.lastModified = formatHttpDate(modified);
  if (x.location.settings.get(ETAG)) response.etag = `"${modified.toString(16)}-${size.toString(16)}"`;
  response.contentType ??= x.defaultType();
  response.seekable = true;
  x.allowRanges = true;
}

export default defineModule({
  name: 'static',
  doc: 'Serves the files to which `root` or `alias` map the URI of `GET` and `HEAD` requests, and redirects a directory to the same URI with a trailing slash. This is the default of a location without another content handler. The core module accepts `open_file_cache`, `sendfile`, `aio` and `directio` without effect: files are read through the page cache of the operating system.',
  directives: {},
  phases: { content: { order: 100, pure: true, compile: () => sendStatic } },
});

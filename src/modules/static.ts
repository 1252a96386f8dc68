/** nginx's `ngx_http_static_module`: answers with the file that the URI stands for. */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { sendFile } from '../exchange/file-body.js';
import { fileFailed } from '../exchange/file-error.js';
import { filePath, nativePath } from '../exchange/file-path.js';
import { defineModule } from '../exchange/module.js';
import { DONE, NEXT, type Verdict } from '../exchange/verdict.js';
import { formatHttpDate } from '../http/http-date.js';
import { escapePath } from '../http/uri-escape.js';

/** Not to wait for a writer where the path leads to a named pipe. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

function sendStatic(x: Exchange): Verdict {
  if (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST') return 405;
  if (x.uri.endsWith('/')) return NEXT;
  const file = filePath(x);
  if (file === null) return 500;
  const { path } = file;
  // As in nginx, opening waits for the disk: open, fstat, read and close of a cached file took 10 µs of CPU together when
  // called directly and 59 µs by way of the thread pool (Node 20).
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
    const status = refusal(x, path, stat);
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

/** The status for what is no file, or may not be posted to. */
function refusal(x: Exchange, path: string, stat: Stats): number | null {
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
  if (x.location.settings.etag) response.etag = `"${modified.toString(16)}-${size.toString(16)}"`;
  response.contentType ??= x.defaultType();
  response.seekable = true;
  x.allowRanges = true;
}

export default defineModule({
  name: 'static',
  doc: "Answers `GET` and `HEAD` requests with the file that `root` or `alias` and the URI lead to, and redirects from a directory to the same URI with a slash at its end. It is what a location does that has no handler of its own. The directives `open_file_cache`, `sendfile`, `aio` and `directio` are accepted by the core module and change nothing: a file is read by the operating system's own cache.",
  directives: {},
  phases: { content: { order: 100, pure: true, compile: () => sendStatic } },
});

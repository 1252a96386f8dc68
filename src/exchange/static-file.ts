/** Opens a file, and sends it as the response: for static files and their precompressed forms. */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { nativePath } from '../files/native-path.js';
import { openRestricted } from '../files/restricted-open.js';
import { formatHttpDate } from '../http/http-date.js';
import type { Exchange } from '../program/exchange.js';
import { DONE, type Verdict } from '../program/verdict.js';
import { sendFile } from './file-body.js';
import { errorCode } from './file-error.js';
import { ETAG, SYMLINKS, type SymlinkRule } from './file-settings.js';

/** O_NONBLOCK, because opening a named pipe would otherwise block until there is a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

export interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly stat: Stats;
}

/**
 * Opens a file. As in nginx, this blocks on the disk: open, fstat, read and close of a cached file took 10 µs of CPU when
 * called directly, and 59 µs in the thread pool (Node 20). Throws an error whose `syscall` is `open`, `openat` or `fstat`.
 */
export function openFile(x: Exchange, path: string): OpenFile {
  const rule = x.location.settings.get(SYMLINKS);
  const fd = rule === null ? openSync(nativePath(path), OPEN_FLAGS) : openByRule(x, path, rule);
  try {
    return { path, fd, stat: fstatSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Status of a file. Throws an error whose `syscall` is `stat`, or as `openFile`. */
export function statFile(x: Exchange, path: string): Stats {
  if (x.location.settings.get(SYMLINKS) === null) return statSync(nativePath(path));
  const { fd, stat } = openFile(x, path);
  closeSync(fd);
  return stat;
}

/** Status of a file that may be missing; null if it is. Throws as `statFile`. */
export function fileStatus(x: Exchange, path: string): Stats | null {
  // Without an exception, which would be expensive.
  if (x.location.settings.get(SYMLINKS) === null) return statSync(nativePath(path), { throwIfNoEntry: false }) ?? null;
  try {
    return statFile(x, path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** nginx: ngx_http_set_disable_symlinks. */
function openByRule(x: Exchange, path: string, { sameOwner, from }: SymlinkRule): number {
  const trusted = from?.of(x) ?? '';
  if (trusted === '' || !path.startsWith(trusted)) return openRestricted(path, OPEN_FLAGS, sameOwner, 0);
  if (trusted.length === path.length) return openSync(nativePath(path), OPEN_FLAGS);
  let { length } = trusted;
  if (path[length] !== '/') length = trusted.endsWith('/') ? length - 1 : 0;
  return openRestricted(path, OPEN_FLAGS, sameOwner, length);
}

/** Sends a regular file with status 200, and closes it. `coding`: content coding of the file, or null. */
export function sendOpenFile(x: Exchange, { path, fd, stat }: OpenFile, coding: string | null): Verdict {
  let sending = false;
  try {
    describeFile(x, Math.floor(stat.mtimeMs / 1000), stat.size, coding);
    if (!x.sendHead()) return DONE;
    sending = !x.headOnly;
  } finally {
    if (!sending) closeSync(fd);
  }
  if (sending) sendFile(x, fd, path, stat.size);
  else x.end();
  return DONE;
}

function describeFile(x: Exchange, modified: number, size: number, coding: string | null): void {
  const { response } = x;
  response.status = 200;
  response.contentLength = size;
  response.modifiedAt = modified * 1000;
  response.lastModified = formatHttpDate(modified);
  if (x.location.settings.get(ETAG)) response.etag = `"${modified.toString(16)}-${size.toString(16)}"`;
  response.contentType ??= x.defaultType();
  if (coding !== null) {
    response.add('Content-Encoding', coding);
    response.encoded = true;
  }
  response.seekable = true;
  x.allowRanges = true;
}

/** Opens a file, and sends it as the response: for static files and their precompressed forms. */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { nativePath } from '../files/native-path.js';
import { formatHttpDate } from '../http/http-date.js';
import type { Exchange } from '../program/exchange.js';
import { DONE, type Verdict } from '../program/verdict.js';
import { sendFile } from './file-body.js';
import { ETAG } from './file-settings.js';

/** O_NONBLOCK, because opening a named pipe would otherwise block until there is a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

export interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly stat: Stats;
}

/**
 * Opens a file. As in nginx, this blocks on the disk: open, fstat, read and close of a cached file took 10 µs of CPU when
 * called directly, and 59 µs in the thread pool (Node 20). Throws an error whose `syscall` is `open` or `fstat`.
 */
export function openFile(path: string): OpenFile {
  const fd = openSync(nativePath(path), OPEN_FLAGS);
  try {
    return { path, fd, stat: fstatSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
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

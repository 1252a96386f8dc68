/** Blocking writes to standard output and error, which may be closed, or a pipe with a slow or closed reader. */
import { writeSync } from 'node:fs';

/** Buffer for a one-millisecond sleep, to give a reader time. */
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes everything before it returns, however slow the reader. If there is no reader, drops the rest and returns
 * false.
 */
export function writeAll(descriptor: 1 | 2, bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length) {
    try {
      // From Node 22 on a write to a pipe may be partial.
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      // A full pipe reports EAGAIN, a pipe without a reader EPIPE, and a closed descriptor EBADF.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
  return true;
}

/** Writes a line to standard error. `text` is Unicode, to be read by a person. */
export function printError(text: string): void {
  writeAll(2, Buffer.from(`${text}\n`, 'utf8'));
}

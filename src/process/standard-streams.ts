/** Standard output and error, which may be closed, a pipe whose reader is slow, or one that nobody reads any more. */
import { writeSync } from 'node:fs';

/** To sleep a millisecond on, so that a reader gets its turn. */
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it before it returns, however long a reader takes; what nobody can read is dropped. */
export function writeAll(descriptor: 1 | 2, bytes: Buffer): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      // From Node 22 on a pipe takes what has room in it, and no more.
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      // A pipe that is full says EAGAIN; one without a reader says EPIPE, and a closed descriptor EBADF.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}

/** Writes a line to standard error. `text` is Unicode, as a person reads it. */
export function sayToPerson(text: string): void {
  writeAll(2, Buffer.from(`${text}\n`, 'utf8'));
}

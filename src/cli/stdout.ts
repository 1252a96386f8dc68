/** Standard output for what a command gives; it may be a pipe whose reader is slow, or gone. */
import { writeSync } from 'node:fs';

/** Writes bytes (latin1), all of them, even into a pipe. */
export function writeOut(bytes: string): void {
  const buffer = Buffer.from(bytes, 'latin1');
  let at = 0;
  while (at < buffer.length) {
    try {
      at += writeSync(1, buffer, at);
    } catch (error) {
      // A pipe whose reader is slower than we are says EAGAIN; one without a reader says EPIPE.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}

/** To sleep a millisecond on, so that the reader gets its turn. */
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Writes text. */
export function print(text: string): void {
  writeOut(encoded(text));
}

/** Text as the bytes of its UTF-8. */
export function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

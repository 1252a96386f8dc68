/** Standard error for messages to a person; it may be closed, or a pipe that nobody reads any more. */
import { writeSync } from 'node:fs';

/** Writes a line; what cannot be written is dropped. `text` is Unicode, as a person reads it. */
export function sayToPerson(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // EBADF, EPIPE: nobody is listening.
  }
}

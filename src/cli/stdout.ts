/** Standard output for what a command gives; it may be a pipe whose reader is slow, or gone. */
import { writeAll } from '../process/standard-streams.js';

/** Writes bytes (latin1), all of them, even into a pipe. */
export function writeOut(bytes: string): void {
  writeAll(1, Buffer.from(bytes, 'latin1'));
}

/** Writes text. */
export function print(text: string): void {
  writeAll(1, Buffer.from(text, 'utf8'));
}

/** Writes data for programs. */
export function printJson(data: unknown): void {
  print(`${JSON.stringify(data, null, 2)}\n`);
}

/** Text as the bytes of its UTF-8. */
export function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

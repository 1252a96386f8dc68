/** Standard output of commands; it may be a pipe with a slow or closed reader. */
import { writeAll } from '../process/standard-streams.js';

/** Writes all bytes (latin1), even to a pipe. */
export function writeOut(bytes: string): void {
  writeAll(1, Buffer.from(bytes, 'latin1'));
}

/** Writes text. */
export function print(text: string): void {
  writeAll(1, Buffer.from(text, 'utf8'));
}

/** Writes text; returns false if there is no reader. */
export function tryPrint(text: string): boolean {
  return writeAll(1, Buffer.from(text, 'utf8'));
}

/** Writes data as JSON. */
export function printJson(data: unknown): void {
  print(`${JSON.stringify(data, null, 2)}\n`);
}

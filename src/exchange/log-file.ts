/** A file that is only appended to: access logs, error logs. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { WriteFailures } from './write-failures.js';

/** Descriptor 2 as a log: never closed, never reopened. */
const STDERR = 2;

/**
 * One open log file. Writes are synchronous, so that a line is in the file before the connection that it is about is closed,
 * and nothing is lost at exit. What cannot be written (disk full, descriptor 2 closed) is dropped.
 */
export class LogFile {
  /** What is known of writes that failed. */
  readonly failures = new WriteFailures();
  private descriptor: number;

  /** Opens the file, creating it where it is missing; throws the system's error. `path` is bytes; empty means stderr. */
  constructor(readonly path: string) {
    this.descriptor = path === '' ? STDERR : open(path);
  }

  /** Appends bytes; gives the system's error where that failed, null otherwise. */
  write(text: string | Buffer): unknown {
    if (this.descriptor < 0) return null;
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    try {
      let written = writeSync(this.descriptor, bytes);
      while (written < bytes.length) written += writeSync(this.descriptor, bytes, written);
      return null;
    } catch (error) {
      return error;
    }
  }

  /** Opens the path anew, for a file that was moved away; throws the system's error and then goes on with the old one. */
  reopen(): void {
    if (this.path === '' || this.descriptor < 0) return;
    const fresh = open(this.path);
    closeSync(this.descriptor);
    this.descriptor = fresh;
  }

  /** Further writes are dropped. */
  close(): void {
    if (this.path !== '' && this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

function open(path: string): number {
  return openSync(Buffer.from(path, 'latin1'), 'a', 0o644);
}

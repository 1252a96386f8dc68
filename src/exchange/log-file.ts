/** A file that is only appended to: access logs, error logs. */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import net from 'node:net';
import { PipeQueue } from './pipe-queue.js';
import { openForWriting } from './trusted-files.js';
import { WriteFailures } from './write-failures.js';

const { O_APPEND, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;

/**
 * One open log file. Writes are synchronous, so that a line is in the file before the connection that it is about is closed,
 * and nothing is lost at exit. What cannot be written (disk full, descriptor closed, no reader) is dropped. A pipe is never
 * waited for: what its reader is too slow for is queued, up to a limit. Nothing but the constructor and `reopen` throws.
 */
export class LogFile {
  /** What is known of writes that failed. */
  readonly failures = new WriteFailures();
  private descriptor: number;
  private readonly handle: StandardError['handle'] = null;
  /** Made when a pipe is full for the first time. */
  private queue: PipeQueue | null = null;

  /** Opens the file, creating it where it is missing; throws the system's error. `path` is bytes; empty means stderr. */
  constructor(readonly path: string) {
    if (path !== '') this.descriptor = openLogFile(path);
    else ({ descriptor: this.descriptor, handle: this.handle } = standardError());
  }

  /** Appends bytes; gives the system's error where they were dropped, null otherwise. */
  write(text: string | Buffer): unknown {
    if (this.descriptor < 0) return null;
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    const { queue } = this;
    if (queue !== null && !queue.empty) {
      queue.flush();
      if (!queue.empty) return queue.add(bytes, false) ? null : PIPE_FULL;
    }
    let written = 0;
    try {
      while (written < bytes.length) written += this.put(bytes, written);
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return error;
      this.queue ??= this.makeQueue();
      return this.queue.add(bytes.subarray(written), written > 0) ? null : error;
    }
  }

  private put(bytes: Buffer, at: number): number {
    this.handle?.setBlocking(false);
    return writeSync(this.descriptor, bytes, at);
  }

  private makeQueue(): PipeQueue {
    return new PipeQueue(
      (bytes, at) => this.put(bytes, at),
      (count) => (this.failures.lost += count),
    );
  }

  /** Opens the path anew, for a file that was moved away; throws the system's error and then goes on with the old one. */
  reopen(): void {
    if (this.path === '' || this.descriptor < 0) return;
    const fresh = openLogFile(this.path);
    this.closeDescriptor();
    this.descriptor = fresh;
  }

  /** Further writes are dropped. */
  close(): void {
    if (this.path === '') this.queue?.flush();
    else if (this.descriptor >= 0) this.closeDescriptor();
    this.descriptor = -1;
  }

  private closeDescriptor(): void {
    this.queue?.close();
    this.queue = null;
    try {
      closeSync(this.descriptor);
    } catch {
      // It is closed all the same, and what was written before was reported by its own call.
    }
  }
}

const PIPE_FULL = Object.assign(new Error(), { code: 'EAGAIN', errno: -11 });

/** Opens a log file, creating it where it is missing; throws the system's error or UntrustedPathError. Bytes. */
export function openLogFile(path: string): number {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for a reader, and writing to it for room.
    return openForWriting(path, O_WRONLY | O_APPEND | O_NONBLOCK, 0o644);
  } catch (error) {
    // A named pipe without a reader: kept open for both, it takes lines until one comes.
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    return openForWriting(path, O_RDWR | O_APPEND | O_NONBLOCK, 0o644);
  }
}

/** Descriptor 2, or another one for what it stands for. Never closed, never reopened. */
interface StandardError {
  readonly descriptor: number;
  /** Where it is a socket: net.Socket's handle, which Node does not document. */
  readonly handle: { setBlocking(on: boolean): number } | null;
}

let stderr: StandardError | null = null;

/**
 * stderr without waiting in writes. A pipe is opened anew: O_NONBLOCK on descriptor 2 itself would be in force for all
 * programs that share the pipe. A socket (systemd's journal) cannot be opened, and only this program's processes share it;
 * each of them that starts or ends takes O_NONBLOCK away, so that it is set before every write. Where neither is possible,
 * writes may wait.
 */
function standardError(): StandardError {
  if (stderr !== null) return stderr;
  stderr = { descriptor: 2, handle: null };
  try {
    const status = fstatSync(2);
    if (status.isFIFO()) {
      stderr = { descriptor: openSync('/proc/self/fd/2', O_WRONLY | O_APPEND | O_NONBLOCK), handle: null };
    } else if (status.isSocket()) {
      const socket = new net.Socket({ fd: 2, readable: false, writable: true });
      stderr = { descriptor: 2, handle: (socket as unknown as { _handle: StandardError['handle'] })._handle };
    }
  } catch {
    // Descriptor 2 as it is, closed or not.
  }
  return stderr;
}

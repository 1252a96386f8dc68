/** Append-only files: access logs and error logs. */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import net from 'node:net';
import { openForWriting } from '../files/trusted-files.js';
import { PipeQueue } from './pipe-queue.js';
import { WriteFailures } from './write-failures.js';

const { O_APPEND, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;

/**
 * An open log file. Writes are synchronous, so that a line is in the file before its connection is closed, and nothing
 * is lost at exit. Data that cannot be written (disk full, descriptor closed, no reader) is dropped. Writes to a pipe
 * never wait: data for a slow reader is queued, up to a limit. Only the constructor and `reopen` throw.
 */
export class LogFile {
  /** State of failed writes. */
  readonly failures: WriteFailures;
  private descriptor: number;
  private readonly handle: StandardError['handle'] = null;
  /** Created when a pipe is full for the first time. */
  private queue: PipeQueue | null = null;

  /** Opens the file, creating it if missing; throws the system's error. `path` is a byte string; empty means stderr. */
  constructor(readonly path: string) {
    this.failures = new WriteFailures(path === '' ? 'stderr' : path);
    if (path !== '') this.descriptor = openLogFile(path);
    else ({ descriptor: this.descriptor, handle: this.handle } = standardError());
  }

  /** Appends bytes; returns the system's error if they were dropped, otherwise null. */
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
      while (written < bytes.length) written += this.writeNonblocking(bytes, written);
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return error;
      this.queue ??= this.makeQueue();
      return this.queue.add(bytes.subarray(written), written > 0) ? null : error;
    }
  }

  private writeNonblocking(bytes: Buffer, at: number): number {
    this.handle?.setBlocking(false);
    return writeSync(this.descriptor, bytes, at);
  }

  private makeQueue(): PipeQueue {
    return new PipeQueue(
      (bytes, at) => this.writeNonblocking(bytes, at),
      (count) => this.failures.drop(count),
    );
  }

  /** Reopens the path, for a file that was moved; throws the system's error and then continues with the old file. */
  reopen(): void {
    if (this.path === '' || this.descriptor < 0) return;
    const fresh = openLogFile(this.path);
    this.closeDescriptor();
    this.descriptor = fresh;
  }

  /** Closes the file; further writes are dropped. */
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
      // It is closed regardless; errors of earlier writes were reported by their own calls.
    }
  }
}

const PIPE_FULL = Object.assign(new Error(), { code: 'EAGAIN', errno: -11 });

/**
 * Opens a log file, creating it if missing; throws the system's error or UntrustedPathError. `path` is a byte string.
 */
export function openLogFile(path: string): number {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for a reader, and writing to it waits for space.
    return openForWriting(path, O_WRONLY | O_APPEND | O_NONBLOCK, 0o644);
  } catch (error) {
    // A named pipe without a reader: opened for both, it accepts lines until a reader opens it.
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    return openForWriting(path, O_RDWR | O_APPEND | O_NONBLOCK, 0o644);
  }
}

/** Descriptor 2, or another one for the same file. Never closed, never reopened. */
interface StandardError {
  readonly descriptor: number;
  /** For a socket: net.Socket's handle, which is undocumented. */
  readonly handle: { setBlocking(on: boolean): number } | null;
}

let stderr: StandardError | null = null;

/**
 * stderr with nonblocking writes. A pipe is reopened: O_NONBLOCK on descriptor 2 itself would affect all programs that
 * share the pipe. A socket (systemd's journal) cannot be reopened, and is shared only by this program's processes; each
 * of them resets O_NONBLOCK when it starts or ends, so it is set before every write. If neither is possible, writes may
 * block.
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

/** Access log files, written directly or through a buffer. */
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from './error-log.js';
import { LogFile } from './log-file.js';

/** Buffering of lines. */
export interface LogBuffer {
  /** Buffer size, bytes; 0: unbuffered. */
  readonly size: number;
  /** Maximum time that a line is buffered, ms; 0: unlimited. */
  readonly flush: number;
  /** zlib compression level; 0: plain text. */
  readonly gzip: number;
}

const UNBUFFERED: LogBuffer = { size: 0, flush: 0, gzip: 0 };

/**
 * An open access log. Write failures are logged to the error log (once a minute) and do not affect requests; after a
 * full disk no write is attempted for the rest of the second. Survives reloads: routing tables that log to the same
 * path share one object.
 */
export class AccessLogFile {
  private readonly file: LogFile;
  private buffer = UNBUFFERED;
  private held = '';
  private timer: NodeJS.Timeout | null = null;

  /** Opens the file; throws the system's error. `path` is absolute, a byte string. */
  constructor(
    readonly path: string,
    private readonly errorLog: ErrorLog,
  ) {
    this.file = new LogFile(path);
  }

  /** Changes the buffering. */
  configure(buffer: LogBuffer): void {
    if (buffer.size !== this.buffer.size || buffer.flush !== this.buffer.flush || buffer.gzip !== this.buffer.gzip) {
      this.flush();
      this.buffer = buffer;
    }
  }

  /**
   * Logs a line, including its line break. Returns a message for the error log if writing failed and a message is due,
   * otherwise null.
   */
  write(line: string): string | null {
    const { size, flush } = this.buffer;
    let complaint: string | null = null;
    if (this.held.length + line.length > size) complaint = this.writeBuffered();
    if (line.length > size) return this.append(line) ?? complaint;
    this.held += line;
    if (flush > 0 && this.timer === null) {
      // The buffer is flushed when the file is closed; the timer need not keep the process alive.
      this.timer = setTimeout(() => this.flush(), flush).unref();
    }
    return complaint;
  }

  /** Writes the buffered lines. */
  flush(): void {
    const complaint = this.writeBuffered();
    if (complaint !== null) this.errorLog.write('alert', complaint);
  }

  /** Reopens the path; throws the system's error and then continues with the old file. */
  reopen(): void {
    this.flush();
    this.file.reopen();
  }

  close(): void {
    this.flush();
    this.file.close();
  }

  private writeBuffered(): string | null {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { held } = this;
    this.held = '';
    return held === '' ? null : this.append(held);
  }

  private append(text: string): string | null {
    const { failures } = this.file;
    if (failures.skips()) return null;
    const error = this.writeFile(text);
    const name = `"${this.path}"`;
    if (error === null) return failures.lost === 0 ? null : failures.report(name);
    return failures.note(error) ? `write() to ${name} failed (${errnoText(error)})` : null;
  }

  private writeFile(text: string): unknown {
    const { gzip } = this.buffer;
    if (gzip === 0) return this.file.write(text);
    try {
      return this.file.write(compressed(text, gzip));
    } catch (error) {
      return error;
    }
  }
}

/** Compresses text to a gzip member. zlib is loaded on demand, because few logs use it. */
function compressed(text: string, level: number): Buffer {
  return process.getBuiltinModule('node:zlib').gzipSync(Buffer.from(text, 'latin1'), { level });
}

/** A log of requests: lines go to the file at once, or by way of a buffer. */
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from './error-log.js';
import { LogFile } from './log-file.js';

/** How lines are held back. */
export interface LogBuffer {
  /** Bytes; 0: each line is written at once. */
  readonly size: number;
  /** ms after which a line that was held back is written; 0: never for that reason alone. */
  readonly flush: number;
  /** zlib's level for what is written; 0: plain text. */
  readonly gzip: number;
}

const UNBUFFERED: LogBuffer = { size: 0, flush: 0, gzip: 0 };

/**
 * One open access log. Where writing fails, the error log says so (once a minute), and requests go on; a full disk is left
 * alone for the rest of the second. It lives on over reloads: the routing tables that log to a path share one of these.
 */
export class AccessLogFile {
  private readonly file: LogFile;
  private buffer = UNBUFFERED;
  private held = '';
  private timer: NodeJS.Timeout | null = null;

  /** Opens the file; throws the system's error. `path` is absolute, bytes. */
  constructor(
    readonly path: string,
    private readonly errorLog: ErrorLog,
  ) {
    this.file = new LogFile(path);
  }

  /** Changes how lines are held back. */
  configure(buffer: LogBuffer): void {
    if (buffer.size !== this.buffer.size || buffer.flush !== this.buffer.flush || buffer.gzip !== this.buffer.gzip) {
      this.flush();
      this.buffer = buffer;
    }
  }

  /**
   * Logs a line, which ends with its line break. Where it could not be written, and that is to be said, gives the sentence;
   * null otherwise.
   */
  write(line: string): string | null {
    const { size, flush } = this.buffer;
    let complaint: string | null = null;
    if (this.held.length + line.length > size) complaint = this.writeHeld();
    if (line.length > size) return this.append(line) ?? complaint;
    this.held += line;
    if (flush > 0 && this.timer === null) {
      // What is held back is written when the file is closed; the timer need not keep the process alive.
      this.timer = setTimeout(() => this.flush(), flush).unref();
    }
    return complaint;
  }

  /** Writes what is held back. */
  flush(): void {
    const complaint = this.writeHeld();
    if (complaint !== null) this.errorLog.write('alert', complaint);
  }

  /** Opens the path anew; throws the system's error and then goes on with the old file. */
  reopen(): void {
    this.flush();
    this.file.reopen();
  }

  close(): void {
    this.flush();
    this.file.close();
  }

  private writeHeld(): string | null {
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

/** A part of a gzip file. zlib is loaded when a log asks for it, which few do. */
function compressed(text: string, level: number): Buffer {
  return process.getBuiltinModule('node:zlib').gzipSync(Buffer.from(text, 'latin1'), { level });
}

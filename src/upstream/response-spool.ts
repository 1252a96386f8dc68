/**
 * Buffers a response that a slow client has not read yet, so that the upstream need not wait: first in memory, then in
 * a temporary file. Reading from the upstream is paused only if both are full. nginx: ngx_event_pipe.
 */
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { TemporaryFile } from '../files/temporary-file.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { ResponseHead } from '../http/response-head.js';
import { buffersFull } from '../net/buffer-limit.js';
import { ByteQueue } from '../net/byte-queue.js';
import { giveSlab, takeSlab } from '../net/slabs.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Client, Session } from '../program/session.js';
import type { ResponseSink } from './response-sink.js';

/** Limits and location of the buffers. Sizes in bytes. */
export interface SpoolSettings {
  /**
   * Memory limit (`proxy_buffers` and `proxy_buffer_size`); the same amount again may be in the process of being
   * written.
   */
  readonly memory: number;
  /** File limit (`proxy_max_temp_file_size`); 0: no file is used. */
  readonly file: number;
  /** Bytes per write (`proxy_temp_file_write_size`). */
  readonly writeSize: number;
  /** `proxy_temp_path`. */
  readonly place: TemporaryPath;
}

/** The part of an exchange that a spool uses, besides the next sink. */
export interface SpooledExchange extends Session {
  readonly client: Client & { readonly closed: boolean };
}

/**
 * Whether a response with these fields is buffered: per the last valid `X-Accel-Buffering`, or `otherwise` without one.
 */
export function isBuffered(headers: HeaderBlock, otherwise: boolean): boolean {
  let buffered = otherwise;
  for (let i = headers.indexOf(Field.XAccelBuffering); i >= 0; i = headers.indexOf(Field.XAccelBuffering, i + 1)) {
    if (headers.valueIs(i, 'yes')) buffered = true;
    else if (headers.valueIs(i, 'no')) buffered = false;
  }
  return buffered;
}

/** Bytes read from the file at once. */
const READ_SIZE = 65536;
/**
 * Total time for which the upstream may be paused before a file is used, ms. A client that is about as fast as the
 * upstream would otherwise cost a file write, a file read and their threads (measured: a fifth of the CPU time of 10
 * MiB responses).
 */
const GRACE = 100;
/** Maximum size of a file that is kept after all of it was sent; a response may last for hours. */
const MAX_KEPT_FILE = 1 << 20;

/** Action when the buffers are empty. */
const MORE = 0;
const END = 1;
const CUT = 2;

export class ResponseSpool implements ResponseSink, Producer {
  /** Whether the next sink accepts bytes. */
  private ready = false;
  private last = MORE;
  private trailers = '';
  /** Whether the response is over, or its buffers were released. */
  private released = false;
  private paused = false;
  private sending = false;
  /** Remaining part of GRACE. */
  private grace = GRACE;
  /** Timer for the end of the grace period; null while the upstream is not paused. */
  private timer: NodeJS.Timeout | null = null;
  private pausedSince = 0;

  /** Bytes not in the file; they follow the bytes in the file. */
  private readonly memory = new ByteQueue();
  /** Bytes at the front of `memory` that are being written to the file. */
  private writing = 0;
  private file: TemporaryFile | null = null;
  /** Whether the use of a file has been logged. */
  private fileLogged = false;
  /** Whether the file cannot be created or written. */
  private broken = false;
  /** Bytes of the file that were sent. */
  private bytesSent = 0;
  private reading = false;

  /** Created when `sink` accepts no more data, until it resumes the spool. */
  constructor(
    private readonly x: SpooledExchange,
    private readonly settings: SpoolSettings,
    private readonly sink: ResponseSink,
    private readonly source: Producer,
  ) {}

  get activity(): string {
    return this.source.activity ?? '';
  }

  head(response: ResponseHead): boolean {
    return this.sink.head(response);
  }

  /** Whether nothing is buffered. */
  private get empty(): boolean {
    return this.memory.length === 0 && (this.file === null || this.bytesSent === this.file.length) && !this.reading;
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.ready && this.empty) {
      // `resume` may be called before this returns.
      this.ready = false;
      if (this.sink.bytes(bytes, start, end)) this.ready = true;
      return true;
    }
    this.memory.push(bytes, start, end);
    this.adjustFlow(true);
    return !this.paused;
  }

  end(trailers: string): void {
    this.last = END;
    this.trailers = trailers;
    this.adjustFlow();
  }

  truncate(): void {
    this.last = CUT;
    this.adjustFlow();
  }

  fail(status: number): void {
    this.clear();
    this.sink.fail(status);
  }

  /** The next sink accepts more data. */
  resume(): void {
    this.ready = true;
    this.send();
  }

  abort(): void {
    this.clear();
    this.source.abort();
  }

  /** Discards the response: the request continues without a client (`proxy_ignore_client_abort`). */
  private discard(): void {
    if (this.writing > 0 || this.reading) return;
    this.memory.clear();
    if (this.file !== null) this.bytesSent = this.file.length;
  }

  /** Sends available data until the client is full. */
  private send(): void {
    if (this.sending || this.released) return;
    if (this.x.client.closed) this.discard();
    this.sending = true;
    while (this.ready && this.sendPiece());
    this.sending = false;
    this.adjustFlow();
  }

  /** Returns false if the next bytes are not available yet; `send` is called again when they are. */
  private sendPiece(): boolean {
    const { file, memory } = this;
    if (this.reading || this.released) return false;
    if (file !== null && this.bytesSent < file.length) {
      this.readFile(file);
      return false;
    }
    if (this.writing > 0 || memory.length === 0) return false;
    const first = memory.first();
    this.pass(first);
    // The exchange may have ended and this spool may have been cleared.
    if (!this.released) memory.drop(first.length);
    return true;
  }

  private pass(bytes: Buffer): void {
    this.ready = false;
    if (this.sink.bytes(bytes, 0, bytes.length)) this.ready = true;
  }

  private readFile(file: TemporaryFile): void {
    // Borrowed until passed on: data that the client does not accept at once is copied.
    const piece = takeSlab(READ_SIZE);
    this.reading = true;
    file.read(piece.subarray(0, file.length - this.bytesSent), this.bytesSent, (error, count) => {
      this.reading = false;
      if (error !== null) {
        giveSlab(piece);
        logError(this.x, 'crit', `${error.message} while sending to client`);
        // The data in the file is lost.
        this.abort();
        this.sink.truncate();
        return;
      }
      this.bytesSent += count;
      this.pass(piece.subarray(0, count));
      giveSlab(piece);
      this.send();
    });
  }

  /**
   * Resumes the source or starts writing to the file, depending on the amount buffered. `receiving`: sets `paused` if the
   * buffers are full.
   */
  private adjustFlow(receiving = false): void {
    if (this.released || this.sending) return;
    if (this.empty) {
      if (this.file !== null) this.emptyFile(this.file);
      if (this.last !== MORE) {
        this.finish();
        return;
      }
    }
    const most = buffersFull() ? 0 : this.settings.memory;
    // An existing file is used, and without much memory there is no grace period.
    const inGrace = this.grace > 0 && this.file === null && most > 0 && this.settings.file > 0;
    if (!inGrace && this.writing === 0 && this.memory.length > most) this.spill();
    const full = this.memory.length - this.writing > most;
    if (full === this.paused || (full && !receiving)) return;
    this.paused = full;
    if (full) {
      if (inGrace) this.startGrace();
    } else {
      this.stopGrace();
      this.source.resume();
    }
  }

  private startGrace(): void {
    this.pausedSince = performance.now();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.grace = 0;
      this.adjustFlow();
    }, this.grace);
  }

  private stopGrace(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.grace -= performance.now() - this.pausedSince;
  }

  private emptyFile(file: TemporaryFile): void {
    this.bytesSent = 0;
    if (file.length <= MAX_KEPT_FILE) file.rewind();
    else {
      file.close();
      this.file = null;
    }
  }

  /** Writes the oldest bytes in memory to the file. */
  private spill(): void {
    const { settings, memory } = this;
    const count = Math.min(memory.length, settings.writeSize, settings.file - (this.file?.length ?? 0));
    if (this.broken || count <= 0) return;
    const file = this.open();
    if (file === null) return;
    this.writing = count;
    file.append(memory.front(count), (error, written) => {
      this.writing = 0;
      memory.drop(written);
      if (error !== null) this.stopSpilling(error);
      this.send();
    });
  }

  private open(): TemporaryFile | null {
    if (this.file !== null) return this.file;
    try {
      this.file = TemporaryFile.create(this.settings.place);
    } catch (error) {
      this.stopSpilling(error as Error); // documented error type
      return null;
    }
    const { path } = this.file;
    if (!this.fileLogged) {
      this.fileLogged = true;
      logError(this.x, 'warn', `an upstream response is buffered to a temporary file ${path} while reading upstream`);
    }
    return this.file;
  }

  /** Stops writing to the file: the upstream is paused when memory is full. Data already in the file is kept. */
  private stopSpilling(error: Error): void {
    this.broken = true;
    logError(this.x, 'crit', `${error.message} while reading upstream`);
  }

  private finish(): void {
    this.clear();
    if (this.last === END) this.sink.end(this.trailers);
    else this.sink.truncate();
  }

  release(): void {
    this.clear();
    this.sink.release();
  }

  private clear(): void {
    this.released = true;
    this.stopGrace();
    this.memory.clear();
    this.file?.close();
    this.file = null;
  }
}

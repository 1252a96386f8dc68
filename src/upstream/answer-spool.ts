/**
 * Holds what a slow client has not taken yet of an answer, so that the upstream need not wait for it: in memory first, then
 * in a temporary file. Where both are full the upstream waits after all. nginx: ngx_event_pipe.
 */
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import { TemporaryFile } from '../exchange/temporary-file.js';
import { buffersFull } from '../http/buffer-limit.js';
import { ByteQueue } from '../http/byte-queue.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import { giveSlab, takeSlab } from '../http/slabs.js';

/** Where answers wait. Sizes in bytes. */
export interface SpoolSettings {
  /** What may wait in memory (`proxy_buffers` and `proxy_buffer_size`); as much again while it is being written. */
  readonly memory: number;
  /** What may wait in the file (`proxy_max_temp_file_size`); 0: no file is used. */
  readonly file: number;
  /** How much is written at a time (`proxy_temp_file_write_size`). */
  readonly writeSize: number;
  /** `proxy_temp_path`. */
  readonly place: TemporaryPath;
}

/** Where the answer comes from. */
export interface AnswerSource {
  /** As much waits as may. */
  holdBack(): void;
  /** More may come. */
  goOn(): void;
}

/** Whether an answer with these fields is buffered: as the last valid `X-Accel-Buffering` says, `otherwise` without one. */
export function isBuffered(headers: HeaderBlock, otherwise: boolean): boolean {
  let buffered = otherwise;
  for (let i = headers.indexOf(Field.XAccelBuffering); i >= 0; i = headers.indexOf(Field.XAccelBuffering, i + 1)) {
    if (headers.valueIs(i, 'yes')) buffered = true;
    else if (headers.valueIs(i, 'no')) buffered = false;
  }
  return buffered;
}

/** How much of the file is read at a time. */
const PIECE = 65536;
/**
 * Milliseconds that the upstream may wait in all, before a file is used: a client that is as fast as the upstream, but for
 * moments, would otherwise cost a write and a read of a file, and the threads for them (measured: a fifth of the CPU time of
 * responses of 10 MiB).
 */
const GRACE = 100;
/** A file that has grown larger is not kept when all of it was sent: the answer may go on for hours. */
const KEPT = 1 << 20;

/** What is to happen when nothing waits any more. */
const MORE = 0;
const END = 1;
const CUT = 2;

export class AnswerSpool {
  /** The client takes bytes. */
  private ready = false;
  private last = MORE;
  /** Everything is over. */
  private released = false;
  private heldBack = false;
  private sending = false;
  /** Remaining part of GRACE. */
  private grace = GRACE;
  /** Ends it; null where the upstream does not wait. */
  private timer: NodeJS.Timeout | null = null;
  private heldSince = 0;

  /** What is not in the file: it comes behind what is there. */
  private readonly memory = new ByteQueue();
  /** Bytes at the front of it that are being written to the file. */
  private writing = 0;
  private file: TemporaryFile | null = null;
  /** The log has been told of a file. */
  private said = false;
  /** The file cannot be had, or cannot take any more. */
  private broken = false;
  /** Bytes of the file that were sent. */
  private taken = 0;
  private reading = false;

  /** Made when the client could take no more. */
  constructor(
    private readonly x: Exchange,
    private readonly settings: SpoolSettings,
    private readonly source: AnswerSource,
  ) {}

  /** Nothing waits. */
  private get empty(): boolean {
    return this.memory.length === 0 && (this.file === null || this.taken === this.file.length) && !this.reading;
  }

  /** Takes bytes `start` to `end` of the answer, which are lent. */
  write(bytes: Buffer, start: number, end: number): void {
    if (this.ready && this.empty) {
      // `resume` may be called before this returns.
      this.ready = false;
      if (this.x.writeBytes(bytes, start, end)) this.ready = true;
      return;
    }
    this.memory.push(bytes, start, end);
    this.settle();
  }

  /** The answer is complete. */
  end(): void {
    this.last = END;
    this.settle();
  }

  /** The answer will not be complete; what there is of it still goes out. */
  cut(): void {
    this.last = CUT;
    this.settle();
  }

  /** The client can take more. */
  resume(): void {
    this.ready = true;
    this.send();
  }

  /** The request goes on without a client (`proxy_ignore_client_abort`). */
  private drop(): void {
    if (this.writing > 0 || this.reading) return;
    this.memory.clear();
    if (this.file !== null) this.taken = this.file.length;
  }

  /** Sends as much as the client takes, as far as it is at hand. */
  private send(): void {
    if (this.sending || this.released) return;
    if (this.x.client.closed) this.drop();
    this.sending = true;
    while (this.ready && this.sendPiece());
    this.sending = false;
    this.settle();
  }

  /** False where the next bytes are not at hand: `send` is called again when they are. */
  private sendPiece(): boolean {
    const { file, memory } = this;
    if (this.reading || this.released) return false;
    if (file !== null && this.taken < file.length) {
      this.readOn(file);
      return false;
    }
    if (this.writing > 0 || memory.length === 0) return false;
    const first = memory.first();
    this.pass(first);
    // The exchange may be over by now, and this empty.
    if (!this.released) memory.drop(first.length);
    return true;
  }

  private pass(bytes: Buffer): void {
    this.ready = false;
    if (this.x.write(bytes)) this.ready = true;
  }

  private readOn(file: TemporaryFile): void {
    // Needed only until it is passed on: what the client does not take at once is copied then.
    const piece = takeSlab(PIECE);
    this.reading = true;
    file.read(piece.subarray(0, file.length - this.taken), this.taken, (error, count) => {
      this.reading = false;
      if (error !== null) {
        giveSlab(piece);
        logError(this.x, 'crit', `${error.message} while sending to client`);
        this.fail();
        return;
      }
      this.taken += count;
      this.pass(piece.subarray(0, count));
      giveSlab(piece);
      this.send();
    });
  }

  /** Does what follows from how much waits. */
  private settle(): void {
    if (this.released || this.sending) return;
    if (this.empty) {
      if (this.file !== null) this.emptyFile(this.file);
      if (this.last !== MORE) {
        this.finish();
        return;
      }
    }
    const most = buffersFull() ? 0 : this.settings.memory;
    // A file that is there already is used, and where memory is short nothing waits for long.
    const patient = this.grace > 0 && this.file === null && most > 0 && this.settings.file > 0;
    if (!patient && this.writing === 0 && this.memory.length > most) this.spill();
    const full = this.memory.length - this.writing > most;
    if (full === this.heldBack) return;
    this.heldBack = full;
    if (full) {
      if (patient) this.startGrace();
      this.source.holdBack();
    } else {
      this.stopGrace();
      this.source.goOn();
    }
  }

  private startGrace(): void {
    this.heldSince = performance.now();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.grace = 0;
      this.settle();
    }, this.grace);
  }

  private stopGrace(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.grace -= performance.now() - this.heldSince;
  }

  private emptyFile(file: TemporaryFile): void {
    this.taken = 0;
    if (file.length <= KEPT) file.rewind();
    else {
      file.close();
      this.file = null;
    }
  }

  /** Writes what has waited longest to the file. */
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
      if (error !== null) this.giveUp(error);
      this.send();
    });
  }

  private open(): TemporaryFile | null {
    if (this.file !== null) return this.file;
    try {
      this.file = TemporaryFile.create(this.settings.place);
    } catch (error) {
      this.giveUp(error as Error); // as it is documented
      return null;
    }
    const { path } = this.file;
    if (!this.said) {
      this.said = true;
      logError(this.x, 'warn', `an upstream response is buffered to a temporary file ${path} while reading upstream`);
    }
    return this.file;
  }

  /** There is memory only from here on: the upstream waits when that is full. What is in the file stays there. */
  private giveUp(error: Error): void {
    this.broken = true;
    logError(this.x, 'crit', `${error.message} while reading upstream`);
  }

  private finish(): void {
    const { x, last } = this;
    this.release();
    if (last === END) x.end();
    else this.abort();
  }

  /** What was in the file is lost. */
  private fail(): void {
    this.release();
    this.x.abort();
  }

  private abort(): void {
    this.x.producer = null;
    this.x.abort();
  }

  /** Lets go of memory and file. */
  release(): void {
    this.released = true;
    this.stopGrace();
    this.memory.clear();
    this.file?.close();
    this.file = null;
  }
}

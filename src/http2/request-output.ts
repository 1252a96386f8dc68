/** Body of a request as it is sent on a stream: bytes that the windows or the connection do not accept wait here. */
import { ByteQueue } from '../net/byte-queue.js';
import type { SendWindow } from './flow-window.js';
import type { FrameWriter } from './frame-writer.js';

/** The stream. */
export interface SendingStream {
  readonly number: number;
  readonly sendWindow: SendWindow;
  /** Everything was sent, after a method returned false. */
  outputDrained(): void;
}

/** The connection. */
export interface SendingConnection {
  readonly writer: FrameWriter;
  readonly sendWindow: SendWindow;
  /** Has `output.continue` called when the connection accepts bytes again, or its window has been enlarged. */
  block(output: RequestOutput): void;
}

const EMPTY = Buffer.alloc(0);
/** Bytes that a stream sends before it is another one's turn. */
const QUANTUM = 65536;

export class RequestOutput {
  /** Whether the end was passed to this object. */
  ended = false;
  /** Whether the end was sent, or nothing more is sent. */
  private done = false;
  /** Whether it waits for the connection. */
  blocked = false;
  bytesSent = 0;
  /** Bytes that no longer change, before those of `copies`. */
  private fixed: Buffer = EMPTY;
  private fixedAt = 0;
  /** Copies of borrowed bytes. */
  private copies: ByteQueue | null = null;
  /** Whether a method returned false. */
  private drainDue = false;
  private onSent: (() => void)[] | null = null;

  constructor(
    private readonly stream: SendingStream,
    private readonly connection: SendingConnection,
  ) {}

  /** Bytes that wait here. */
  get queued(): number {
    return this.fixed.length - this.fixedAt + (this.copies?.length ?? 0);
  }

  /** Whether everything including the end was sent. */
  get finished(): boolean {
    return this.ended && (this.done || this.queued === 0);
  }

  /** Sends bytes `start` to `end`; `borrowed`: those that wait are copied. Returns false if the sender should wait. */
  send(bytes: Buffer, start: number, end: number, last: boolean, borrowed: boolean): boolean {
    if (this.done || this.ended) return true;
    this.ended = last;
    let from = start;
    if (this.queued === 0) from += this.write(bytes, start, end);
    if (from < end) this.keep(bytes, from, end, borrowed);
    return this.accepts();
  }

  sendText(text: string, last: boolean): boolean {
    if (this.done || this.ended) return true;
    this.ended = last;
    const count = this.queued === 0 ? this.permitted(text.length) : 0;
    if (count > 0) {
      const { stream, connection } = this;
      this.take(count);
      connection.writer.dataText(stream.number, text, 0, count, last && count === text.length);
    }
    if (count < text.length) {
      const rest = Buffer.from(count === 0 ? text : text.slice(count), 'latin1');
      this.keep(rest, 0, rest.length, false);
    }
    return this.accepts();
  }

  private keep(bytes: Buffer, from: number, end: number, borrowed: boolean): void {
    if (!borrowed && this.queued === 0) {
      this.fixed = bytes.subarray(0, end);
      this.fixedAt = from;
    } else {
      this.copies ??= new ByteQueue();
      this.copies.push(bytes, from, end);
    }
    this.wait();
  }

  /** Waits for the connection, unless only the window of the stream is closed. */
  private wait(): void {
    if (this.blocked || this.stream.sendWindow.available <= 0) return;
    this.blocked = true;
    this.connection.block(this);
  }

  private accepts(): boolean {
    if (this.queued === 0 && !this.connection.writer.waiting) return true;
    this.drainDue = true;
    if (this.queued === 0) this.wait();
    return false;
  }

  /** Number of `count` bytes that may be sent now. */
  private permitted(count: number): number {
    const { stream, connection } = this;
    if (connection.writer.waiting) return 0;
    return Math.max(0, Math.min(count, stream.sendWindow.available, connection.sendWindow.available));
  }

  private take(count: number): void {
    this.stream.sendWindow.take(count);
    this.connection.sendWindow.take(count);
    this.bytesSent += count;
  }

  /** Sends a part of the bytes; returns its length. The end is sent with the last byte. */
  private write(bytes: Buffer, start: number, end: number): number {
    const count = this.permitted(end - start);
    const isLast = this.ended && start + count === end;
    if (count > 0 || (isLast && start === end)) {
      this.take(count);
      this.connection.writer.data(this.stream.number, bytes, start, start + count, isLast);
    }
    return count;
  }

  /** Sends what waits, as far as it is permitted: the connection accepts bytes, or a window was enlarged. */
  continue(): void {
    this.blocked = false;
    if (this.done) return;
    let quota = QUANTUM;
    while (quota > 0 && this.queued > 0) {
      const sent = this.writeQueued(quota);
      if (sent === 0) break;
      quota -= sent;
    }
    if (this.queued > 0) {
      this.wait();
      return;
    }
    const { onSent } = this;
    this.onSent = null;
    if (onSent !== null) for (const each of onSent) each();
    if (!this.drainDue) return;
    if (this.connection.writer.waiting) this.wait();
    else {
      this.drainDue = false;
      this.stream.outputDrained();
    }
  }

  private writeQueued(most: number): number {
    const { copies } = this;
    const isFixed = this.fixedAt < this.fixed.length;
    const bytes = isFixed ? this.fixed : (copies?.first() ?? EMPTY);
    const start = isFixed ? this.fixedAt : 0;
    const count = this.permitted(Math.min(most, bytes.length - start));
    if (count === 0) return 0;
    this.take(count);
    const isLast = this.ended && count === this.queued;
    this.connection.writer.data(this.stream.number, bytes, start, start + count, isLast);
    if (isFixed) {
      this.fixedAt += count;
      if (this.fixedAt === bytes.length) {
        this.fixed = EMPTY;
        this.fixedAt = 0;
      }
    } else copies?.drop(count);
    return count;
  }

  /** Calls back once when nothing waits here, or the stream is over; possibly at once. */
  whenSent(then: () => void): void {
    if (this.done || this.queued === 0) then();
    else (this.onSent ??= []).push(then);
  }

  /** Nothing more is sent. */
  stop(): void {
    this.done = true;
    this.fixed = EMPTY;
    this.fixedAt = 0;
    this.copies?.clear();
    const { onSent } = this;
    this.onSent = null;
    if (onSent !== null) for (const each of onSent) each();
  }
}

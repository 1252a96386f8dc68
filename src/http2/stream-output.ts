/**
 * DATA of the streams of a connection. Bytes are sent at once if both flow-control windows and the transport allow it; the
 * rest is copied and sent in turns with other streams, one frame each. Both roles use it.
 */
import { ByteQueue } from '../net/byte-queue.js';
import type { Chunk } from '../program/body.js';
import { SendWindow } from './flow-window.js';
import { DEFAULT_WINDOW } from './frame-types.js';
import type { FrameWriter } from './frame-writer.js';

/** The stream that an output belongs to. */
export interface OutputOwner {
  /** Everything written was passed to the connection, after a write that returned false. */
  outputDrained(): void;
  /** The last frame was passed to the connection: END_STREAM was sent. */
  outputEnded(): void;
  /** Sends the trailers, with END_STREAM. */
  sendTrailers(): void;
}

// States of the end of an output.
const OPEN = 0;
/** END_STREAM follows the queued bytes. */
const ENDING = 1;
/** Trailers follow the queued bytes. */
const ENDING_WITH_TRAILERS = 2;
const ENDED = 3;

/** Connection window, and the streams that wait for it or for the transport. */
export class OutputScheduler {
  readonly window = new SendWindow(DEFAULT_WINDOW);
  /** Bytes of header blocks and DATA that were sent. */
  payloadBytes = 0;
  private readonly waiting: StreamOutput[] = [];
  private running = false;

  constructor(readonly writer: FrameWriter) {}

  /** Whether a stream may send without waiting for others. */
  get free(): boolean {
    return this.waiting.length === 0 && !this.writer.waiting;
  }

  /** Whether streams wait for the connection's window or for the transport. */
  get blocked(): boolean {
    return this.waiting.length > 0;
  }

  /** Adds a stream that has something to send, and window for it. */
  add(output: StreamOutput): void {
    if (output.listed) return;
    output.listed = true;
    this.waiting.push(output);
  }

  remove(output: StreamOutput): void {
    if (!output.listed) return;
    output.listed = false;
    this.waiting.splice(this.waiting.indexOf(output), 1);
  }

  /** Lets the waiting streams send in turns, until the window or the transport is exhausted. */
  run(): void {
    if (this.running) return;
    this.running = true;
    const { waiting, writer, window } = this;
    // Each of the others gets its turn before a stream that cannot send is asked again.
    for (let idle = 0; waiting.length > idle && !writer.waiting; ) {
      const output = waiting.shift() as StreamOutput; // not empty
      output.listed = false;
      if (window.available <= 0 && output.queued > 0) {
        this.add(output);
        idle++;
      } else output.takeTurn();
    }
    this.running = false;
  }
}

export class StreamOutput {
  /** Whether the scheduler lists it; maintained by the scheduler. */
  listed = false;
  readonly window: SendWindow;
  /** Payload bytes sent. */
  sent = 0;
  /** Number of DATA frames sent. */
  frames = 0;
  /** Maximum payload of a frame, bytes (`http2_chunk_size`). */
  frameSize: number;
  private queue: ByteQueue | null = null;
  private state = OPEN;
  /** Whether the owner waits for `outputDrained`. */
  private full = false;
  /** Value of `sent` at the last call of `madeProgress`. */
  private sentBefore = 0;

  constructor(
    readonly stream: number,
    private readonly scheduler: OutputScheduler,
    private readonly owner: OutputOwner,
    window: number,
    frameSize: number,
  ) {
    this.window = new SendWindow(window);
    this.frameSize = frameSize;
  }

  /** Bytes that wait. */
  get queued(): number {
    return this.queue?.length ?? 0;
  }

  /** Whether END_STREAM was sent, or nothing more can be sent. */
  get ended(): boolean {
    return this.state === ENDED;
  }

  /** Whether the stream has sent bytes since the last call. */
  madeProgress(): boolean {
    const { sentBefore, sent } = this;
    this.sentBefore = sent;
    return sent > sentBefore;
  }

  /** Sends a chunk, which is borrowed. Returns false to wait for `outputDrained`. */
  write(chunk: Chunk): boolean {
    if (this.state !== OPEN || chunk.length === 0) return true;
    const { scheduler } = this;
    let at = 0;
    if (this.queued === 0 && scheduler.free) {
      while (at < chunk.length && !scheduler.writer.waiting) {
        const length = this.nextLength(chunk.length - at);
        if (length === 0) break;
        this.sendFrame(chunk, at, at + length, false);
        at += length;
      }
    }
    if (at < chunk.length) this.enqueue(chunk, at);
    if (this.queued === 0 && !scheduler.writer.waiting) return true;
    this.full = true;
    this.wait();
    return false;
  }

  /** Bytes that the next frame may contain. */
  private nextLength(bytes: number): number {
    const { scheduler, window, frameSize } = this;
    const { maxFrameSize } = scheduler.writer;
    const allowed = Math.min(bytes, frameSize, maxFrameSize, window.available, scheduler.window.available);
    return Math.max(0, allowed);
  }

  private sendFrame(chunk: Chunk, from: number, to: number, last: boolean): void {
    const { writer } = this.scheduler;
    this.take(to - from);
    if (typeof chunk === 'string') writer.dataText(this.stream, chunk, from, to, last);
    else writer.data(this.stream, chunk, from, to, last);
  }

  /** Counts the payload of a frame that is sent. */
  private take(bytes: number): void {
    const { scheduler } = this;
    scheduler.payloadBytes += bytes;
    scheduler.window.take(bytes);
    this.window.take(bytes);
    this.sent += bytes;
    this.frames++;
  }

  private enqueue(chunk: Chunk, from: number): void {
    const queue = (this.queue ??= new ByteQueue());
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk;
    queue.push(bytes, from, bytes.length);
  }

  /** Waits for a turn, unless the stream's own window is exhausted. */
  private wait(): void {
    if (this.queued === 0 || this.window.available > 0) this.scheduler.add(this);
  }

  /** Sends a frame, and waits for the next turn if there is more. */
  takeTurn(): void {
    const { queue } = this;
    if (queue !== null && queue.length > 0) {
      const length = this.nextLength(queue.length);
      if (length > 0) {
        this.take(length);
        this.scheduler.writer.dataQueued(this.stream, queue, length, this.state === ENDING && length === queue.length);
        queue.drop(length);
      }
      if (queue.length > 0) {
        this.wait();
        return;
      }
      if (this.state === ENDING) {
        this.finish();
        return;
      }
    }
    if (this.state === ENDING || this.state === ENDING_WITH_TRAILERS) this.endNow();
    else if (this.full) {
      this.full = false;
      this.owner.outputDrained();
    }
  }

  /** The stream's window was enlarged. */
  windowOpened(): void {
    if (this.queued > 0 && this.window.available > 0) {
      this.scheduler.add(this);
      this.scheduler.run();
    }
  }

  /** Calls `outputDrained` when everything written was sent. */
  notifyWhenDrained(): void {
    this.full = true;
    this.wait();
  }

  /** Ends the output after everything written. `trailers`: the owner sends them, with END_STREAM. */
  end(trailers: boolean): void {
    if (this.state !== OPEN) return;
    this.state = trailers ? ENDING_WITH_TRAILERS : ENDING;
    if (this.queued === 0) this.endNow();
  }

  private endNow(): void {
    const { stream, owner, scheduler } = this;
    if (this.state === ENDING_WITH_TRAILERS) owner.sendTrailers();
    else if (!scheduler.writer.endStream(stream)) {
      this.frames++;
      scheduler.writer.data(stream, NO_BYTES, 0, 0, true);
    }
    this.finish();
  }

  /** HEADERS with END_STREAM were sent: there is no DATA. */
  endedWithHead(): void {
    this.state = ENDED;
  }

  private finish(): void {
    this.state = ENDED;
    this.owner.outputEnded();
  }

  /** Discards queued bytes: the stream is reset. */
  close(): void {
    this.scheduler.remove(this);
    this.queue?.clear();
    this.queue = null;
    this.state = ENDED;
  }
}

const NO_BYTES = Buffer.alloc(0);

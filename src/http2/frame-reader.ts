/**
 * Reads frames from the bytes of a connection, in whatever pieces they arrive. DATA and frames that are completely in a
 * chunk are passed on without a copy; other frames are collected in a buffer of bounded size. Never throws: errors are
 * reported to the listener.
 */
import { giveSlab, takeSlab } from '../net/slabs.js';
import { ErrorCode } from './error-codes.js';
import type { FrameListener } from './frame-listener.js';
import { DEFAULT_FRAME_SIZE, Flag, FRAME_HEADER, FrameType, PREFACE } from './frame-types.js';
import { HeaderBlockBuffer } from './header-block-buffer.js';

// States: the bytes that come next.
const PREFACE_BYTES = 0;
const HEADER = 1;
const PAD_LENGTH = 2;
const DATA = 3;
const SKIPPED = 4;
const COLLECTED = 5;
const STOPPED = 6;

/** Maximum payload of frames other than DATA, HEADERS and CONTINUATION, bytes. */
const MAX_CONTROL = 16384;
const EMPTY = Buffer.alloc(0);

/** Names of the types, for the log. */
const NAMES: readonly string[] = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
];

/** Payload lengths of types with exactly one. */
const LENGTHS: readonly number[] = [-1, -1, 5, 4, -1, -1, 8, -1, 4, -1];

export interface FrameReaderOptions {
  /** Subject of reasons: `client` or `upstream`. */
  readonly peer: 'client' | 'upstream';
  /** Whether the client's preface comes first. */
  readonly preface: boolean;
  /** SETTINGS_MAX_FRAME_SIZE as announced; the default if omitted. */
  readonly maxFrameSize?: number;
  /** Maximum bytes of an encoded header block; the connection ends if it is larger. */
  readonly maxBlock: number;
}

export class FrameReader {
  /** Number of frames that `feed` may still begin; the listener subtracts from it what costs more. */
  budget = Number.POSITIVE_INFINITY;
  /** The same for frames without content: control frames, empty ones, and those of unknown types. */
  controlBudget = Number.POSITIVE_INFINITY;
  private state: number;
  /** Received bytes of the preface, or of a frame header that is in `head`. */
  private received = 0;
  private readonly head = Buffer.alloc(FRAME_HEADER);
  // The current frame.
  private length = 0;
  private type = 0;
  private flags = 0;
  private stream = 0;
  /** Bytes of the payload that have not been received; of DATA without padding. */
  private left = 0;
  private padding = 0;
  /** Bytes of padding that have not been counted against flow control. */
  private uncounted = 0;
  /** Payload of a frame that is not complete. */
  private partial: Buffer | null = null;
  private readonly block: HeaderBlockBuffer;
  private readonly maxFrameSize: number;

  constructor(
    private readonly listener: FrameListener,
    private readonly options: FrameReaderOptions,
  ) {
    this.state = options.preface ? PREFACE_BYTES : HEADER;
    this.maxFrameSize = options.maxFrameSize ?? DEFAULT_FRAME_SIZE;
    this.block = new HeaderBlockBuffer(options.maxBlock);
  }

  /** Whether no further frame is reported. */
  get stopped(): boolean {
    return this.state === STOPPED;
  }

  /** Whether the bytes received so far end between two frames. */
  get betweenFrames(): boolean {
    return this.state === HEADER && this.received === 0 && !this.block.open;
  }

  /** Stream of a header block that has begun and is not complete; 0 for none. */
  get openBlock(): number {
    if (this.block.open) return this.block.stream;
    return this.state === COLLECTED && this.type === FrameType.Headers ? this.stream : 0;
  }

  /** Stops reading: the rest of the current chunk and all later ones are ignored. */
  stop(): void {
    this.state = STOPPED;
    this.block.clear();
    this.releasePartial();
  }

  /**
   * Reads bytes `start` to `end`, which are borrowed. Returns the offset after the bytes that were read: `end`, unless a
   * budget is exhausted or the reader has stopped.
   */
  feed(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      switch (this.state) {
        case HEADER:
          if (this.budget <= 0 || this.controlBudget <= 0) return at;
          if (this.received === 0 && end - at >= FRAME_HEADER) {
            this.readHeader(bytes, at);
            at += FRAME_HEADER;
          } else {
            const count = Math.min(end - at, FRAME_HEADER - this.received);
            bytes.copy(this.head, this.received, at, at + count);
            this.received += count;
            at += count;
            if (this.received < FRAME_HEADER) break;
            this.received = 0;
            this.readHeader(this.head, 0);
          }
          this.budget--;
          if (this.length === 0 || this.type > FrameType.Headers) this.controlBudget--;
          if (this.beginFrame()) at = this.readWhole(bytes, at, end);
          break;
        case DATA:
          at = this.readData(bytes, at, end);
          break;
        case COLLECTED:
          at = this.collect(bytes, at, end);
          break;
        case SKIPPED: {
          const count = Math.min(this.left, end - at);
          this.left -= count;
          at += count;
          if (this.left === 0) this.state = HEADER;
          break;
        }
        case PAD_LENGTH:
          this.readPadLength(bytes[at] as number);
          at++;
          break;
        case PREFACE_BYTES:
          at = this.readPreface(bytes, at, end);
          break;
        default:
          return at;
      }
    }
    return at;
  }

  private readPreface(bytes: Buffer, at: number, end: number): number {
    const count = Math.min(end - at, PREFACE.length - this.received);
    for (let i = 0; i < count; i++) {
      if (bytes[at + i] === PREFACE.charCodeAt(this.received + i)) continue;
      this.fail(ErrorCode.ProtocolError, 'invalid connection preface');
      return end;
    }
    this.received += count;
    if (this.received === PREFACE.length) {
      this.received = 0;
      this.state = HEADER;
    }
    return at + count;
  }

  private readHeader(bytes: Buffer, at: number): void {
    this.length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    this.type = bytes[at + 3] as number;
    this.flags = bytes[at + 4] as number;
    this.stream = readUint31(bytes, at + 5);
  }

  /** Checks the header of a frame; returns whether the frame is one of those that are handled as a whole. */
  private beginFrame(): boolean {
    const { type, length } = this;
    this.left = length;
    if (length > this.maxFrameSize) return this.failLength();
    if (this.block.open) {
      if (type !== FrameType.Continuation) {
        const { peer } = this.options;
        return this.fail(ErrorCode.ProtocolError, `${peer} sent inappropriate frame while CONTINUATION was expected`);
      }
      if (this.stream !== this.block.stream) return this.failIdentifier();
      return this.block.fits(length) || this.failBlock();
    }
    if (type === FrameType.Data) return this.beginData();
    if (type > FrameType.Continuation) {
      this.state = length === 0 ? HEADER : SKIPPED;
      return false;
    }
    if (type === FrameType.Headers) {
      if (this.stream === 0) return this.failIdentifier();
      return this.block.fits(length) || this.failBlock();
    }
    if (type === FrameType.PushPromise) return this.failUnexpected();
    if (type === FrameType.Continuation) return this.failUnexpected();
    const exact = LENGTHS[type] as number;
    if ((exact >= 0 && length !== exact) || length > MAX_CONTROL) return this.failLength();
    return true;
  }

  /** Handles the current frame if it is completely in the chunk, else begins to collect it. */
  private readWhole(bytes: Buffer, at: number, end: number): number {
    const { length } = this;
    if (end - at >= length) {
      this.state = HEADER;
      this.dispatch(bytes, at, at + length);
      return at + length;
    }
    this.partial = takeSlab(length);
    this.state = COLLECTED;
    return at;
  }

  private collect(bytes: Buffer, at: number, end: number): number {
    const { partial, length } = this;
    if (partial === null) return end;
    const count = Math.min(this.left, end - at);
    bytes.copy(partial, length - this.left, at, at + count);
    this.left -= count;
    if (this.left === 0) {
      this.state = HEADER;
      this.partial = null;
      this.dispatch(partial, 0, length);
      giveSlab(partial);
    }
    return at + count;
  }

  private releasePartial(): void {
    const { partial } = this;
    this.partial = null;
    if (partial !== null) giveSlab(partial);
  }

  private dispatch(bytes: Buffer, start: number, end: number): void {
    const { listener, stream } = this;
    switch (this.type) {
      case FrameType.Headers:
        this.readHeaders(bytes, start, end);
        break;
      case FrameType.Continuation:
        this.readContinuation(bytes, start, end);
        break;
      case FrameType.WindowUpdate: {
        const increment = readUint31(bytes, start);
        if (increment > 0) listener.onWindowUpdate(stream, increment);
        else this.failIncrement();
        break;
      }
      case FrameType.RstStream:
        if (stream === 0) this.failIdentifier();
        else listener.onReset(stream, readUint32(bytes, start));
        break;
      case FrameType.Settings:
        this.readSettings(bytes, start, end);
        break;
      case FrameType.Ping:
        if (stream !== 0) this.failIdentifier();
        else if ((this.flags & Flag.Ack) === 0) {
          listener.onPing(readUint32(bytes, start), readUint32(bytes, start + 4));
        } else listener.onPingAck(readUint32(bytes, start), readUint32(bytes, start + 4));
        break;
      case FrameType.Goaway:
        if (stream !== 0) this.failIdentifier();
        else if (end - start < 8) this.failLength();
        else {
          listener.onGoaway(readUint31(bytes, start), readUint32(bytes, start + 4), bytes.latin1Slice(start + 8, end));
        }
        break;
      case FrameType.Priority:
        if (stream === 0) this.failIdentifier();
        else if (readUint31(bytes, start) === stream) this.failDependency();
        break;
      default:
    }
  }

  private readHeaders(bytes: Buffer, start: number, end: number): void {
    const { flags, block, options } = this;
    let from = start;
    let to = end;
    const padded = (flags & Flag.Padded) !== 0;
    const prioritized = (flags & Flag.Priority) !== 0;
    if (to - from < (padded ? 1 : 0) + (prioritized ? 5 : 0)) {
      this.failLength();
      return;
    }
    const padding = padded ? (bytes[from++] as number) : 0;
    let dependency = -1;
    if (prioritized) {
      dependency = readUint31(bytes, from);
      from += 5;
    }
    if (padding > to - from) {
      const lengths = `incorrect length: ${to - from}, padding: ${padding}`;
      this.fail(ErrorCode.ProtocolError, `${options.peer} sent padded HEADERS frame with ${lengths}`);
      return;
    }
    to -= padding;
    const ended = (flags & Flag.EndStream) !== 0;
    if ((flags & Flag.EndHeaders) === 0) block.begin(this.stream, ended, dependency, bytes, from, to);
    else if (from === to && options.peer === 'client') {
      this.fail(ErrorCode.FrameSizeError, 'client sent HEADERS frame with empty header block');
    } else this.listener.onHeaders(this.stream, bytes, from, to, ended, dependency);
  }

  private readContinuation(bytes: Buffer, start: number, end: number): void {
    const { block } = this;
    if (!block.append(bytes, start, end)) {
      this.failBlock();
      return;
    }
    if ((this.flags & Flag.EndHeaders) === 0) return;
    const { stream, ended, dependency, length } = block;
    const whole = block.take();
    this.listener.onHeaders(stream, whole, 0, length, ended, dependency);
    giveSlab(whole);
  }

  private readSettings(bytes: Buffer, start: number, end: number): void {
    const { listener } = this;
    const length = end - start;
    if (this.stream !== 0) this.failIdentifier();
    else if ((this.flags & Flag.Ack) !== 0) {
      if (length === 0) listener.onSettingsAck();
      else {
        const reason = `${this.options.peer} sent SETTINGS frame with the ACK flag and nonzero length`;
        this.fail(ErrorCode.FrameSizeError, reason);
      }
    } else if (length % 6 !== 0) this.failLength();
    else {
      for (let at = start; at < end; at += 6) {
        listener.onSetting(((bytes[at] as number) << 8) | (bytes[at + 1] as number), readUint32(bytes, at + 2));
        if (this.state === STOPPED) return;
      }
      listener.onSettings();
    }
  }

  // -- DATA

  /** Prepares for the payload; always returns false, because it is passed on in pieces. */
  private beginData(): boolean {
    if (this.stream === 0) return this.failIdentifier();
    this.padding = 0;
    this.uncounted = 0;
    if ((this.flags & Flag.Padded) !== 0) {
      if (this.length === 0) {
        const reason = `${this.options.peer} sent padded DATA frame with incorrect length: 0`;
        return this.fail(ErrorCode.FrameSizeError, reason);
      }
      this.state = PAD_LENGTH;
    } else if (this.length === 0) {
      this.state = HEADER;
      this.deliver(EMPTY, 0, 0);
    } else this.state = DATA;
    return false;
  }

  private readPadLength(padding: number): void {
    const { length } = this;
    if (padding >= length) {
      const lengths = `incorrect length: ${length}, padding: ${padding}`;
      this.fail(ErrorCode.ProtocolError, `${this.options.peer} sent padded DATA frame with ${lengths}`);
      return;
    }
    this.padding = padding;
    this.uncounted = padding + 1;
    this.left = length - 1 - padding;
    this.state = DATA;
    if (this.left > 0) return;
    this.endData();
    this.deliver(EMPTY, 0, 0);
  }

  private readData(bytes: Buffer, at: number, end: number): number {
    const to = Math.min(end, at + this.left);
    this.left -= to - at;
    if (this.left === 0) this.endData();
    this.deliver(bytes, at, to);
    return to;
  }

  /** All data of the frame was received; its padding follows. */
  private endData(): void {
    this.left = this.padding;
    this.state = this.padding > 0 ? SKIPPED : HEADER;
  }

  private deliver(bytes: Buffer, start: number, end: number): void {
    const counted = end - start + this.uncounted;
    this.uncounted = 0;
    const ended = this.state !== DATA && (this.flags & Flag.EndStream) !== 0;
    this.listener.onData(this.stream, bytes, start, end, counted, ended);
  }

  // -- errors

  /** Reports an error of the connection and stops; returns false. */
  private fail(code: number, reason: string): false {
    this.stop();
    this.listener.onConnectionError(code, reason);
    return false;
  }

  private get frameName(): string {
    return `${this.options.peer} sent ${NAMES[this.type] ?? `type ${this.type}`} frame`;
  }

  private failLength(): false {
    return this.fail(ErrorCode.FrameSizeError, `${this.frameName} with incorrect length ${this.length}`);
  }

  private failIdentifier(): false {
    return this.fail(ErrorCode.ProtocolError, `${this.frameName} with incorrect identifier`);
  }

  private failUnexpected(): false {
    const unexpected = this.type === FrameType.Continuation ? ' without HEADERS' : '';
    return this.fail(ErrorCode.ProtocolError, `${this.frameName}${unexpected}`);
  }

  private failBlock(): false {
    return this.fail(ErrorCode.EnhanceYourCalm, `${this.options.peer} sent too large header block`);
  }

  private failDependency(): void {
    const { peer } = this.options;
    const reason = `${peer} sent PRIORITY frame for stream ${this.stream} with incorrect dependency`;
    this.listener.onStreamError(this.stream, ErrorCode.ProtocolError, reason);
  }

  private failIncrement(): void {
    const reason = `${this.frameName} with incorrect window increment 0`;
    if (this.stream === 0) this.fail(ErrorCode.ProtocolError, reason);
    else this.listener.onStreamError(this.stream, ErrorCode.ProtocolError, reason);
  }
}

function readUint32(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) * 0x1000000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

/** Reads 31 bits; the reserved bit is ignored. */
function readUint31(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] as number) & 0x7f) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

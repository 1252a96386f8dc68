/**
 * Messages and control frames in a stream of frames, unmasked and assembled from their fragments, with the checks of RFC 6455
 * that a receiver has to make. Memory grows with the bytes that arrive, not with the lengths that frames announce.
 */
import { applyMask, FrameReader } from './frame-reader.js';
import { MAX_HEADER } from './frame-writer.js';
import { BINARY, CLOSE, CONTROL, PONG, TEXT } from './opcodes.js';
import { describeViolations, INVALID_LENGTH } from './violations.js';

const EMPTY = Buffer.alloc(0);
/** Largest payload of a control frame. */
const MAX_CONTROL = 125;
/** Payload for which the buffer in which a message begins has space, bytes. Larger ones follow as needed. */
const INITIAL_SIZE = 4096;
/**
 * Payloads for which buffers are reused, bytes: V8 collects buffers only when tens of MiB of them are garbage. Free buffers of
 * one size have at most MAX_SPARE bytes.
 */
const SIZES = [INITIAL_SIZE, 32_768, 65_536, 131_072, 262_144, 524_288];
const MAX_SPARE = 524_288;
const spare: readonly Buffer[][] = SIZES.map(() => []);

/** Reuses a buffer that `onMessage` has passed, or `withSpace` has returned, and that is no longer needed. */
export function recycle(bytes: Buffer): void {
  const size = bytes.length - MAX_HEADER;
  const free = spare[SIZES.indexOf(size)];
  if (free !== undefined && (free.length + 1) * size <= MAX_SPARE) free.push(bytes);
}

/** Returns a buffer with space for a header and a payload of that size. It is never a part of another buffer. */
function allocate(payload: number): Buffer {
  const index = SIZES.findIndex((size) => payload <= size);
  return spare[index]?.pop() ?? Buffer.allocUnsafeSlow(MAX_HEADER + (SIZES[index] ?? payload));
}

/** Copies a payload into a buffer with space for a header before it, which may be recycled. */
export function withSpace(data: Buffer): { readonly bytes: Buffer; readonly end: number } {
  const end = MAX_HEADER + data.length;
  const bytes = allocate(data.length);
  data.copy(bytes, MAX_HEADER);
  return { bytes, end };
}

/** RSV1, which permessage-deflate sets in the first frame of a compressed message. */
const RSV1 = 4;

/** Receives the contents of the stream. */
export interface MessageListener {
  /**
   * A message is complete: bytes MAX_HEADER to `end` of a buffer of its own, which begins with space for a header.
   */
  onMessage(binary: boolean, compressed: boolean, bytes: Buffer, end: number): void;
  /** A control frame is complete; `bytes` and `end` as for `onMessage`. */
  onControl(opcode: number, bytes: Buffer, end: number): void;
  /** The stream is invalid or too large: nothing after this is read. */
  onInvalid(code: number, reason: string): void;
}

export interface MessageRules {
  /** Whether frames must be masked: those of a client are, those of a server are not. */
  readonly masked: boolean;
  /** Whether messages may be compressed. */
  readonly deflate: boolean;
  /** Maximum length of a message as received, bytes. */
  readonly maxMessage: number;
}

export class MessageReader {
  readonly frames = new FrameReader();
  /** Opcode of the message in progress; 0: none. */
  private opcode = 0;
  private compressed = false;
  private message: Buffer = EMPTY;
  private messageEnd = MAX_HEADER;
  private control: Buffer = EMPTY;
  private discards = false;
  /** Whether the latest frame was rejected. */
  private rejected = false;

  constructor(
    private readonly rules: MessageRules,
    private readonly listener: MessageListener,
  ) {}

  /** From now on reports Close frames only, and stores nothing else. */
  discard(): void {
    this.discards = true;
    this.message = EMPTY;
    if (this.frames.opcode !== CLOSE) this.control = EMPTY;
  }

  /** Reads one piece: the rest of a header, or payload of one frame. Returns its end. */
  next(bytes: Buffer, at: number, end: number): number {
    const { frames } = this;
    if (frames.inPayload) {
      const offset = frames.payloadSeen;
      const to = frames.next(bytes, at, end);
      this.store(bytes, at, to, offset);
      if (frames.betweenFrames) this.endFrame();
      return to;
    }
    const to = frames.next(bytes, at, end);
    if (!frames.inPayload && !frames.betweenFrames) return to;
    this.rejected = false;
    if (this.discards) this.begin();
    else {
      const problem = this.problem();
      if (problem === null) this.begin();
      else {
        this.rejected = true;
        this.listener.onInvalid(problem.code, problem.reason);
      }
    }
    return to;
  }

  /** Reason why the latest frame is invalid, with the code of the Close frame; null if it is valid. */
  private problem(): { readonly code: number; readonly reason: string } | null {
    const { frames, rules } = this;
    const { opcode, rsv } = frames;
    if ((frames.violation & INVALID_LENGTH) !== 0) return protocolError(describeViolations(INVALID_LENGTH));
    if (frames.masked !== rules.masked) return protocolError('invalid mask');
    if (opcode >= CONTROL) {
      if (opcode > PONG) return protocolError('unknown opcode');
      if (rsv !== 0) return protocolError('reserved bit');
      if (!frames.fin) return protocolError('fragmented control frame');
      return frames.length > MAX_CONTROL ? protocolError('control frame too long') : null;
    }
    if (opcode > BINARY) return protocolError('unknown opcode');
    if (rsv !== 0 && (rsv !== RSV1 || !rules.deflate || opcode === 0)) return protocolError('reserved bit');
    if (opcode === 0 && this.opcode === 0) return protocolError('continuation without message');
    if (opcode !== 0 && this.opcode !== 0) return protocolError('message within a message');
    const seen = opcode === 0 ? this.messageEnd - MAX_HEADER : 0;
    return seen + frames.length > rules.maxMessage ? { code: 1009, reason: 'message too big' } : null;
  }

  /** Begins the payload of a frame, which may be empty. */
  private begin(): void {
    const { frames } = this;
    const { opcode } = frames;
    if (this.ignored) return;
    if (opcode >= CONTROL) this.control = Buffer.allocUnsafe(MAX_HEADER + frames.length);
    else if (opcode !== 0) {
      this.opcode = opcode;
      this.compressed = frames.rsv === RSV1;
      this.message = allocate(INITIAL_SIZE);
      this.messageEnd = MAX_HEADER;
    }
    if (frames.betweenFrames) this.endFrame();
  }

  /** Whether the latest frame is neither stored nor reported. */
  private get ignored(): boolean {
    const { frames } = this;
    return this.discards && (this.rejected || frames.opcode !== CLOSE || frames.length > MAX_CONTROL);
  }

  private store(bytes: Buffer, from: number, to: number, offset: number): void {
    const { frames } = this;
    if (this.ignored) return;
    if (frames.opcode >= CONTROL) {
      bytes.copy(this.control, MAX_HEADER + offset, from, to);
      applyMask(this.control, MAX_HEADER + offset, MAX_HEADER + offset + to - from, frames.mask, offset);
      return;
    }
    const start = this.messageEnd;
    const end = start + to - from;
    if (end > this.message.length) {
      const doubled = Math.min(2 * (this.message.length - MAX_HEADER), this.rules.maxMessage);
      const larger = allocate(Math.max(doubled, end - MAX_HEADER));
      this.message.copy(larger, MAX_HEADER, MAX_HEADER, start);
      recycle(this.message);
      this.message = larger;
    }
    bytes.copy(this.message, start, from, to);
    if (frames.mask !== 0) applyMask(this.message, start, end, frames.mask, offset);
    this.messageEnd = end;
  }

  private endFrame(): void {
    const { frames, listener } = this;
    const { opcode } = frames;
    if (this.ignored) return;
    if (opcode >= CONTROL) {
      const { control } = this;
      this.control = EMPTY;
      listener.onControl(opcode, control, MAX_HEADER + frames.length);
    } else if (frames.fin) {
      const { message, messageEnd, compressed } = this;
      const binary = this.opcode !== TEXT;
      this.message = EMPTY;
      this.messageEnd = MAX_HEADER;
      this.opcode = 0;
      listener.onMessage(binary, compressed, message, messageEnd);
    }
  }
}

function protocolError(reason: string): { readonly code: number; readonly reason: string } {
  return { code: 1002, reason };
}

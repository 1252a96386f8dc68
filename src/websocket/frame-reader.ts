/**
 * Incremental reader of WebSocket frames (RFC 6455, 5.2), for bytes that arrive in pieces of any size. Only headers are
 * stored, in a few numbers: reading a stream allocates nothing.
 */
import { NO_STATUS } from './close-codes.js';
import { FrameCounts } from './frame-counts.js';
import { BINARY, CLOSE, CONTINUATION, CONTROL, PONG, TEXT } from './opcodes.js';
import {
  FRAGMENTED_CONTROL,
  INTERRUPTED_MESSAGE,
  INVALID_LENGTH,
  LONG_CONTROL,
  MASKING,
  NON_MINIMAL_LENGTH,
  RESERVED_BITS,
  UNEXPECTED_CONTINUATION,
  UNKNOWN_OPCODE,
} from './violations.js';

const FINAL_TEXT = 0x80 | TEXT;
const FINAL_BINARY = 0x80 | BINARY;

/** Longest payload whose length is in the second byte; also the longest one of a control frame. */
const MAX_SHORT = 125;

// Values of `headerSeen` after the second byte: the form of the length.
const SHORT = 2;
const MEDIUM = 3;
const LONG = 4;

/** Sender of the frames, and the reserved bits that the extensions of the connection define: see `FrameReader.rsv`. */
export interface FrameRules {
  readonly sender: 'client' | 'server';
  readonly reserved: number;
}

/** Result of `skip` for a frame that began in earlier bytes. */
export const UNREADABLE = -1;

export class FrameReader {
  // The first fields are those that each piece of a stream needs: they share cache lines.
  readonly counts = new FrameCounts();
  /** First byte of the latest header: FIN, the reserved bits, opcode. */
  private first = 0;
  /** Bytes seen of the current header, up to two; then the form of the length. */
  private headerSeen = 0;
  /** Bytes missing of the payload of the latest frame. */
  private payloadLeft = 0;
  /** The last frame of the current message has not begun yet. */
  private fragmented = false;
  /** The second byte of a header is compared with it: 0x80 if frames must be masked, 0 if not, -1 if both are valid. */
  private readonly maskBit: number;
  /** Violations of the frames since the user has reset it. */
  violation = 0;
  /** A Close frame has begun. */
  closing = false;
  /** Whether bytes of a data frame were read; reset by the user. */
  sawData = false;
  /** The payload of the latest frame is masked. */
  masked = false;
  /** Masking key as a signed 32-bit number, its first byte highest; 0 if there is none. */
  mask = 0;
  /** Payload length. Inexact above 2^53, but such a frame never ends. */
  length = 0;
  /** Bytes missing of the current header; known after its second byte. */
  private headerLeft = 0;
  /** Bytes of the extended length among them. */
  private lengthBytes = 0;
  /** Number of bytes read of the payload of the latest frame. */
  payloadSeen = 0;
  /** The first Close frame is complete. */
  closed = false;
  /** Payload of the first Close frame, unmasked, as far as it has arrived; null if it has none. */
  private closePayload: Buffer | null = null;
  /** Number of frames with violations of RFC 6455, and the set of these violations (`violations.ts`). */
  invalidFrames = 0;
  violations = 0;
  private readonly reserved: number;

  constructor(rules: FrameRules | null = null) {
    this.maskBit = rules === null ? -1 : rules.sender === 'client' ? 0x80 : 0;
    this.reserved = rules === null ? 7 : rules.reserved;
  }

  /** A reader of the same stream at the same position, with counters of its own. */
  copy(): FrameReader {
    return Object.assign(new FrameReader(), this, { counts: new FrameCounts(), closePayload: null });
  }

  /** The latest frame is the last one of its message. */
  get fin(): boolean {
    return (this.first & 0x80) !== 0;
  }

  /** Reserved bits RSV1 to RSV3 of the latest frame, RSV1 highest (4); extensions give them a meaning. */
  get rsv(): number {
    return (this.first >> 4) & 7;
  }

  get opcode(): number {
    return this.first & 0xf;
  }

  /** The next byte belongs to a payload. */
  get inPayload(): boolean {
    return this.payloadLeft > 0;
  }

  /** The next byte begins a frame. */
  get betweenFrames(): boolean {
    return this.payloadLeft === 0 && this.headerSeen === 0;
  }

  /** The next byte begins a message or a control frame, and no message is in progress. */
  get betweenMessages(): boolean {
    return this.payloadLeft === 0 && this.headerSeen === 0 && !this.fragmented;
  }

  /** Status code of the first Close frame: 1005 if it has none, 0 if it has not arrived completely. */
  get closeCode(): number {
    if (!this.closed) return 0;
    const { closePayload } = this;
    return closePayload === null || closePayload.length < 2 ? NO_STATUS : closePayload.readUInt16BE();
  }

  /** Reason of the first Close frame, a byte string; empty if it has none. */
  get closeReason(): string {
    return this.closed && this.closePayload !== null ? this.closePayload.latin1Slice(2) : '';
  }

  /**
   * Reads one piece: the rest of a header, or payload of one frame (if `inPayload` before the call). Returns its end. The
   * header is complete as soon as `inPayload` or `betweenFrames` holds; the frame, when the latter does.
   */
  next(bytes: Uint8Array, from: number, to: number): number {
    if (this.payloadLeft > 0) {
      const size = Math.min(to - from, this.payloadLeft);
      const opcode = this.first & 0xf;
      if (opcode < CONTROL) this.sawData = true;
      else if (opcode === CLOSE && !this.closed) this.readClose(bytes, from, from + size);
      this.payloadSeen += size;
      this.payloadLeft -= size;
      if (opcode === CLOSE && this.payloadLeft === 0) this.closed = true;
      return from + size;
    }
    let at = from;
    while (at < to) if (this.header(bytes[at++] as number)) break;
    return at;
  }

  /**
   * Reads bytes `from` to `to`, of any number of frames. Returns `to`; or, if a frame has an invalid length,
   * the start of that frame, which is `UNREADABLE` if it was in earlier bytes.
   */
  skip(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    let frame = UNREADABLE;
    while (at < to) {
      if (this.payloadLeft === 0 && this.headerSeen === 0) {
        at = this.skipShortFrames(bytes, at, to);
        if (at === to) break;
        frame = at;
      }
      at = this.next(bytes, at, to);
      if ((this.violation & INVALID_LENGTH) !== 0) return frame;
    }
    return to;
  }

  /**
   * Reads valid unfragmented messages of at most 125 bytes, as long as they are complete: most messages are, and a byte at a
   * time costs several times as much. Returns the end of the last one.
   */
  private skipShortFrames(bytes: Uint8Array, from: number, to: number): number {
    const { maskBit, counts } = this;
    const { sizes } = counts;
    if (maskBit < 0 || this.fragmented) return from;
    const head = maskBit === 0 ? 2 : 6;
    let at = from;
    let first = 0;
    while (to - at >= head) {
      const next = bytes[at] as number;
      if (next !== FINAL_TEXT && next !== FINAL_BINARY) break;
      const length = (bytes[at + 1] as number) ^ maskBit;
      const end = at + head + length;
      if (length > MAX_SHORT || end > to) break;
      first = next;
      counts.messages++;
      if (next === FINAL_TEXT) {
        counts.textFrames++;
        counts.textBytes += length;
      } else {
        counts.binaryFrames++;
        counts.binaryBytes += length;
      }
      if (sizes !== null) sizes.observe(length);
      at = end;
    }
    if (at > from) {
      this.first = first;
      this.sawData = true;
    }
    return at;
  }

  /** Reads a byte of a header; true if it was the last one. */
  private header(byte: number): boolean {
    switch (this.headerSeen) {
      case 0: {
        this.first = byte;
        if ((byte & 0xf) === CLOSE) this.closing = true;
        this.headerSeen = 1;
        return false;
      }
      case 1: {
        const length = byte & 0x7f;
        this.lengthBytes = length < 126 ? 0 : length === 126 ? 2 : 8;
        this.masked = (byte & 0x80) !== 0;
        this.headerLeft = this.lengthBytes + (this.masked ? 4 : 0);
        this.headerSeen = length === 126 ? MEDIUM : length === 127 ? LONG : SHORT;
        this.length = this.lengthBytes === 0 ? length : 0;
        this.mask = 0;
        break;
      }
      default:
        if (this.lengthBytes > 0) {
          // The first of eight bytes.
          if (this.lengthBytes === 8 && byte >= 0x80) return this.lengthInvalid();
          this.length = this.length * 256 + byte;
          this.lengthBytes--;
        } else this.mask = (this.mask << 8) | byte;
        this.headerLeft--;
    }
    if (this.headerLeft > 0) return false;
    this.headerComplete();
    return true;
  }

  /** Ends the header: the rest of the stream belongs to a frame without end. */
  private lengthInvalid(): true {
    this.violation |= INVALID_LENGTH;
    this.violations |= INVALID_LENGTH;
    this.invalidFrames++;
    this.length = Number.POSITIVE_INFINITY;
    this.payloadLeft = this.length;
    this.headerSeen = 0;
    return true;
  }

  private headerComplete(): void {
    const { first, length, headerSeen } = this;
    const opcode = first & 0xf;
    const fin = (first & 0x80) !== 0;
    let violation = 0;
    if (((first >> 4) & 7 & ~this.reserved) !== 0) violation |= RESERVED_BITS;
    if (this.maskBit >= 0 && this.masked !== (this.maskBit !== 0)) violation |= MASKING;
    if ((headerSeen === MEDIUM && length < 126) || (headerSeen === LONG && length < 65536))
      violation |= NON_MINIMAL_LENGTH;
    if (opcode >= CONTROL) {
      if (opcode > PONG) violation |= UNKNOWN_OPCODE;
      if (!fin) violation |= FRAGMENTED_CONTROL;
      if (length > MAX_SHORT) violation |= LONG_CONTROL;
      if (opcode === CLOSE && length === 0) this.closed = true;
    } else {
      this.sawData = true;
      if (opcode > BINARY) violation |= UNKNOWN_OPCODE;
      else if (opcode !== CONTINUATION && this.fragmented) violation |= INTERRUPTED_MESSAGE;
      else if (opcode === CONTINUATION && !this.fragmented) violation |= UNEXPECTED_CONTINUATION;
      this.fragmented = !fin;
    }
    if (violation !== 0) {
      this.violation |= violation;
      this.violations |= violation;
      this.invalidFrames++;
    }
    this.counts.add(opcode, fin, length);
    this.payloadSeen = 0;
    this.payloadLeft = length;
    this.headerSeen = 0;
  }

  /** Reads payload of the first Close frame. */
  private readClose(bytes: Uint8Array, from: number, to: number): void {
    const { payloadSeen } = this;
    if (payloadSeen >= MAX_SHORT) return;
    if (this.closePayload === null) this.closePayload = Buffer.alloc(Math.min(this.length, MAX_SHORT));
    const end = Math.min(this.closePayload.length, payloadSeen + to - from);
    this.closePayload.set(bytes.subarray(from, from + end - payloadSeen), payloadSeen);
    applyMask(this.closePayload, payloadSeen, end, this.mask, payloadSeen);
  }
}

/**
 * Masks or unmasks bytes `start` to `end` in place (RFC 6455, 5.3). `offset`: number of payload bytes before them, which is
 * `FrameReader.payloadSeen` before they were read.
 */
export function applyMask(bytes: Uint8Array, start: number, end: number, mask: number, offset: number): void {
  for (let at = start, shift = 24 - 8 * (offset & 3); at < end; at++, shift = (shift + 24) & 31) {
    bytes[at] = (bytes[at] as number) ^ (mask >>> shift);
  }
}

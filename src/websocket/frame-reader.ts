/**
 * Incremental reader of WebSocket frames (RFC 6455, 5.2), for bytes that arrive in pieces of any size. Only headers are
 * stored, in a few numbers: reading a stream allocates nothing.
 */
import { CLOSE, CONTROL } from './opcodes.js';

export class FrameReader {
  /** First byte of the latest header: FIN, the reserved bits, opcode. */
  private first = 0;
  /** The payload of the latest frame is masked. */
  masked = false;
  /** Masking key as a signed 32-bit number, its first byte highest; 0 if there is none. */
  mask = 0;
  /** Payload length. Inexact above 2^53, but such a frame never ends. */
  length = 0;
  /** Bytes seen of the current header. */
  private headerSeen = 0;
  /** Bytes missing of it; known after its second byte. */
  private headerLeft = 0;
  /** Bytes of the extended length among them. */
  private lengthBytes = 0;
  /** Number of bytes read of the payload of the latest frame. */
  payloadSeen = 0;
  /** Bytes missing of it. */
  private payloadLeft = 0;
  /** The last frame of the current message has not begun yet. */
  private fragmented = false;
  /** A Close frame has begun. */
  closing = false;

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

  /** Whether a frame with this first byte is a Close frame. */
  static isClose(first: number): boolean {
    return (first & 0xf) === CLOSE;
  }

  /**
   * Reads one piece: the rest of a header, or payload of one frame (if `inPayload` before the call). Returns its end. The
   * header is complete as soon as `inPayload` or `betweenFrames` holds; the frame, when the latter does.
   */
  next(bytes: Uint8Array, from: number, to: number): number {
    if (this.payloadLeft > 0) {
      const size = Math.min(to - from, this.payloadLeft);
      this.payloadSeen += size;
      this.payloadLeft -= size;
      return from + size;
    }
    let at = from;
    while (at < to) if (this.header(bytes[at++] as number)) break;
    return at;
  }

  /** Reads bytes `from` to `to`, of any number of frames. */
  skip(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) at = this.next(bytes, at, to);
  }

  /** Reads up to the end of the current frame, or to `to`. Returns the position reached. */
  skipFrame(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    do at = this.next(bytes, at, to);
    while (at < to && !this.betweenFrames);
    return at;
  }

  /** Reads a byte of a header; true if it was the last one. */
  private header(byte: number): boolean {
    switch (this.headerSeen) {
      case 0: {
        const opcode = byte & 0xf;
        this.first = byte;
        if (opcode === CLOSE) this.closing = true;
        if (opcode < CONTROL) this.fragmented = (byte & 0x80) === 0;
        this.headerSeen = 1;
        return false;
      }
      case 1: {
        const length = byte & 0x7f;
        this.lengthBytes = length < 126 ? 0 : length === 126 ? 2 : 8;
        this.masked = (byte & 0x80) !== 0;
        this.headerLeft = this.lengthBytes + (this.masked ? 4 : 0);
        this.length = this.lengthBytes === 0 ? length : 0;
        this.mask = 0;
        this.headerSeen = 2;
        break;
      }
      default:
        if (this.lengthBytes > 0) {
          this.length = this.length * 256 + byte;
          this.lengthBytes--;
        } else this.mask = (this.mask << 8) | byte;
        this.headerLeft--;
    }
    if (this.headerLeft > 0) return false;
    this.payloadSeen = 0;
    this.payloadLeft = this.length;
    this.headerSeen = 0;
    return true;
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

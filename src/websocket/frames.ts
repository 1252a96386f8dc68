/**
 * Tracks frame and message boundaries in a WebSocket byte stream (RFC 6455, 5.2). Only frame headers are parsed, byte by
 * byte, and the state is a few numbers, so that tracking a stream allocates nothing.
 */

/** Opcode of a Close frame. */
const CLOSE = 0x8;
/** Smallest opcode of a control frame; those may stand between the fragments of a message. */
const CONTROL = 0x8;

export class FrameTrack {
  /** Bytes seen of the current header. */
  private headerSeen = 0;
  /** Bytes missing of it; known after its second byte. */
  private headerLeft = 0;
  /** Bytes of the extended length among them. */
  private lengthBytes = 0;
  /** Bytes missing of the payload. Inexact above 2^53, but such a frame never ends. */
  private payloadLeft = 0;
  /** The last frame of the current message has not begun yet. */
  private fragmented = false;
  /** A Close frame has begun. */
  closing = false;

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

  /** Tracks bytes `from` to `to`. `one`: only up to the end of the current frame. Returns the position reached. */
  advance(bytes: Uint8Array, from: number, to: number, one: boolean): number {
    let at = from;
    while (at < to) {
      if (this.payloadLeft === 0) {
        if (!this.header(bytes[at++] as number)) continue;
      } else {
        const left = to - at;
        if (left < this.payloadLeft) {
          this.payloadLeft -= left;
          return to;
        }
        at += this.payloadLeft;
        this.payloadLeft = 0;
      }
      if (one && this.payloadLeft === 0) return at;
    }
    return at;
  }

  /** Consumes a byte of a header; true if it was the last one. */
  private header(byte: number): boolean {
    switch (this.headerSeen) {
      case 0: {
        const opcode = byte & 0xf;
        if (opcode === CLOSE) this.closing = true;
        if (opcode < CONTROL) this.fragmented = (byte & 0x80) === 0;
        this.headerSeen = 1;
        return false;
      }
      case 1: {
        const length = byte & 0x7f;
        this.lengthBytes = length < 126 ? 0 : length === 126 ? 2 : 8;
        this.headerLeft = this.lengthBytes + (byte & 0x80 ? 4 : 0);
        this.length = this.lengthBytes === 0 ? length : 0;
        this.headerSeen = 2;
        break;
      }
      default:
        if (this.lengthBytes > 0) {
          this.length = this.length * 256 + byte;
          this.lengthBytes--;
        }
        this.headerLeft--;
    }
    if (this.headerLeft > 0) return false;
    this.payloadLeft = this.length;
    this.headerSeen = 0;
    return true;
  }

  /** Payload length, as far as its bytes were seen. */
  private length = 0;
}

/** A Close frame with a status code and no reason. `mask`: four bytes, required for frames of a client. */
export function closeFrame(code: number, mask: Uint8Array | null): Buffer {
  const high = code >> 8;
  const low = code & 0xff;
  if (mask === null) return Buffer.from([0x80 | CLOSE, 2, high, low]);
  const [a = 0, b = 0, c = 0, d = 0] = mask;
  return Buffer.from([0x80 | CLOSE, 0x80 | 2, a, b, c, d, high ^ a, low ^ b]);
}

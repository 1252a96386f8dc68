/**
 * Where WebSocket frames begin and messages end in a stream of bytes (RFC 6455, 5.2). Only the headers of frames are
 * looked at, byte by byte; what is known fits into a few numbers, so that following a stream allocates nothing.
 */

/** The opcode of a Close frame. */
const CLOSE = 0x8;
/** Opcodes from here on are those of control frames, which may stand between the fragments of a message. */
const CONTROL = 0x8;

export class FrameTrack {
  /** Bytes of the header under way that were seen. */
  private seen = 0;
  /** Bytes of it that are still to come, once the second one has told how many there are. */
  private missing = 0;
  /** Bytes of the extended length among them. */
  private lengthBytes = 0;
  /** Bytes of the payload that are still to come. Beyond 2^53 it is not exact, and no such frame ever ends. */
  private rest = 0;
  /** The last frame of the message under way is yet to begin. */
  private fragmented = false;
  /** A Close frame has begun. */
  closing = false;

  /** The next byte begins a frame. */
  get betweenFrames(): boolean {
    return this.rest === 0 && this.seen === 0;
  }

  /** The next byte begins a message or a control frame, and no message is under way. */
  get betweenMessages(): boolean {
    return this.rest === 0 && this.seen === 0 && !this.fragmented;
  }

  /** Whether a frame that begins with this byte is a Close frame. */
  static isClose(first: number): boolean {
    return (first & 0xf) === CLOSE;
  }

  /** Follows bytes `from` to `to`. `one`: only up to the end of the frame under way. Returns where it stopped. */
  advance(bytes: Uint8Array, from: number, to: number, one: boolean): number {
    let at = from;
    while (at < to) {
      if (this.rest === 0) {
        if (!this.header(bytes[at++] as number)) continue;
      } else {
        const left = to - at;
        if (left < this.rest) {
          this.rest -= left;
          return to;
        }
        at += this.rest;
        this.rest = 0;
      }
      if (one && this.rest === 0) return at;
    }
    return at;
  }

  /** Takes a byte of a header; true where it was the last one. */
  private header(byte: number): boolean {
    switch (this.seen) {
      case 0: {
        const opcode = byte & 0xf;
        if (opcode === CLOSE) this.closing = true;
        if (opcode < CONTROL) this.fragmented = (byte & 0x80) === 0;
        this.seen = 1;
        return false;
      }
      case 1: {
        const length = byte & 0x7f;
        this.lengthBytes = length < 126 ? 0 : length === 126 ? 2 : 8;
        this.missing = this.lengthBytes + (byte & 0x80 ? 4 : 0);
        this.length = this.lengthBytes === 0 ? length : 0;
        this.seen = 2;
        break;
      }
      default:
        if (this.lengthBytes > 0) {
          this.length = this.length * 256 + byte;
          this.lengthBytes--;
        }
        this.missing--;
    }
    if (this.missing > 0) return false;
    this.rest = this.length;
    this.seen = 0;
    return true;
  }

  /** The length of the payload as far as its bytes were seen. */
  private length = 0;
}

/** The bytes of a Close frame with a status code and no reason. `mask`: four bytes, which every frame of a client needs. */
export function closeFrame(code: number, mask: Uint8Array | null): Buffer {
  const high = code >> 8;
  const low = code & 0xff;
  if (mask === null) return Buffer.from([0x80 | CLOSE, 2, high, low]);
  const [a = 0, b = 0, c = 0, d = 0] = mask;
  return Buffer.from([0x80 | CLOSE, 0x80 | 2, a, b, c, d, high ^ a, low ^ b]);
}

/**
 * Incremental validation of UTF-8 (RFC 3629), for text that arrives in pieces split anywhere: invalid bytes are found as soon
 * as they arrive (RFC 6455, 8.1).
 */
import { isUtf8 } from 'node:buffer';

/** Pieces at least this long are left to Node's validation, which uses SIMD instructions. */
const MIN_NATIVE = 64;

export class Utf8Validator {
  /** Continuation bytes missing of the current character. */
  private missing = 0;
  /** Permitted range of the next continuation byte: excludes overlong forms, surrogates, and values above U+10FFFF. */
  private low = 0x80;
  private high = 0xbf;

  /** Whether the text so far ends with a complete character. */
  get complete(): boolean {
    return this.missing === 0;
  }

  reset(): void {
    this.missing = 0;
    this.low = 0x80;
    this.high = 0xbf;
  }

  /**
   * Checks further bytes; false if they are invalid. `mask` and `offset` as in `applyMask`; 0 for unmasked bytes, which are
   * never changed.
   */
  push(bytes: Buffer, start: number, end: number, mask = 0, offset = 0): boolean {
    if (mask === 0 && this.missing === 0 && end - start >= MIN_NATIVE && isUtf8(bytes.subarray(start, end)))
      return true;
    let shift = 24 - 8 * (offset & 3);
    for (let at = start; at < end; at++) {
      const byte = ((bytes[at] as number) ^ (mask >>> shift)) & 0xff;
      shift = (shift + 24) & 31;
      if (this.missing === 0) {
        if (byte >= 0x80 && !this.begin(byte)) return false;
      } else {
        if (byte < this.low || byte > this.high) return false;
        this.low = 0x80;
        this.high = 0xbf;
        this.missing--;
      }
    }
    return true;
  }

  /** Begins a character of several bytes; false if none begins with this one. */
  private begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.low = 0xa0;
    else if (byte === 0xed) this.high = 0x9f;
    else if (byte === 0xf0) this.low = 0x90;
    else if (byte === 0xf4) this.high = 0x8f;
    return true;
  }
}

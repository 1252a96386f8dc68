/** The bytes of a head that arrives in several pieces, until it is complete. */
import { reserve } from './buffer-limit.js';

/** Bytes of the first buffer, which doubles when it is full. */
const FIRST = 1024;
const EMPTY = Buffer.alloc(0);

/** Grows in linear time: a string to which pieces are appended is copied as a whole each time it is looked at. */
export class HeadBytes {
  length = 0;
  private bytes: Buffer = EMPTY;

  append(piece: string): void {
    const length = this.length + piece.length;
    if (length > this.bytes.length) {
      let size = Math.max(FIRST, 2 * this.bytes.length);
      while (size < length) size *= 2;
      const bytes = Buffer.allocUnsafeSlow(size);
      this.bytes.copy(bytes, 0, 0, this.length);
      reserve(size - this.bytes.length);
      this.bytes = bytes;
    }
    this.bytes.write(piece, this.length, 'latin1');
    this.length = length;
  }

  /** The bytes from offset `from` on, with a piece behind them that is not appended. */
  with(piece: string, from = 0): string {
    return this.length === 0 ? piece : this.bytes.latin1Slice(from, this.length) + piece;
  }

  clear(): void {
    if (this.length === 0) return;
    reserve(-this.bytes.length);
    this.bytes = EMPTY;
    this.length = 0;
  }
}

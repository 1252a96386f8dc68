/** Bytes of a head that arrives in several chunks, until it is complete. */
import { reserve } from '../net/buffer-limit.js';

/** Size of the first buffer, bytes; doubled when full. */
const MIN_SIZE = 1024;
const EMPTY = Buffer.alloc(0);

/** Grows in linear time, unlike a string, which is copied as a whole whenever it is read after an append. */
export class HeadBytes {
  length = 0;
  private bytes: Buffer = EMPTY;

  append(piece: string): void {
    const length = this.length + piece.length;
    if (length > this.bytes.length) {
      let size = Math.max(MIN_SIZE, 2 * this.bytes.length);
      while (size < length) size *= 2;
      const bytes = Buffer.allocUnsafeSlow(size);
      this.bytes.copy(bytes, 0, 0, this.length);
      reserve(size - this.bytes.length);
      this.bytes = bytes;
    }
    this.bytes.write(piece, this.length, 'latin1');
    this.length = length;
  }

  /** Returns the bytes from offset `from` followed by a chunk that is not appended. */
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

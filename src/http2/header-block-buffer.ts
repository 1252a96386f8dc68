/** Collects a header block that is spread over HEADERS and CONTINUATION frames. */
import { giveSlab, takeSlab } from '../net/slabs.js';

/**
 * Maximum number of CONTINUATION frames of a block. Other implementations fill each frame; many small ones only serve to
 * keep the block open.
 */
const MAX_CONTINUATIONS = 128;
/** Size of the first buffer, bytes. */
const MIN_SIZE = 16384;
const EMPTY: Buffer = Buffer.alloc(0);

export class HeaderBlockBuffer {
  /** Whether a block has begun and is not complete. */
  open = false;
  stream = 0;
  /** Whether its HEADERS frame has END_STREAM. */
  ended = false;
  /** Stream on which it depends, or -1. */
  dependency = -1;
  length = 0;
  private bytes: Buffer = EMPTY;
  private continuations = 0;

  /** `max`: maximum bytes of a block. */
  constructor(private readonly max: number) {}

  /** Whether a fragment of this length may follow. */
  fits(length: number): boolean {
    return this.length + length <= this.max;
  }

  /** Begins with the fragment of a HEADERS frame, which `fits`. */
  begin(stream: number, ended: boolean, dependency: number, bytes: Buffer, start: number, end: number): void {
    this.open = true;
    this.stream = stream;
    this.ended = ended;
    this.dependency = dependency;
    this.continuations = 0;
    this.copy(bytes, start, end);
  }

  /** Appends a CONTINUATION; returns false if the block is too large. */
  append(bytes: Buffer, start: number, end: number): boolean {
    if (++this.continuations > MAX_CONTINUATIONS || !this.fits(end - start)) return false;
    this.copy(bytes, start, end);
    return true;
  }

  private copy(bytes: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      const larger = takeSlab(Math.max(MIN_SIZE, length));
      this.bytes.copy(larger, 0, 0, this.length);
      if (this.bytes !== EMPTY) giveSlab(this.bytes);
      this.bytes = larger;
    }
    bytes.copy(this.bytes, this.length, start, end);
    this.length = length;
  }

  /** Returns the buffer of a complete block, to be returned with `giveSlab`, and closes it. */
  take(): Buffer {
    const { bytes } = this;
    this.bytes = EMPTY;
    this.clear();
    return bytes;
  }

  /** Discards the block. */
  clear(): void {
    if (this.bytes !== EMPTY) giveSlab(this.bytes);
    this.bytes = EMPTY;
    this.open = false;
    this.length = 0;
  }
}

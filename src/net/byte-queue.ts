/**
 * FIFO buffer of received bytes. Memory use is proportional to the number of bytes, regardless of the number of chunks.
 * All of this memory is counted, so that it can be limited (`buffer-limit.ts`).
 */
import { reserve } from './buffer-limit.js';

/** Size of a full block, bytes. */
export const BLOCK = 16384;
/** Size of the first block of a queue, bytes; doubled up to a full block, because most queues hold few bytes. */
const MIN_BLOCK = 1024;
/**
 * Maximum number of free blocks kept for reuse. A hundred responses that wait for slow clients need more than 64: allocating them
 * again and again caused collections (measured: a third of the CPU time of responses of 64 KiB over HTTP/2 with TLS).
 */
const MAX_SPARE = 256;
/** Number of free blocks kept after a peak. */
const MIN_SPARE = 64;
const spare: Buffer[] = [];
const EMPTY = Buffer.alloc(0);

/** Returns a buffer of BLOCK bytes with arbitrary content. */
export function takeBlock(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
}

/** Returns a buffer of `takeBlock` to the pool; it must no longer be referenced. */
export function giveBlock(block: Buffer): void {
  if (spare.length < MAX_SPARE) spare.push(block);
}

/** Releases free blocks after a peak. */
export function releaseBlocks(): void {
  if (spare.length > MIN_SPARE) spare.length = MIN_SPARE;
}

export class ByteQueue {
  /** Number of bytes. */
  length = 0;
  private readonly blocks: Buffer[] = [];
  /** Offset of the first byte in the first block. */
  private start = 0;
  /** Offset after the last byte in the last block. */
  private end = 0;
  /** Memory counted for this queue, bytes. */
  private reserved = 0;

  /** Appends a copy of bytes `from` to `to`. */
  push(bytes: Buffer, from: number, to: number): void {
    this.length += to - from;
    for (let at = from; at < to; ) {
      const block = this.blockWithSpace(to - at);
      const count = Math.min(to - at, block.length - this.end);
      bytes.copy(block, this.end, at, at + count);
      this.end += count;
      at += count;
    }
  }

  /** Returns the last block, with space for at least one byte. `count`: number of bytes to be appended. */
  private blockWithSpace(count: number): Buffer {
    const { blocks } = this;
    const last = blocks[blocks.length - 1];
    if (last !== undefined && this.end < last.length) return last;
    // Only the first block starts small. It is replaced, not reused: a view of it may still be in use.
    const grows = blocks.length === 1 && last !== undefined && last.length < BLOCK;
    const needed = (grows ? this.end - this.start : 0) + count;
    let size = blocks.length === 0 ? MIN_BLOCK : BLOCK;
    if (grows) size = last.length * 2;
    while (size < BLOCK && size < needed) size *= 2;
    const block = size === BLOCK ? takeBlock() : Buffer.allocUnsafeSlow(size);
    this.reserve(size);
    if (grows) {
      last.copy(block, 0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
      this.reserve(-last.length);
      blocks.length = 0;
    } else this.end = 0;
    blocks.push(block);
    return block;
  }

  private reserve(bytes: number): void {
    this.reserved += bytes;
    reserve(bytes);
  }

  /** Returns views of the first bytes, at most `most`. They are valid until these bytes are dropped. */
  front(most: number): Buffer[] {
    const pieces: Buffer[] = [];
    const { blocks } = this;
    let left = Math.min(most, this.length);
    let from = this.start;
    for (const block of blocks) {
      if (left === 0) break;
      const to = Math.min(block.length, from + left);
      pieces.push(block.subarray(from, to));
      left -= to - from;
      from = 0;
    }
    return pieces;
  }

  /** Copies the first `count` bytes, of at most `length`, to `target` from offset `at` on. */
  copyFront(target: Buffer, at: number, count: number): void {
    let to = at;
    let from = this.start;
    let left = count;
    for (const block of this.blocks) {
      if (left === 0) break;
      const copied = block.copy(target, to, from, Math.min(block.length, from + left));
      to += copied;
      left -= copied;
      from = 0;
    }
  }

  /** Returns a view of the bytes of the first block; empty if there are none. */
  first(): Buffer {
    const block = this.blocks[0];
    if (block === undefined) return EMPTY;
    return block.subarray(this.start, this.blocks.length === 1 ? this.end : block.length);
  }

  /** Removes all bytes and returns them in one buffer. */
  takeAll(): Buffer {
    const { length } = this;
    // A view is not a copy; it must not retain much more memory than it has bytes.
    const whole = this.first();
    const bytes =
      whole.length === length && length > whole.buffer.byteLength / 2
        ? whole
        : Buffer.concat(this.front(length), length);
    this.clear();
    return bytes;
  }

  /** Removes the first `count` bytes; `count` must not exceed `length`. */
  drop(count: number): void {
    const { blocks } = this;
    this.length -= count;
    this.start += count;
    for (let block = blocks[0]; block !== undefined && this.start >= block.length; block = blocks[0]) {
      this.start -= block.length;
      this.release(blocks.shift());
    }
    if (this.length > 0) return;
    // A block without remaining bytes may be left.
    this.release(blocks.pop());
    this.start = 0;
    this.end = 0;
  }

  private release(block: Buffer | undefined): void {
    if (block === undefined) return;
    this.reserve(-block.length);
    if (block.length === BLOCK) giveBlock(block);
  }

  /** Removes all bytes. Blocks are not reused: a view may still be in use by a file write. */
  clear(): void {
    this.reserve(-this.reserved);
    this.blocks.length = 0;
    this.length = 0;
    this.start = 0;
    this.end = 0;
  }
}

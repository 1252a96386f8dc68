/**
 * Buffers received bytes, first in, first out. The memory used is proportional to the number of bytes, however many pieces
 * they arrived in. All memory of this kind is counted, so that it can be limited (`buffer-limit.ts`).
 */
import { reserve } from './buffer-limit.js';

/** Bytes of a full block. */
export const BLOCK = 16384;
/** Bytes of the first block of a queue. It doubles up to a full block, because most queues hold few bytes. */
const FIRST = 1024;
/** Free blocks kept for reuse. */
const KEPT = 64;
const spare: Buffer[] = [];
const EMPTY = Buffer.alloc(0);

/** A buffer of BLOCK bytes with arbitrary content. */
export function takeBlock(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
}

/** Returns a buffer of `takeBlock` that nothing refers to any more. */
export function giveBlock(block: Buffer): void {
  if (spare.length < KEPT) spare.push(block);
}

export class ByteQueue {
  /** Bytes. */
  length = 0;
  private readonly blocks: Buffer[] = [];
  /** Offset of the first byte in the first block. */
  private start = 0;
  /** Offset behind the last byte in the last block. */
  private end = 0;
  /** Bytes of memory that are counted for this queue. */
  private reserved = 0;

  /** Appends a copy of bytes `from` to `to`. */
  push(bytes: Buffer, from: number, to: number): void {
    this.length += to - from;
    for (let at = from; at < to; ) {
      const block = this.room(to - at);
      const count = Math.min(to - at, block.length - this.end);
      bytes.copy(block, this.end, at, at + count);
      this.end += count;
      at += count;
    }
  }

  /** The last block, which has room for at least one byte. `wanted`: bytes that are to be appended. */
  private room(wanted: number): Buffer {
    const { blocks } = this;
    const last = blocks[blocks.length - 1];
    if (last !== undefined && this.end < last.length) return last;
    // Only the first block starts small. It is replaced, not reused: a view of it may still be in use.
    const grows = blocks.length === 1 && last !== undefined && last.length < BLOCK;
    const needed = (grows ? this.end - this.start : 0) + wanted;
    let size = blocks.length === 0 ? FIRST : BLOCK;
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

  /** Views of the first bytes, at most `most` of them. They are valid until these bytes are dropped. */
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

  /** A view of the bytes of the first block; empty where there are none. */
  first(): Buffer {
    const block = this.blocks[0];
    if (block === undefined) return EMPTY;
    return block.subarray(this.start, this.blocks.length === 1 ? this.end : block.length);
  }

  /** Removes all bytes and returns them in one buffer. */
  takeAll(): Buffer {
    const { length } = this;
    // A view of a block is no copy, but must not keep much more memory than it has bytes.
    const whole = this.first();
    const bytes =
      whole.length === length && length > whole.buffer.byteLength / 2
        ? whole
        : Buffer.concat(this.front(length), length);
    this.clear();
    return bytes;
  }

  /** Removes `count` bytes, at most `length`, from the front. */
  drop(count: number): void {
    const { blocks } = this;
    this.length -= count;
    this.start += count;
    for (let block = blocks[0]; block !== undefined && this.start >= block.length; block = blocks[0]) {
      this.start -= block.length;
      this.release(blocks.shift());
    }
    if (this.length > 0) return;
    // A block may be left whose bytes are all dropped.
    this.release(blocks.pop());
    this.start = 0;
    this.end = 0;
  }

  private release(block: Buffer | undefined): void {
    if (block === undefined) return;
    this.reserve(-block.length);
    if (block.length === BLOCK) giveBlock(block);
  }

  /** Removes all bytes. The blocks are not reused: a view of them may still be in use, by a write to a file. */
  clear(): void {
    this.reserve(-this.reserved);
    this.blocks.length = 0;
    this.length = 0;
    this.start = 0;
    this.end = 0;
  }
}

/** Bytes that wait in memory, first in, first out. Many small pieces take no more room than one large one. */

/** Bytes of a block. */
const BLOCK = 16384;
/** Blocks that are kept for the next queue. */
const KEPT = 64;
const spare: Buffer[] = [];

export class ByteQueue {
  /** Bytes. */
  length = 0;
  private readonly blocks: Buffer[] = [];
  /** The first byte, in the first block. */
  private start = 0;
  /** Behind the last byte, in the last block. */
  private end = BLOCK;

  /** Copies bytes `from` to `to`. */
  push(bytes: Buffer, from: number, to: number): void {
    this.length += to - from;
    for (let at = from; at < to; ) {
      if (this.end === BLOCK) {
        this.blocks.push(spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK));
        this.end = 0;
      }
      const block = this.blocks[this.blocks.length - 1] as Buffer; // the one with room, or that was just added
      const count = Math.min(to - at, BLOCK - this.end);
      bytes.copy(block, this.end, at, at + count);
      this.end += count;
      at += count;
    }
  }

  /** The first bytes, up to `most` of them, where they lie. They stay as they are until they are dropped. */
  front(most: number): Buffer[] {
    const pieces: Buffer[] = [];
    const { blocks } = this;
    let left = Math.min(most, this.length);
    let from = this.start;
    for (const block of blocks) {
      if (left === 0) break;
      const to = Math.min(BLOCK, from + left);
      pieces.push(block.subarray(from, to));
      left -= to - from;
      from = 0;
    }
    return pieces;
  }

  /** Takes that many bytes off the front; there must be as many. */
  drop(count: number): void {
    const { blocks } = this;
    this.length -= count;
    this.start += count;
    for (; this.start >= BLOCK; this.start -= BLOCK) giveBack(blocks.shift());
    if (this.length > 0) return;
    // What is left is a block whose bytes are all gone.
    giveBack(blocks.pop());
    this.start = 0;
    this.end = BLOCK;
  }

  /** Forgets everything. The blocks are not used again: somebody may still be writing them to a file. */
  clear(): void {
    this.blocks.length = 0;
    this.length = 0;
    this.start = 0;
    this.end = BLOCK;
  }
}

function giveBack(block: Buffer | undefined): void {
  if (block !== undefined && spare.length < KEPT) spare.push(block);
}

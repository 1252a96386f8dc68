/**
 * Buffers for copies of bytes that are only lent, kept for reuse. They have at most four times the bytes that they are taken
 * for, from 4 KiB on.
 */
import { BLOCK, giveBlock, takeBlock } from './byte-queue.js';

/**
 * The most that one read of a socket brings. A response of 64 KiB with its head is one read and one write then (measured: a
 * quarter less CPU time than with 64 KiB); still larger reads save nothing more.
 */
export const READ_SIZE = 131_072;

/** Bytes of the slabs that are larger than a block. */
const SIZES: readonly number[] = [READ_SIZE / 2, READ_SIZE];
/** Slabs kept of each of these sizes. */
const KEPT = 8;
const spare: readonly Buffer[][] = SIZES.map(() => []);

let taken = 0;
let allocated = 0;

/** Counts since the start: slabs that were taken, and those among them that had to be allocated, blocks not included. */
export function slabCounts(): { readonly taken: number; readonly allocated: number } {
  return { taken, allocated };
}

/** A buffer of at least `length` bytes with arbitrary content; beyond the largest size it has exactly as many. */
export function takeSlab(length: number): Buffer {
  taken++;
  if (length <= BLOCK) return takeBlock();
  const index = SIZES.findIndex((size) => length <= size);
  const slab = spare[index]?.pop();
  if (slab !== undefined) return slab;
  allocated++;
  return Buffer.allocUnsafeSlow(SIZES[index] ?? length);
}

/** Returns a buffer of `takeSlab` that nothing refers to any more. */
export function giveSlab(slab: Buffer): void {
  if (slab.length === BLOCK) giveBlock(slab);
  else {
    const kept = spare[SIZES.indexOf(slab.length)];
    if (kept !== undefined && kept.length < KEPT) kept.push(slab);
  }
}

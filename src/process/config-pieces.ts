/**
 * Encodes a checked configuration for worker processes, and decodes it, in slices: V8 takes as long to deserialize a
 * configuration of thousands of servers as compiling it takes. All blocks share one serializer, so that objects that blocks
 * share (inherited lists) are shared again after decoding.
 */
import { Deserializer, Serializer } from 'node:v8';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { TimeSlice } from '../program/time-slice.js';

/** A block without its nested blocks, which follow it in the order written. */
interface Piece extends Omit<CheckedBlock, 'blocks'> {
  readonly blocks: number;
}

export async function encodeConfig(config: CheckedConfig): Promise<Buffer> {
  const slice = new TimeSlice();
  const serializer = new Serializer();
  serializer.writeHeader();
  const waiting: CheckedBlock[] = [config];
  for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
    const { blocks } = block;
    serializer.writeValue({ ...block, blocks: blocks.length } satisfies Piece);
    for (let i = blocks.length - 1; i >= 0; i--) waiting.push(blocks[i] as CheckedBlock); // `i` is below the length
    if (slice.over) await slice.next();
  }
  return serializer.releaseBuffer();
}

export async function decodeConfig(bytes: Buffer): Promise<CheckedConfig> {
  const slice = new TimeSlice();
  const deserializer = new Deserializer(bytes);
  deserializer.readHeader();
  const unfinished: { readonly blocks: CheckedBlock[]; next: number }[] = [];
  const read = (): CheckedBlock => {
    const piece = deserializer.readValue() as Piece;
    const blocks = new Array<CheckedBlock>(piece.blocks);
    if (piece.blocks > 0) unfinished.push({ blocks, next: 0 });
    return Object.assign(piece, { blocks });
  };
  const config = read();
  for (let outer = unfinished.at(-1); outer !== undefined; outer = unfinished.at(-1)) {
    const i = outer.next++;
    // Popped before its last block is read, which may itself be unfinished.
    if (outer.next === outer.blocks.length) unfinished.pop();
    outer.blocks[i] = read();
    if (slice.over) await slice.next();
  }
  return config;
}

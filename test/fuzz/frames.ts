/** The incremental reader of WebSocket frames, in comparison with one that has all bytes at once. */
import assert from 'node:assert/strict';
import { applyMask, FrameReader } from '../../src/websocket/frame-reader.js';
import { cutAt } from '../http1/splits.js';
import type { Random } from '../stress/random.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

/** Ends of frames, positions without a message in progress, and the start of the first Close frame. */
interface Layout {
  /** Headers and unmasked payloads of complete frames. */
  readonly frames: readonly string[];
  readonly ends: ReadonlySet<number>;
  readonly rests: ReadonlySet<number>;
  readonly close: number;
}

/** RFC 6455 5.2. */
function layoutOf(bytes: Buffer): Layout {
  const ends = new Set([0]);
  const rests = new Set([0]);
  let close = Number.POSITIVE_INFINITY;
  let fragmented = false;
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    if ((first & 15) === 8) close = Math.min(close, at);
    if ((first & 8) === 0) fragmented = (first & 128) === 0;
    const second = bytes[at + 1];
    if (second === undefined) break;
    const short = second & 127;
    const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
    const head = 2 + extended + (second & 128 ? 4 : 0);
    if (at + head > bytes.length) break;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const payload = at + head;
    at = payload + length;
    if (at > bytes.length) break;
    const mask = bytes.subarray(payload - 4, payload);
    const text = bytes
      .subarray(payload, payload + length)
      .map((byte, i) => (second & 128 ? byte ^ (mask[i & 3] as number) : byte));
    frames.push(
      `${first >> 7} ${(first >> 4) & 7} ${first & 15} ${second >> 7} ${length} ${Buffer.from(text).latin1Slice()}`,
    );
    ends.add(at);
    if (!fragmented) rests.add(at);
  }
  return { frames, ends, rests, close };
}

export function checkFrames(text: string, cuts: readonly number[]): void {
  const bytes = Buffer.from(text, 'latin1');
  const { frames, ends, rests, close } = layoutOf(bytes);
  const skipping = new FrameReader();
  const slicing = new FrameReader();
  const read: string[] = [];
  let at = 0;
  for (const piece of cutAt(text, cuts)) {
    const end = at + piece.length;
    skipping.skip(bytes, at, end);
    readSlices(slicing, Buffer.from(piece, 'latin1'), read);
    at = end;
    for (const reader of [skipping, slicing]) {
      assert.deepEqual(
        [reader.betweenFrames, reader.betweenMessages, reader.closing],
        [ends.has(at), rests.has(at), close < at],
      );
    }
  }
  // The last one may be incomplete.
  assert.deepEqual(read.slice(0, frames.length), frames);
  assert.ok(read.length <= frames.length + 1);
  const stepping = new FrameReader();
  const stops = [0];
  for (let from = 0; from < bytes.length; ) {
    from = stepping.next(bytes, from, bytes.length);
    if (stepping.betweenFrames) stops.push(from);
  }
  assert.deepEqual(stops, [...ends]);
}

/** Reads a piece of a stream by headers and payload slices, as an observer of messages would; adds the frames to `read`. */
function readSlices(reader: FrameReader, piece: Buffer, read: string[]): void {
  for (let from = 0; from < piece.length; ) {
    const isPayload = reader.inPayload;
    const offset = reader.payloadSeen;
    const end = reader.next(piece, from, piece.length);
    if (isPayload) {
      applyMask(piece, from, end, reader.mask, offset);
      read.push(read.pop() + piece.latin1Slice(from, end));
    } else if (reader.inPayload || reader.betweenFrames) {
      const { fin, rsv, opcode, masked, length } = reader;
      read.push(`${Number(fin)} ${rsv} ${opcode} ${Number(masked)} ${length} `);
    }
    from = end;
  }
}

/** Frames of all kinds, masked and not, with lengths in each of the three forms. */
const FRAMES: readonly string[] = [0, 1, 5, 125, 126, 300, 65535, 65536].flatMap((length) =>
  [0x81, 0x01, 0x80, 0x00, 0x89, 0x8a, 0x88, 0xc2, 0xff].flatMap((first) =>
    [0, 0x80].map((mask) => {
      const short = length < 126 ? length : length < 65536 ? 126 : 127;
      const head = Buffer.alloc(2 + (short === 126 ? 2 : short === 127 ? 8 : 0));
      head[0] = first;
      head[1] = short | mask;
      if (short === 126) head.writeUInt16BE(length, 2);
      else if (short === 127) head.writeBigUInt64BE(BigInt(length), 2);
      return head.latin1Slice() + (mask ? 'mask' : '') + '\x88'.repeat(length);
    }),
  ),
);

const WORDS = [
  '\x88',
  '\x81',
  '\x00',
  '\x7e',
  '\x7f',
  '\xfe',
  '\xff',
  '\x80',
  '\x7f\0\0\0\0\0\0\0\x01',
  '\x81\x01a',
  '\x88\x02\x03\xe8',
];

function made(random: Random): string {
  const small = FRAMES.filter((frame) => frame.length < 1000);
  let text = '';
  for (let i = random.below(6); i >= 0; i--) text += random.of(random.below(50) === 0 ? FRAMES : small);
  return random.below(2) === 0 ? text : mutatedBytes([text, ...small], WORDS, random);
}

export const frames: FuzzTarget = {
  name: 'frames',
  make: made,
  check: (text, random) => checkFrames(text, places(random)),
};

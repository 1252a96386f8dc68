/** The track of WebSocket frames, beside a reader that has all the bytes at once. */
import assert from 'node:assert/strict';
import { FrameTrack } from '../../src/websocket/frames.js';
import { cutAt } from '../http1/splits.js';
import type { Random } from '../stress/random.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

/** Where frames end, where no message is under way, and where the first Close frame begins. */
interface Layout {
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
    at += head + length;
    if (at > bytes.length) break;
    ends.add(at);
    if (!fragmented) rests.add(at);
  }
  return { ends, rests, close };
}

export function checkFrames(text: string, cuts: readonly number[]): void {
  const bytes = Buffer.from(text, 'latin1');
  const { ends, rests, close } = layoutOf(bytes);
  const track = new FrameTrack();
  let at = 0;
  for (const piece of cutAt(text, cuts)) {
    assert.equal(track.advance(bytes, at, at + piece.length, false), at + piece.length);
    at += piece.length;
    assert.deepEqual(
      [track.betweenFrames, track.betweenMessages, track.closing],
      [ends.has(at), rests.has(at), close < at],
    );
  }
  const stepping = new FrameTrack();
  const stops = [0];
  for (let from = 0; from < bytes.length; ) {
    from = stepping.advance(bytes, from, bytes.length, true);
    if (from < bytes.length || stepping.betweenFrames) stops.push(from);
  }
  assert.deepEqual(stops, [...ends]);
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

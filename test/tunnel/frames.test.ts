/** Following WebSocket frames: the ends of frames and messages are found however the bytes are split. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closeFrame, FrameTrack } from '../../src/websocket/frames.js';

interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: number;
  /** Bits of the length field: the shortest that fits, unless longer ones are asked for. */
  readonly wide: boolean;
}

function bytesOf({ fin, opcode, masked, payload, wide }: Frame): Buffer {
  const length = payload > 65535 || wide ? 127 : payload > 125 ? 126 : payload;
  const head = Buffer.alloc(2 + (length === 127 ? 8 : length === 126 ? 2 : 0));
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = (masked ? 0x80 : 0) | length;
  if (length === 127) head.writeBigUInt64BE(BigInt(payload), 2);
  else if (length === 126) head.writeUInt16BE(payload, 2);
  // A payload full of what looks like a Close frame.
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 0x88), Buffer.alloc(payload, 0x88)]);
}

const control = fc.record({
  fin: fc.constant(true),
  opcode: fc.constantFrom(0x9, 0xa),
  masked: fc.boolean(),
  payload: fc.nat(125),
  wide: fc.constant(false),
});
const piece = fc.record({
  payload: fc.oneof(fc.nat(10), fc.constantFrom(0, 125, 126, 127, 65535, 65536), fc.nat(70000)),
  masked: fc.boolean(),
  wide: fc.boolean(),
});
/** A message of one or more fragments, with control frames among them. */
const message = fc
  .array(fc.tuple(piece, fc.array(control, { maxLength: 1 })), { minLength: 1, maxLength: 4 })
  .map((parts) =>
    parts.flatMap(([part, controls], i): Frame[] => [
      ...(i === 0 ? [] : controls),
      { ...part, fin: i === parts.length - 1, opcode: i === 0 ? 1 : 0 },
    ]),
  );
const frames = fc.array(
  fc.oneof(
    message,
    control.map((frame) => [frame]),
  ),
  { maxLength: 6 },
);

test('the ends of frames and messages are found however the bytes are split', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1 }), (groups, sizes) => {
      const parts = groups.flatMap((group) => group.map(bytesOf));
      const bytes = Buffer.concat(parts);
      const frameEnds = new Set([0]);
      const messageEnds = new Set([0]);
      let at = 0;
      for (const group of groups) {
        let open = false;
        for (const frame of group) {
          at += bytesOf(frame).length;
          frameEnds.add(at);
          if (frame.opcode < 8) open = !frame.fin;
          if (!open) messageEnds.add(at);
        }
      }
      const track = new FrameTrack();
      let i = 0;
      for (let from = 0; from < bytes.length; ) {
        const to = Math.min(bytes.length, from + (sizes[i++ % sizes.length] as number));
        track.advance(bytes, from, to, false);
        from = to;
        assert.equal(track.betweenFrames, frameEnds.has(to));
        assert.equal(track.betweenMessages, messageEnds.has(to));
      }
      assert.equal(track.closing, false);

      const stepping = new FrameTrack();
      const stops: number[] = [];
      for (let from = 0; from < bytes.length; ) {
        from = stepping.advance(bytes, from, bytes.length, true);
        stops.push(from);
      }
      assert.deepEqual(
        stops,
        [...frameEnds].filter((end) => end > 0),
      );
    }),
  );
});

test('a Close frame is noticed with its first byte', () => {
  for (const mask of [null, Buffer.from([1, 2, 3, 4])]) {
    const frame = closeFrame(1012, mask);
    const track = new FrameTrack();
    assert.equal(FrameTrack.isClose(frame[0] as number), true);
    track.advance(frame, 0, 1, false);
    assert.equal(track.closing, true);
    assert.equal(track.betweenFrames, false);
    track.advance(frame, 1, frame.length, false);
    assert.equal(track.betweenFrames, true);
    const payload = frame.subarray(-2).map((byte, i) => byte ^ (mask?.[i] ?? 0));
    assert.equal(Buffer.from(payload).readUInt16BE(), 1012);
  }
});

/** Reading WebSocket frames: headers, payloads, and the ends of frames and messages, however the bytes are split. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maySend } from '../../src/websocket/close-codes.js';
import { closeFrame, pingFrame } from '../../src/websocket/control-frames.js';
import { applyMask, FrameReader } from '../../src/websocket/frame-reader.js';
import { CLOSE, PING } from '../../src/websocket/opcodes.js';

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
      const reader = new FrameReader();
      let i = 0;
      for (let from = 0; from < bytes.length; ) {
        const to = Math.min(bytes.length, from + (sizes[i++ % sizes.length] as number));
        reader.skip(bytes, from, to);
        from = to;
        assert.equal(reader.betweenFrames, frameEnds.has(to));
        assert.equal(reader.betweenMessages, messageEnds.has(to));
      }
      assert.equal(reader.closing, false);

      const stepping = new FrameReader();
      const stops: number[] = [];
      for (let from = 0; from < bytes.length; ) {
        from = stepping.next(bytes, from, bytes.length);
        if (stepping.betweenFrames) stops.push(from);
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
    const frame = closeFrame(1012, mask?.readInt32BE() ?? null);
    const reader = new FrameReader();
    reader.skip(frame, 0, 1);
    assert.equal(reader.closing, true);
    assert.equal(reader.betweenFrames, false);
    reader.skip(frame, 1, frame.length);
    assert.equal(reader.betweenFrames, true);
    const payload = frame.subarray(-2).map((byte, i) => byte ^ (mask?.[i] ?? 0));
    assert.equal(Buffer.from(payload).readUInt16BE(), 1012);
  }
});

test('a control frame of the proxy has the header, the mask and the payload of RFC 6455', () => {
  for (const key of [null, 0x800203ff | 0, 0x01020304]) {
    const frames: [Buffer, number, string][] = [
      [closeFrame(1001, key, 'gone'), CLOSE, '\x03\xe9gone'],
      [closeFrame(3000, key), CLOSE, '\x0b\xb8'],
      [pingFrame(Buffer.from('abcdefg'), key), PING, 'abcdefg'],
      [pingFrame(Buffer.alloc(0), key), PING, ''],
      [pingFrame(Buffer.alloc(125, 7), key), PING, '\x07'.repeat(125)],
    ];
    for (const [bytes, opcode, payload] of frames) {
      // Split after each byte.
      for (let split = 0; split <= bytes.length; split++) {
        const reader = new FrameReader();
        let got = '';
        for (const [start, end] of [
          [0, split],
          [split, bytes.length],
        ] as const) {
          for (let at = start; at < end; ) {
            const isPayload = reader.inPayload;
            const offset = reader.payloadSeen;
            const next = reader.next(bytes, at, end);
            const slice = Buffer.from(bytes.subarray(at, next));
            if (isPayload) {
              applyMask(slice, 0, slice.length, reader.mask, offset);
              got += slice.latin1Slice();
            }
            at = next;
          }
        }
        const { fin, rsv, masked, length, betweenMessages } = reader;
        assert.deepEqual(
          { fin, rsv, opcode: reader.opcode, masked, length, got, betweenMessages },
          {
            fin: true,
            rsv: 0,
            opcode,
            masked: key !== null,
            length: payload.length,
            got: payload,
            betweenMessages: true,
          },
        );
      }
    }
  }
});

test('a control frame with an invalid payload or status code is not generated', () => {
  assert.throws(() => pingFrame(Buffer.alloc(126), null), RangeError);
  assert.throws(() => closeFrame(1000, null, 'x'.repeat(124)), RangeError);
  assert.throws(() => closeFrame(1005, null), RangeError);
  const valid = Array.from({ length: 5001 }, (_, code) => code).filter(maySend);
  const ranges = valid.filter((code) => !maySend(code - 1) || !maySend(code + 1));
  assert.deepEqual(ranges, [1000, 1003, 1007, 1014, 3000, 4999]);
});

test('reserved bits and masking keys are those of the header', () => {
  const reader = new FrameReader();
  reader.skip(Buffer.from([0b0101_0010, 0x80 | 1, 0xff, 0, 0x80, 1, 0]), 0, 7);
  const { fin, rsv, opcode, masked, mask } = reader;
  assert.deepEqual(
    { fin, rsv, opcode, masked, mask },
    { fin: false, rsv: 5, opcode: 2, masked: true, mask: 0xff008001 | 0 },
  );
});

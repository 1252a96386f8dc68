/** Counters of frames, violations of RFC 6455, and the payload of Close frames, however the bytes are split. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { closeFrame } from '../../src/websocket/control-frames.js';
import { FrameReader, UNREADABLE } from '../../src/websocket/frame-reader.js';
import {
  describeViolations,
  FRAGMENTED_CONTROL,
  INTERRUPTED_MESSAGE,
  INVALID_LENGTH,
  LONG_CONTROL,
  MASKING,
  NON_MINIMAL_LENGTH,
  RESERVED_BITS,
  UNEXPECTED_CONTINUATION,
  UNKNOWN_OPCODE,
} from '../../src/websocket/violations.js';

interface Frame {
  readonly first: number;
  readonly masked: boolean;
  readonly payload: number;
  /** Form of the length: 0: in the second byte, 2 or 8 bytes. */
  readonly form: 0 | 2 | 8;
}

function bytesOf({ first, masked, payload, form }: Frame): Buffer {
  const head = Buffer.alloc(2 + form);
  head[0] = first;
  head[1] = (masked ? 0x80 : 0) | (form === 0 ? payload : form === 2 ? 126 : 127);
  if (form === 2) head.writeUInt16BE(payload, 2);
  else if (form === 8) head.writeBigUInt64BE(BigInt(payload), 2);
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 0x81), Buffer.alloc(payload, 0x81)]);
}

/** Any frame, valid or not, but most of them short messages. */
const frame = fc
  .record({
    first: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(0x81, 0x82) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    ),
    masked: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    payload: fc.oneof(fc.nat(20), fc.constantFrom(0, 125, 126, 65535, 65536), fc.nat(300)),
    wide: fc.constantFrom(0, 2, 8),
  })
  .map(({ first, masked, payload, wide }): Frame => {
    const form = payload > 65535 || wide === 8 ? 8 : payload > 125 || wide === 2 ? 2 : 0;
    return { first, masked, payload, form };
  });

function stateOf(reader: FrameReader): unknown {
  const { counts, invalidFrames, violations, betweenFrames, betweenMessages, closing, closed, closeCode } = reader;
  return { counts, invalidFrames, violations, betweenFrames, betweenMessages, closing, closed, closeCode };
}

test('counters, violations and boundaries are the same for whole reads, single bytes and any other pieces', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      fc.constantFrom(0, 4, 7),
      (frames, sizes, reserved) => {
        const bytes = Buffer.concat(frames.map(bytesOf));
        const rules = { sender: 'client', reserved } as const;
        const whole = new FrameReader(rules);
        whole.skip(bytes, 0, bytes.length);
        const single = new FrameReader(rules);
        for (let at = 0; at < bytes.length; at++) single.skip(bytes, at, at + 1);
        const pieces = new FrameReader(rules);
        let i = 0;
        for (let at = 0; at < bytes.length; ) {
          const to = Math.min(bytes.length, at + (sizes[i++ % sizes.length] as number));
          pieces.skip(bytes, at, to);
          at = to;
        }
        assert.deepEqual(stateOf(whole), stateOf(single));
        assert.deepEqual(stateOf(pieces), stateOf(single));
        assert.equal(whole.counts.frames, frames.length);
        assert.equal(
          whole.counts.bytes,
          frames.reduce((sum, { payload }) => sum + payload, 0),
        );
      },
    ),
  );
});

test('messages, frames and bytes are counted by opcode', () => {
  const frames: Frame[] = [
    { first: 0x81, masked: false, payload: 5, form: 0 },
    { first: 0x02, masked: false, payload: 10, form: 0 },
    { first: 0x89, masked: false, payload: 1, form: 0 },
    { first: 0x00, masked: false, payload: 20, form: 0 },
    { first: 0x80, masked: false, payload: 70_000, form: 8 },
    { first: 0x8a, masked: false, payload: 2, form: 0 },
    { first: 0x01, masked: false, payload: 4, form: 0 },
  ];
  const bytes = Buffer.concat(frames.map(bytesOf));
  const reader = new FrameReader({ sender: 'server', reserved: 0 });
  assert.equal(reader.skip(bytes, 0, bytes.length), bytes.length);
  const { counts } = reader;
  assert.deepEqual(
    { ...counts },
    {
      messages: 2,
      textFrames: 2,
      textBytes: 9,
      binaryFrames: 1,
      binaryBytes: 10,
      continuationFrames: 2,
      continuationBytes: 70_020,
      closeFrames: 0,
      pingFrames: 1,
      pongFrames: 1,
      controlBytes: 3,
      unknownFrames: 0,
      unknownBytes: 0,
      // Recorded with `metrics` only.
      size: 0,
      sizes: null,
    },
  );
  assert.equal(counts.messageBytes, 70_039);
  assert.equal(reader.violations, 0);
});

describe('a violation of RFC 6455 is found', () => {
  const plain = { masked: true, payload: 3, form: 0 } as const;
  const cases: readonly (readonly [string, readonly Frame[], number])[] = [
    ['a reserved bit', [{ ...plain, first: 0xc1 }], RESERVED_BITS],
    ['an unknown data opcode', [{ ...plain, first: 0x83 }], UNKNOWN_OPCODE],
    ['an unknown control opcode', [{ ...plain, first: 0x8b }], UNKNOWN_OPCODE],
    ['a frame of a client without mask', [{ ...plain, first: 0x81, masked: false }], MASKING],
    ['a fragmented control frame', [{ ...plain, first: 0x09 }], FRAGMENTED_CONTROL],
    ['a control frame that is too long', [{ ...plain, first: 0x89, payload: 126, form: 2 }], LONG_CONTROL],
    ['a continuation without a message', [{ ...plain, first: 0x80 }], UNEXPECTED_CONTINUATION],
    [
      'a message within another one',
      [
        { ...plain, first: 0x01 },
        { ...plain, first: 0x81 },
      ],
      INTERRUPTED_MESSAGE,
    ],
    ['a short length in two bytes', [{ ...plain, first: 0x81, form: 2 }], NON_MINIMAL_LENGTH],
    ['a length of two bytes in eight', [{ ...plain, first: 0x81, payload: 300, form: 8 }], NON_MINIMAL_LENGTH],
  ];
  for (const [name, frames, violation] of cases) {
    test(`${name}, once, and reading continues behind it`, () => {
      const bytes = Buffer.concat([...frames, { ...plain, first: 0x8a }].map(bytesOf));
      const reader = new FrameReader({ sender: 'client', reserved: 0 });
      assert.equal(reader.skip(bytes, 0, bytes.length), bytes.length);
      assert.equal(reader.violations, violation);
      assert.equal(reader.violation, violation);
      assert.equal(reader.invalidFrames, 1);
      assert.equal(reader.counts.pongFrames, 1);
      assert.ok(describeViolations(violation).length > 0);
    });
  }

  test('a masked frame of a server', () => {
    const reader = new FrameReader({ sender: 'server', reserved: 0 });
    const bytes = bytesOf({ ...plain, first: 0x81 });
    reader.skip(bytes, 0, bytes.length);
    assert.equal(reader.violations, MASKING);
  });

  test('not in bits that an extension defines, nor without rules', () => {
    const bytes = bytesOf({ ...plain, first: 0xc1 });
    for (const rules of [{ sender: 'client', reserved: 4 } as const, null]) {
      const reader = new FrameReader(rules);
      reader.skip(bytes, 0, bytes.length);
      assert.equal(reader.violations, 0);
    }
  });
});

test('after a length with its highest bit set nothing is read, and the start of its frame is reported', () => {
  const valid = bytesOf({ first: 0x81, masked: true, payload: 4, form: 0 });
  const invalid = Buffer.concat([Buffer.from([0x82, 0xff, 0x80]), Buffer.alloc(7 + 4 + 50)]);
  const bytes = Buffer.concat([valid, invalid]);
  for (let split = 0; split <= bytes.length; split++) {
    const reader = new FrameReader({ sender: 'client', reserved: 0 });
    let end = reader.skip(bytes, 0, split);
    const isEarly = (reader.violation & INVALID_LENGTH) !== 0;
    if (!isEarly) end = reader.skip(bytes, split, bytes.length);
    assert.equal(reader.violations, INVALID_LENGTH);
    const wasSplit = split > valid.length && !isEarly;
    assert.equal(end, wasSplit ? UNREADABLE : valid.length);
  }
});

test('code and reason of the first Close frame are known when it is complete', () => {
  for (const mask of [null, 0x010203fa]) {
    const first = closeFrame(1009, mask, 'too long');
    const bytes = Buffer.concat([first, closeFrame(1000, mask, 'later')]);
    for (let split = 0; split <= bytes.length; split++) {
      const reader = new FrameReader();
      reader.skip(bytes, 0, split);
      assert.equal(reader.closeCode, split < first.length ? 0 : 1009);
      reader.skip(bytes, split, bytes.length);
      assert.deepEqual([reader.closeCode, reader.closeReason], [1009, 'too long']);
    }
  }
  const empty = new FrameReader();
  empty.skip(Buffer.from([0x88, 0]), 0, 2);
  assert.deepEqual([empty.closed, empty.closeCode, empty.closeReason], [true, 1005, '']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { CLIENT, EventRecord, eventsOf, frame, settingsFrame, uint32 } from './frames.js';

const { Padded, Priority, EndHeaders, EndStream, Ack } = Flag;

/** All kinds of frames, with the events that are expected. */
const SEQUENCE: readonly (readonly [frame: Buffer, ...events: string[]])[] = [
  [Buffer.from(PREFACE, 'latin1')],
  [
    settingsFrame([
      [1, 0],
      [4, 0x7fffffff],
      [0xffff, 0xffffffff],
    ]),
    'setting 1 0',
    'setting 4 2147483647',
    'setting 65535 4294967295',
    'settings',
  ],
  [settingsFrame([]), 'settings'],
  [frame(FrameType.Settings, Ack, 0), 'settings ack'],
  [frame(FrameType.Headers, EndHeaders | EndStream, 1, '\x82\x84'), 'headers 1 8284 ended'],
  [frame(FrameType.Headers, EndHeaders | Padded, 3, '\x02\x82\x84\0\0'), 'headers 3 8284'],
  [
    frame(
      FrameType.Headers,
      EndHeaders | Padded | Priority,
      5,
      Buffer.concat([Buffer.of(3), uint32(0x80000003), Buffer.from('\xffAB\0\0\0', 'latin1')]),
    ),
    'headers 5 4142 on 3',
  ],
  [frame(FrameType.Headers, EndStream, 7, 'ab')],
  [frame(FrameType.Continuation, 0, 7, '')],
  [frame(FrameType.Continuation, 0, 7, 'cd')],
  [frame(FrameType.Continuation, EndHeaders, 7, 'e'), 'headers 7 6162636465 ended'],
  [frame(FrameType.Data, 0, 3, 'hello'), 'data 3 hello'],
  [frame(FrameType.Data, EndStream, 5), 'data 5  ended'],
  [frame(FrameType.Data, Padded | EndStream, 9, '\x03abc\0\0\0'), 'data 9 abc ended'],
  [frame(FrameType.Data, Padded | EndStream, 11, '\x03\0\0\0'), 'data 11  ended'],
  [frame(FrameType.Data, Padded, 13, '\0x'), 'data 13 x'],
  [frame(FrameType.Priority, 0, 3, Buffer.concat([uint32(1), Buffer.of(7)]))],
  [
    frame(FrameType.Priority, 0, 3, Buffer.concat([uint32(3), Buffer.of(7)])),
    'stream error 3 1: client sent PRIORITY frame for stream 3 with incorrect dependency',
  ],
  [frame(FrameType.RstStream, 0, 3, uint32(8)), 'reset 3 8'],
  [frame(FrameType.Ping, 0, 0, uint32(0xfffffffe, 5)), 'ping 4294967294 5'],
  [frame(FrameType.Ping, Ack, 0, uint32(1, 0x80000000)), 'ping ack 1 2147483648'],
  [frame(FrameType.WindowUpdate, 0, 0, uint32(0x80000005)), 'window 0 5'],
  [frame(FrameType.WindowUpdate, 0, 0x7fffffff, uint32(1)), 'window 2147483647 1'],
  [
    frame(FrameType.WindowUpdate, 0, 3, uint32(0)),
    'stream error 3 1: client sent WINDOW_UPDATE frame with incorrect window increment 0',
  ],
  [frame(99, 0xff, 0x7fffffff, 'unknown')],
  [frame(99, 0, 1)],
  [frame(FrameType.Goaway, 0, 0, Buffer.concat([uint32(7, 11), Buffer.from('calm')])), 'goaway 7 11 calm'],
];
const BYTES = Buffer.concat(SEQUENCE.map(([bytes]) => bytes));
const EVENTS = SEQUENCE.flatMap(([, ...events]) => events);
const WITH_PREFACE = { ...CLIENT, preface: true };

test('frames of all kinds are read, however their bytes are split', () => {
  assert.deepEqual(eventsOf([BYTES], WITH_PREFACE).lines, EVENTS);
  const { counted } = eventsOf([BYTES], WITH_PREFACE);
  // Padding counts against flow control, with its length.
  assert.equal(counted, 5 + 7 + 4 + 2);
  for (let cut = 1; cut < BYTES.length; cut++) {
    const record = eventsOf([BYTES.subarray(0, cut), BYTES.subarray(cut)], WITH_PREFACE);
    assert.deepEqual(record.lines, EVENTS, `cut at ${cut}`);
    assert.equal(record.counted, counted, `cut at ${cut}`);
  }
  const single = Array.from(BYTES, (byte) => Buffer.of(byte));
  assert.deepEqual(eventsOf(single, WITH_PREFACE).lines, EVENTS);
  for (let first = 1; first < BYTES.length; first += 3) {
    for (let second = first + 1; second < BYTES.length; second += 5) {
      const pieces = [BYTES.subarray(0, first), BYTES.subarray(first, second), BYTES.subarray(second)];
      assert.deepEqual(eventsOf(pieces, WITH_PREFACE).lines, EVENTS, `cut at ${first} and ${second}`);
    }
  }
});

/** Errors of the connection, by the bytes that cause them. */
const ERRORS: readonly (readonly [name: string, bytes: Buffer, error: string])[] = [
  ['DATA of stream 0', frame(FrameType.Data, 0, 0, 'x'), '1: client sent DATA frame with incorrect identifier'],
  [
    'padded DATA without length',
    frame(FrameType.Data, Padded, 1),
    '6: client sent padded DATA frame with incorrect length: 0',
  ],
  [
    'DATA with more padding than bytes',
    frame(FrameType.Data, Padded, 1, '\x03ab'),
    '1: client sent padded DATA frame with incorrect length: 3, padding: 3',
  ],
  [
    'HEADERS of stream 0',
    frame(FrameType.Headers, EndHeaders, 0, 'x'),
    '1: client sent HEADERS frame with incorrect identifier',
  ],
  ['empty HEADERS', frame(FrameType.Headers, EndHeaders, 1), '6: client sent HEADERS frame with empty header block'],
  [
    'HEADERS too short for its priority',
    frame(FrameType.Headers, EndHeaders | Priority, 1, 'abcd'),
    '6: client sent HEADERS frame with incorrect length 4',
  ],
  [
    'HEADERS with more padding than bytes',
    frame(FrameType.Headers, EndHeaders | Padded, 1, '\x03ab'),
    '1: client sent padded HEADERS frame with incorrect length: 2, padding: 3',
  ],
  [
    'CONTINUATION without HEADERS',
    frame(FrameType.Continuation, EndHeaders, 1, 'x'),
    '1: client sent CONTINUATION frame without HEADERS',
  ],
  [
    'another frame within a header block',
    Buffer.concat([frame(FrameType.Headers, 0, 1, 'x'), frame(FrameType.Ping, 0, 0, uint32(0, 0))]),
    '1: client sent inappropriate frame while CONTINUATION was expected',
  ],
  [
    'an unknown frame within a header block',
    Buffer.concat([frame(FrameType.Headers, 0, 1, 'x'), frame(99, 0, 1)]),
    '1: client sent inappropriate frame while CONTINUATION was expected',
  ],
  [
    'CONTINUATION of another stream',
    Buffer.concat([frame(FrameType.Headers, 0, 1, 'x'), frame(FrameType.Continuation, EndHeaders, 3, 'x')]),
    '1: client sent CONTINUATION frame with incorrect identifier',
  ],
  [
    'PRIORITY of stream 0',
    frame(FrameType.Priority, 0, 0, 'abcde'),
    '1: client sent PRIORITY frame with incorrect identifier',
  ],
  [
    'PRIORITY of a wrong length',
    frame(FrameType.Priority, 0, 1, 'abcd'),
    '6: client sent PRIORITY frame with incorrect length 4',
  ],
  [
    'RST_STREAM of stream 0',
    frame(FrameType.RstStream, 0, 0, 'abcd'),
    '1: client sent RST_STREAM frame with incorrect identifier',
  ],
  [
    'RST_STREAM of a wrong length',
    frame(FrameType.RstStream, 0, 1, 'abc'),
    '6: client sent RST_STREAM frame with incorrect length 3',
  ],
  ['SETTINGS of a stream', frame(FrameType.Settings, 0, 1), '1: client sent SETTINGS frame with incorrect identifier'],
  [
    'SETTINGS of a wrong length',
    frame(FrameType.Settings, 0, 0, 'abcde'),
    '6: client sent SETTINGS frame with incorrect length 5',
  ],
  [
    'SETTINGS with ACK and parameters',
    frame(FrameType.Settings, Ack, 0, 'abcdef'),
    '6: client sent SETTINGS frame with the ACK flag and nonzero length',
  ],
  ['PUSH_PROMISE', frame(FrameType.PushPromise, EndHeaders, 1, 'abcdef'), '1: client sent PUSH_PROMISE frame'],
  ['PING of a stream', frame(FrameType.Ping, 0, 1, 'abcdefgh'), '1: client sent PING frame with incorrect identifier'],
  [
    'PING of a wrong length',
    frame(FrameType.Ping, 0, 0, 'abcdefg'),
    '6: client sent PING frame with incorrect length 7',
  ],
  [
    'GOAWAY of a stream',
    frame(FrameType.Goaway, 0, 1, 'abcdefgh'),
    '1: client sent GOAWAY frame with incorrect identifier',
  ],
  [
    'GOAWAY of a wrong length',
    frame(FrameType.Goaway, 0, 0, 'abcdefg'),
    '6: client sent GOAWAY frame with incorrect length 7',
  ],
  [
    'WINDOW_UPDATE of a wrong length',
    frame(FrameType.WindowUpdate, 0, 0, 'abc'),
    '6: client sent WINDOW_UPDATE frame with incorrect length 3',
  ],
  [
    'an increment of 0 for the connection',
    frame(FrameType.WindowUpdate, 0, 0, uint32(0x80000000)),
    '1: client sent WINDOW_UPDATE frame with incorrect window increment 0',
  ],
  [
    'a frame larger than announced',
    frame(99, 0, 1, Buffer.alloc(16385)),
    '6: client sent type 99 frame with incorrect length 16385',
  ],
];

for (const [name, bytes, error] of ERRORS) {
  test(`${name} is an error of the connection, and nothing after it is read`, () => {
    const more = Buffer.concat([bytes, frame(FrameType.Ping, 0, 0, uint32(0, 0))]);
    const expected = [`connection error ${error}`];
    assert.deepEqual(eventsOf([more]).lines, expected);
    for (let cut = 1; cut < Math.min(more.length, 64); cut++) {
      assert.deepEqual(eventsOf([more.subarray(0, cut), more.subarray(cut)]).lines, expected, `cut at ${cut}`);
    }
  });
}

test('a wrong preface is an error at its first wrong byte', () => {
  for (let at = 0; at < PREFACE.length; at++) {
    const record = new EventRecord();
    const reader = new FrameReader(record, WITH_PREFACE);
    const text = `${PREFACE.slice(0, at)}X`;
    for (const byte of Buffer.from(text, 'latin1')) {
      assert.deepEqual(record.lines, []);
      reader.feed(Buffer.of(byte), 0, 1);
    }
    assert.deepEqual(record.lines, ['connection error 1: invalid connection preface']);
    assert.ok(reader.stopped);
  }
});

test('a header block is bounded in bytes and in frames', () => {
  const options = { ...CLIENT, maxBlock: 20_000 };
  const tooLarge = 'connection error 11: client sent too large header block';
  const fragment = (type: number, flags: number, length: number) => frame(type, flags, 1, Buffer.alloc(length, 65));
  const fits = [fragment(FrameType.Headers, 0, 16384), fragment(FrameType.Continuation, EndHeaders, 20_000 - 16384)];
  assert.match(eventsOf(fits, options).lines.join(), /^headers 1 (41){20000}$/);
  const exceeds = [fragment(FrameType.Headers, 0, 16384), fragment(FrameType.Continuation, EndHeaders, 20_001 - 16384)];
  assert.deepEqual(eventsOf(exceeds, options).lines, [tooLarge]);
  // The header of the frame suffices.
  assert.deepEqual(eventsOf([exceeds[0] as Buffer, (exceeds[1] as Buffer).subarray(0, 9)], options).lines, [tooLarge]);
  const empty = [
    fragment(FrameType.Headers, 0, 1),
    ...Array.from({ length: 129 }, () => fragment(FrameType.Continuation, 0, 0)),
  ];
  assert.deepEqual(eventsOf(empty, options).lines, [tooLarge]);
  assert.deepEqual(eventsOf(empty.slice(0, -1), options).lines, []);
});

test('a listener that stops the reader receives nothing more', () => {
  const ping = frame(FrameType.Ping, 0, 0, uint32(0, 0));
  for (const first of [
    ping,
    frame(FrameType.Data, 0, 1, 'abc'),
    frame(FrameType.Headers, EndHeaders, 1, 'x'),
    settingsFrame([
      [1, 1],
      [2, 2],
    ]),
  ]) {
    for (let cut = 1; cut <= first.length; cut++) {
      const record = new EventRecord();
      const reader = new FrameReader(record, CLIENT);
      const stop = (): void => reader.stop();
      Object.assign(record, { onPing: stop, onHeaders: stop, onSetting: stop });
      record.onData = stop;
      reader.feed(first, 0, cut);
      reader.feed(Buffer.concat([first.subarray(cut), ping]), 0, first.length - cut + ping.length);
      assert.ok(reader.stopped);
      assert.deepEqual(record.lines, []);
    }
  }
});

test('with a budget, reading stops between frames and goes on later', () => {
  for (const budget of [1, 2, 5]) {
    for (const size of [BYTES.length, 100, 7]) {
      const record = new EventRecord();
      const reader = new FrameReader(record, WITH_PREFACE);
      let waiting = Buffer.alloc(0);
      for (let at = 0; at < BYTES.length || waiting.length > 0; at += size) {
        const piece = Buffer.concat([waiting, BYTES.subarray(at, at + size)]);
        reader.budget = budget;
        const before = record.lines.length;
        const used = reader.feed(piece, 0, piece.length);
        assert.ok(used === piece.length || reader.budget === 0);
        // A SETTINGS frame has several events.
        assert.ok(record.lines.length - before <= budget + 3);
        waiting = piece.subarray(used);
      }
      record.flush();
      assert.deepEqual(record.lines, EVENTS);
    }
  }
});

/** The reader of HTTP/2 frames, in comparison with one that was written apart and has all bytes at once. */
import assert from 'node:assert/strict';
import { ErrorCode } from '../../src/http2/error-codes.js';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { Flag, FrameType } from '../../src/http2/frame-types.js';
import { cutAt } from '../http1/splits.js';
import { CLIENT, EventRecord, frame, settingsFrame, uint32 } from '../http2/frames.js';
import type { Random } from '../stress/random.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

const OPTIONS = { ...CLIENT, maxBlock: 2000 };

/** Events as lines without the reasons of errors; the last one may be an error of the connection. */
function expectedEvents(text: string, record = new EventRecord()): string[] {
  const all = Buffer.from(text, 'latin1');
  let block: { id: number; bytes: Buffer; ended: boolean; on: number; frames: number } | null = null;
  const fail = (code: number): string[] => {
    record.onConnectionError(code, '');
    return record.lines;
  };
  const { ProtocolError, FrameSizeError, EnhanceYourCalm } = ErrorCode;
  for (let at = 0; at + 9 <= all.length; ) {
    const length = all.readUIntBE(at, 3);
    const [type, flags] = [all.readUInt8(at + 3), all.readUInt8(at + 4)];
    const id = all.readUInt32BE(at + 5) % 2 ** 31;
    const payload = all.subarray(at + 9, at + 9 + length);
    const complete = payload.length === length;
    at += 9 + length;
    if (length > 16384) return fail(FrameSizeError);
    if (block !== null) {
      if (type !== 9 || id !== block.id) return fail(ProtocolError);
      if (block.bytes.length + length > OPTIONS.maxBlock) return fail(EnhanceYourCalm);
      if (!complete) break;
      if (++block.frames > 128) return fail(EnhanceYourCalm);
      block.bytes = Buffer.concat([block.bytes, payload]);
      if ((flags & 4) === 0) continue;
      record.onHeaders(id, block.bytes, 0, block.bytes.length, block.ended, block.on);
      block = null;
      continue;
    }
    if (type > 9) continue;
    if (type === 5 || type === 9) return fail(ProtocolError);
    if (type === 0) {
      if (id === 0) return fail(ProtocolError);
      const padded = (flags & 8) !== 0;
      if (padded && length === 0) return fail(FrameSizeError);
      if (padded && payload.length === 0) break;
      const padding = padded ? payload.readUInt8(0) : 0;
      if (padded && padding >= length) return fail(ProtocolError);
      const from = padded ? 1 : 0;
      const to = length - padding;
      // Pieces of an incomplete frame are events, too.
      if (length > 0 && to > from && payload.length <= from) break;
      const ended = payload.length >= to && (flags & 1) !== 0;
      record.onData(id, payload, from, Math.min(to, payload.length), Math.min(to, payload.length) + padding, ended);
      continue;
    }
    if (type === 1) {
      if (id === 0) return fail(ProtocolError);
      if (length > OPTIONS.maxBlock) return fail(EnhanceYourCalm);
    } else if (type === 2 ? length !== 5 : type === 3 || type === 8 ? length !== 4 : type === 6 && length !== 8) {
      return fail(FrameSizeError);
    }
    if (!complete) break;
    if (type === 1) {
      const padded = (flags & 8) !== 0;
      const prioritized = (flags & 32) !== 0;
      const from = Number(padded) + (prioritized ? 5 : 0);
      if (length < from) return fail(FrameSizeError);
      const padding = padded ? payload.readUInt8(0) : 0;
      if (from + padding > length) return fail(ProtocolError);
      const on = prioritized ? payload.readUInt32BE(Number(padded)) % 2 ** 31 : -1;
      const bytes = payload.subarray(from, length - padding);
      const ended = (flags & 1) !== 0;
      if ((flags & 4) === 0) block = { id, bytes, ended, on, frames: 0 };
      else if (bytes.length === 0) return fail(FrameSizeError);
      else record.onHeaders(id, bytes, 0, bytes.length, ended, on);
    } else if (type === 2) {
      if (id === 0) return fail(ProtocolError);
      if (payload.readUInt32BE(0) % 2 ** 31 === id) record.onStreamError(id, ProtocolError, '');
    } else if (type === 3) {
      if (id === 0) return fail(ProtocolError);
      record.onReset(id, payload.readUInt32BE(0));
    } else if (type === 4) {
      if (id !== 0) return fail(ProtocolError);
      if ((flags & 1) !== 0) {
        if (length > 0) return fail(FrameSizeError);
        record.onSettingsAck();
        continue;
      }
      if (length % 6 > 0) return fail(FrameSizeError);
      for (let i = 0; i < length; i += 6) record.onSetting(payload.readUInt16BE(i), payload.readUInt32BE(i + 2));
      record.onSettings();
    } else if (type === 6) {
      if (id !== 0) return fail(ProtocolError);
      const [high, low] = [payload.readUInt32BE(0), payload.readUInt32BE(4)];
      if ((flags & 1) !== 0) record.onPingAck(high, low);
      else record.onPing(high, low);
    } else if (type === 7) {
      if (id !== 0) return fail(ProtocolError);
      if (length < 8) return fail(FrameSizeError);
      record.onGoaway(payload.readUInt32BE(0) % 2 ** 31, payload.readUInt32BE(4), payload.latin1Slice(8));
    } else if (type === 8) {
      const increment = payload.readUInt32BE(0) % 2 ** 31;
      if (increment > 0) record.onWindowUpdate(id, increment);
      else if (id > 0) record.onStreamError(id, ProtocolError, '');
      else return fail(ProtocolError);
    }
  }
  record.flush();
  return record.lines;
}

function withoutReasons(lines: readonly string[]): string[] {
  return lines.map((line) => (/^(?:stream|connection) error/.test(line) ? line.replace(/:.*$/s, ': ') : line));
}

export function checkHttp2Frames(text: string, cuts: readonly number[]): void {
  const model = new EventRecord();
  const expected = expectedEvents(text, model);
  for (const pieces of [[text], cutAt(text, cuts)]) {
    const record = new EventRecord();
    const reader = new FrameReader(record, OPTIONS);
    for (const piece of pieces) {
      const bytes = Buffer.from(piece, 'latin1');
      reader.feed(bytes, 0, bytes.length);
      bytes.fill(0xee);
    }
    record.flush();
    assert.deepEqual(withoutReasons(record.lines), expected);
    assert.equal(record.counted, model.counted);
    assert.equal(reader.stopped, expected.at(-1)?.startsWith('connection error') === true);
  }
}

const PAYLOADS: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('\x82\x84\x86\x41\x01a', 'latin1'),
  Buffer.from('\x02abcdefgh', 'latin1'),
  // Padding of all bytes, and of one too many, in DATA and HEADERS.
  Buffer.from('\x02ab', 'latin1'),
  Buffer.from('\x03ab', 'latin1'),
  Buffer.of(0),
  Buffer.of(1),
  uint32(0),
  uint32(1),
  uint32(0x7fffffff),
  Buffer.concat([uint32(3), Buffer.of(9)]),
  uint32(1, 2),
  Buffer.concat([uint32(1, 2), Buffer.from('debug')]),
  Buffer.alloc(300, 'x'),
  Buffer.alloc(1500, 'y'),
];
const TYPES = [...Object.values(FrameType), 10, 200];

/** Frames whose payload fits their type, and others. */
const FRAMES: readonly string[] = [
  ...TYPES.flatMap((type) =>
    [0, 1, 3].flatMap((stream) =>
      [0, Flag.EndStream, Flag.EndHeaders, Flag.Padded, Flag.EndHeaders | Flag.EndStream, 0x2d].flatMap((flags) =>
        PAYLOADS.map((payload) => frame(type, flags, stream, payload).latin1Slice()),
      ),
    ),
  ),
  settingsFrame([
    [1, 0],
    [4, 65536],
  ]).latin1Slice(),
];

/** Frames after which a connection goes on. */
const VALID = FRAMES.filter((text) => !expectedEvents(text).at(-1)?.startsWith('connection error'));

function made(random: Random): string {
  let text = '';
  for (let i = random.below(8); i >= 0; i--) text += random.of(random.below(30) === 0 ? FRAMES : VALID);
  return random.below(3) === 0
    ? text
    : mutatedBytes([text, random.of(FRAMES)], ['\0', '\x01', '\xff', '\0\0\0'], random);
}

export const http2Frames: FuzzTarget = {
  name: 'http2-frames',
  make: made,
  check: (text, random) => checkHttp2Frames(text, places(random)),
};

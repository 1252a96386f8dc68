/** Frames for the traffic tap, whenever it becomes active and however the bytes are split. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapSettings } from '../../src/library/tap-subscription.js';
import { TapFeed } from '../../src/tap/feed.js';
import type { TapRow } from '../../src/tap/rows.js';
import { Tap } from '../../src/tap/tap.js';
import { FrameTap } from '../../src/tunnel/frame-tap.js';
import { FrameReader } from '../../src/websocket/frame-reader.js';
import { encode, type TestFrame } from '../websocket/stage-harness.js';

const FRAMES: readonly TestFrame[] = [
  { opcode: 1, payload: Buffer.from('hello') },
  { opcode: 9, payload: Buffer.alloc(0) },
  { opcode: 2, fin: false, payload: Buffer.from('first part') },
  { opcode: 10, payload: Buffer.from('pong') },
  { opcode: 0, payload: Buffer.from(' and last part') },
  { opcode: 1, rsv: 4, payload: Buffer.from('compressed') },
  { opcode: 1, payload: Buffer.from('x'.repeat(200)) },
  { opcode: 8, payload: Buffer.from('\x03\xe8bye', 'latin1') },
];

const LIMIT = 12;

function text({ opcode, fin = true, rsv = 0, payload }: TestFrame): string {
  const bytes = Buffer.from(payload ?? []);
  return `${opcode} ${fin} ${rsv} ${bytes.length} ${bytes.subarray(0, LIMIT).latin1Slice()}`;
}

async function rowsOf(run: (tap: Tap) => void): Promise<string[]> {
  const tap = new Tap();
  const rows: TapRow[] = [];
  const feed = new TapFeed(tapSettings({ payload: LIMIT }), async (batch) => void rows.push(...batch));
  tap.add(feed);
  run(tap);
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
  return rows.map((row) => {
    assert.ok(row.type === 'frame');
    return `${row.opcode} ${row.fin} ${row.rsv} ${row.length} ${Buffer.from(row.payload ?? []).latin1Slice()}`;
  });
}

for (const masked of [false, true]) {
  const encoded = FRAMES.map((frame) => encode(frame, masked));
  const bytes = Buffer.concat(encoded);
  const sender = masked ? 'client' : 'upstream';

  test(`each frame of the ${sender} has one row, with every split of the stream`, async () => {
    for (let split = 1; split < bytes.length; split++) {
      const rows = await rowsOf((tap) => {
        const frames = new FrameTap(tap, 'x', sender, new FrameReader());
        frames.push(bytes, 0, split);
        frames.push(bytes, split, bytes.length);
      });
      assert.deepEqual(rows, FRAMES.map(text));
    }
    const single = await rowsOf((tap) => {
      const frames = new FrameTap(tap, 'x', sender, new FrameReader());
      for (let at = 0; at < bytes.length; at++) frames.push(bytes, at, at + 1);
    });
    assert.deepEqual(single, FRAMES.map(text));
  });

  test(`a tap that begins anywhere in the stream of the ${sender} sees the frames that follow`, async () => {
    for (let from = 0; from <= bytes.length; from++) {
      const own = new FrameReader();
      own.skip(bytes, 0, from);
      const rows = await rowsOf((tap) => {
        new FrameTap(tap, 'x', sender, own).push(bytes, from, bytes.length);
      });
      // A frame whose header is incomplete has a row.
      let at = 0;
      const expected = FRAMES.filter((_, i) => {
        const payload = FRAMES[i]?.payload?.length ?? 0;
        const headerEnd = at + (encoded[i]?.length ?? 0) - payload;
        at += encoded[i]?.length ?? 0;
        return from < headerEnd;
      });
      assert.deepEqual(rows, expected.map(text), `from ${from}`);
      // The tunnel's own reader is not disturbed.
      own.skip(bytes, from, bytes.length);
      assert.equal(own.counts.frames, FRAMES.length);
      assert.equal(own.closeCode, 1000);
      assert.equal(own.closeReason, 'bye');
    }
  });
}

test('a tap that was inactive meanwhile is not current', () => {
  const tap = new Tap();
  const feed = (): TapFeed => new TapFeed(tapSettings({}), async () => {});
  const one = feed();
  tap.add(one);
  const frames = new FrameTap(tap, 'x', 'client', new FrameReader());
  const two = feed();
  tap.add(two);
  tap.remove(one);
  assert.equal(frames.isCurrent, true);
  tap.remove(two);
  tap.add(feed());
  assert.equal(frames.isCurrent, false);
});

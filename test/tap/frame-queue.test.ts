/** Short frames of the traffic tap, which are published at the end of the event loop's turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { PublishedRow } from '../../src/tap/published-rows.js';
import { Tap, type TapSink } from '../../src/tap/tap.js';
import { encode } from '../websocket/stage-harness.js';

/** A sink that describes the rows it receives. */
class Rows implements TapSink {
  readonly frames = 'all';
  readonly withRecords = false;
  readonly withMessages = false;
  readonly texts: string[] = [];
  closed = false;
  constructor(readonly payloadSize: number) {}

  add(row: PublishedRow): void {
    assert.equal(this.closed, false);
    if (row.type !== 'frame') this.texts.push(row.type);
    else {
      const { id, from, opcode, mask, length, payload, size } = row;
      this.texts.push(`${id} ${from} ${opcode} ${mask} ${length} ${payload.latin1Slice(0, size)}`);
    }
  }

  close(): void {
    this.closed = true;
  }
}

function publish(tap: Tap, id: string, text: string, masked = false, opcode = 1): Buffer {
  const bytes = encode({ opcode, payload: Buffer.from(text) }, masked);
  assert.equal(tap.publishShortFrames(id, masked, bytes, 0, bytes.length), bytes.length);
  return bytes;
}

test('frames are published in order at the end of the turn, however many there are', async () => {
  const tap = new Tap();
  const sink = new Rows(200);
  tap.add(sink);
  const expected: string[] = [];
  for (let i = 0; i < 1000; i++) {
    const text = String(i).padEnd(i % 126, 'x');
    publish(tap, `id-${i % 7}`, text, false, 1 + (i % 2));
    expected.push(`id-${i % 7} upstream ${1 + (i % 2)} null ${text.length} ${text}`);
  }
  assert.ok(sink.texts.length < 1000);
  await setImmediate();
  assert.deepEqual(sink.texts, expected);
  publish(tap, 'next', 'turn');
  await setImmediate();
  assert.equal(sink.texts.length, 1001);
});

test('masked payloads are unmasked, and cut to the length that subscribers need', async () => {
  const tap = new Tap();
  const sink = new Rows(5);
  tap.add(sink);
  const bytes = publish(tap, 'a', 'hello world', true);
  await setImmediate();
  const [, , , mask, ...rest] = sink.texts[0]?.split(' ') ?? [];
  assert.deepEqual(rest, ['11', 'hello']);
  assert.equal(Number(mask), bytes.readUInt32BE(2));
});

test('queued frames precede other rows and changes of the subscribers', () => {
  const tap = new Tap();
  const first = new Rows(0);
  tap.add(first);
  publish(tap, 'a', 'one');
  tap.publish({ type: 'event', id: 'e', time: 0, length: 0, payload: Buffer.alloc(0) });
  assert.deepEqual(first.texts, ['a upstream 1 null 3 ', 'event']);
  publish(tap, 'a', 'two!');
  const second = new Rows(10);
  tap.add(second);
  publish(tap, 'a', 'three');
  tap.remove(first);
  assert.deepEqual(first.texts.slice(2), ['a upstream 1 null 4 ', 'a upstream 1 null 5 three']);
  assert.deepEqual(second.texts, ['a upstream 1 null 5 three']);
});

test('bytes that are no complete, unfragmented, uncompressed short message are left', () => {
  const tap = new Tap();
  tap.add(new Rows(0));
  const short = encode({ opcode: 1, payload: Buffer.from('short') }, true);
  for (const other of [
    encode({ opcode: 1, payload: Buffer.alloc(126) }, true),
    encode({ opcode: 1, fin: false, payload: Buffer.alloc(1) }, true),
    encode({ opcode: 1, rsv: 4, payload: Buffer.alloc(1) }, true),
    encode({ opcode: 9, payload: Buffer.alloc(1) }, true),
    short.subarray(0, short.length - 1),
    short.subarray(0, 1),
  ]) {
    const bytes = Buffer.concat([short, short, other]);
    assert.equal(tap.publishShortFrames('a', true, bytes, 0, bytes.length), 2 * short.length);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveWindow, SendWindow } from '../../src/http2/flow-window.js';
import { PREFACE } from '../../src/http2/frame-types.js';
import { FrameWriter } from '../../src/http2/frame-writer.js';
import { PeerSettings } from '../../src/http2/settings.js';
import type { Transport } from '../../src/net/transport.js';
import { CLIENT, eventsOf } from './frames.js';

/** A transport that records writes; only what a writer uses. */
class Written {
  readonly writes: Buffer[] = [];
  waiting = false;
  bytesWritten = 0;
  pending = 0;

  writeBorrowed(bytes: Buffer, start: number, end: number): boolean {
    this.writes.push(Buffer.from(bytes.subarray(start, end)));
    this.bytesWritten += end - start;
    // The memory belongs to the writer again.
    bytes.fill(0xee, start, end);
    return !this.waiting;
  }
  writer(): FrameWriter {
    return new FrameWriter(this as unknown as Transport);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the frames of a turn are one write, and a reader reads them', async () => {
  const transport = new Written();
  const writer = transport.writer();
  writer.text(PREFACE);
  writer.settings([
    [3, 128],
    [4, 0x7fffffff],
  ]);
  writer.settingsAck();
  writer.windowUpdate(0, 0x7fff0000);
  writer.headers(1, Buffer.from('abc'), 1, 3, false);
  writer.data(1, Buffer.from('hello'), 1, 5, false);
  queueMicrotask(() => {
    writer.dataText(1, 'r\xe9sum\xe9', 0, 6, false);
    writer.data(1, Buffer.alloc(0), 0, 0, true);
    writer.ping(0xffffffff, 1);
    writer.pingAck(0, 0x80000000);
    writer.reset(3, 8);
    writer.goaway(5, 11, 'calm');
  });
  assert.equal(writer.pending, writer.bytesWritten);
  await turn();
  assert.equal(transport.writes.length, 1);
  assert.equal(writer.pending, 0);
  assert.equal(writer.bytesWritten, transport.writes[0]?.length);
  assert.deepEqual(eventsOf(transport.writes, { ...CLIENT, preface: true }).lines, [
    'setting 3 128',
    'setting 4 2147483647',
    'settings',
    'settings ack',
    'window 0 2147418112',
    'headers 1 6263',
    'data 1 ellor\xe9sum\xe9 ended',
    'ping 4294967295 1',
    'ping ack 0 2147483648',
    'reset 3 8',
    'goaway 5 11 calm',
  ]);
  await turn();
  assert.equal(transport.writes.length, 1);
});

test('blocks and payloads larger than a frame are split, and a full buffer is written at once', async () => {
  const transport = new Written();
  const writer = transport.writer();
  const block = Buffer.alloc(40_000, 'h');
  const payload = Buffer.alloc(400_000, 'p');
  writer.headers(1, block, 0, block.length, true);
  writer.data(3, payload, 0, payload.length, false);
  writer.dataText(3, payload.latin1Slice(), 0, payload.length, true);
  assert.ok(transport.writes.length >= 5);
  assert.ok(writer.pending < 131_073);
  await turn();
  const { lines } = eventsOf(transport.writes);
  assert.deepEqual(lines, [`headers 1 ${block.toString('hex')} ended`, `data 3 ${'p'.repeat(800_000)} ended`]);

  const large = new Written();
  const other = large.writer();
  other.maxFrameSize = 16_777_215;
  other.headers(1, block, 0, block.length, true);
  other.data(3, payload, 0, payload.length, true);
  await turn();
  const options = { ...CLIENT, maxFrameSize: 16_777_215 };
  assert.deepEqual(eventsOf(large.writes, options).lines, [lines[0], `data 3 ${'p'.repeat(400_000)} ended`]);
});

test('a writer reports that its peer is slow', async () => {
  const transport = new Written();
  const writer = transport.writer();
  assert.equal(writer.data(1, Buffer.from('x'), 0, 1, false), true);
  transport.waiting = true;
  assert.equal(writer.data(1, Buffer.from('x'), 0, 1, false), false);
  assert.equal(writer.dataText(1, 'x', 0, 1, false), false);
  assert.equal(writer.flush(), false);
  await turn();
});

test('a send window overflows above 2^31 - 1, and may be negative', () => {
  const window = new SendWindow(65535);
  assert.ok(window.add(0x7fffffff - 65535));
  assert.ok(!window.add(1));
  assert.equal(window.available, 0x7fffffff);
  window.take(0x7fffffff);
  assert.ok(window.add(-65535));
  assert.equal(window.available, -65535);
});

test('a receive window is exceeded by one byte, and is reopened when half of it was consumed', () => {
  const window = new ReceiveWindow(100);
  assert.ok(window.receive(60));
  assert.ok(!window.receive(41));
  assert.equal(window.consume(49), 0);
  assert.equal(window.available, 40);
  assert.equal(window.consume(1), 50);
  assert.equal(window.available, 90);
  assert.equal(window.reopen(), 0);
  assert.equal(window.consume(10), 0);
  assert.equal(window.reopen(), 10);
  assert.equal(window.available, 100);
  assert.equal(window.resize(1000), 900);
  assert.equal(window.available, 1000);
  // A smaller window closes as its bytes are used.
  assert.equal(window.resize(100), 0);
  assert.ok(window.receive(950));
  assert.equal(window.consume(950), 50);
  assert.equal(window.available, 100);
});

test('parameters of the peer are applied or refused', () => {
  const settings = new PeerSettings('client');
  for (const [id, value] of [
    [1, 0],
    [2, 1],
    [3, 0],
    [4, 0x7fffffff],
    [5, 16384],
    [5, 16777215],
    [6, 0xffffffff],
    [8, 1],
    [99, 5],
  ] as const) {
    assert.equal(settings.apply(id, value), 0);
  }
  const { headerTableSize, maxConcurrentStreams, initialWindow, maxFrameSize, maxHeaderListSize, connectProtocol } =
    settings;
  assert.deepEqual(
    [headerTableSize, maxConcurrentStreams, initialWindow, maxFrameSize, maxHeaderListSize, connectProtocol],
    [0, 0, 0x7fffffff, 16777215, 0xffffffff, true],
  );
  for (const [id, value, code] of [
    [2, 2, 1],
    [4, 0x80000000, 3],
    [5, 16383, 1],
    [5, 16777216, 1],
    [8, 2, 1],
    [8, 0, 1],
  ] as const) {
    assert.equal(settings.apply(id, value), code, `${id} ${value}`);
    assert.match(settings.reason, /^client sent SETTINGS frame with incorrect [A-Z_]+ value \d+$/);
  }
});

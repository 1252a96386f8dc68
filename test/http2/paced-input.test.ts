import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { FrameType } from '../../src/http2/frame-types.js';
import { PacedInput } from '../../src/http2/paced-input.js';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { TransportOwner } from '../../src/net/transport.js';
import { CLIENT, EventRecord, frame, uint32 } from './frames.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An input that reads what `other` sends. */
function connect(): {
  record: EventRecord;
  input: PacedInput;
  reader: FrameReader;
  send(bytes: Buffer): void;
  paused(): boolean;
} {
  const record = new EventRecord();
  const reader = new FrameReader(record, CLIENT);
  const idle: TransportOwner = { onConnected() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {} };
  const { outgoing, accepted } = memoryPair(idle, idle);
  const input = new PacedInput(reader, accepted, { inputRead() {} });
  accepted.owner = { ...idle, onBytes: (_transport, bytes, length) => input.receive(bytes, length) };
  const send = (bytes: Buffer): void => {
    outgoing.writeBorrowed(bytes, 0, bytes.length);
  };
  return { record, input, reader, send, paused: () => accepted.paused };
}

const PINGS = Buffer.concat(Array.from({ length: 3000 }, (_, i) => frame(FrameType.Ping, 0, 0, uint32(0, i))));

test('many frames are read over several turns, in their order and completely', async () => {
  const { record, input, send, paused } = connect();
  send(PINGS);
  let most = 0;
  let wasPaused = false;
  for (let before = 0; record.lines.length < 3000; before = record.lines.length) {
    await turn();
    most = Math.max(most, record.lines.length - before);
    wasPaused ||= paused();
  }
  assert.ok(wasPaused);
  assert.ok(most <= 1024, `${most} in a turn`);
  assert.deepEqual(
    record.lines,
    Array.from({ length: 3000 }, (_, i) => `ping 0 ${i}`),
  );
  await turn();
  assert.ok(!input.unread && !paused());
});

test('nothing is read after the reader was stopped, or the input dropped', async () => {
  const stopped = connect();
  const original = stopped.record.onPing.bind(stopped.record);
  stopped.record.onPing = (high, low) => {
    original(high, low);
    if (low === 700) stopped.reader.stop();
  };
  const dropped = connect();
  for (const { send } of [stopped, dropped]) send(PINGS);
  while (dropped.record.lines.length === 0) await turn();
  dropped.reader.stop();
  dropped.input.drop();
  const read = dropped.record.lines.length;
  while (!stopped.reader.stopped) await turn();
  // Longer than the interval after which reading would go on.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stopped.record.lines.length, 701);
  assert.equal(dropped.record.lines.length, read);
  assert.ok(!stopped.input.unread && !dropped.input.unread);
});

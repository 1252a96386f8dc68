/** Writes from memory that is only lent: what the kernel takes at once needs no copy, and the rest is copied before the call returns. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import type net from 'node:net';
import { test } from 'node:test';
import { writeImmediately } from '../../src/net/immediate-write.js';
import { giveSlab, READ_SIZE, slabCounts, takeSlab } from '../../src/net/slabs.js';
import { finish, type Pair, pair, pattern, random } from './sockets.js';

/** Lets the handle be written to as it is in a process that has written before. */
async function warm(it: Pair): Promise<void> {
  it.transport.writeText('warm');
  await once(it.client, 'readable');
  assert.equal(it.client.read()?.toString(), 'warm');
}

/** Writes until the kernel takes no more; returns the bytes that it took. */
function fill(descriptor: number): number {
  const piece = Buffer.alloc(READ_SIZE, 'f');
  let total = 0;
  for (let taken = -1; taken !== 0; total += taken)
    taken = writeImmediately(descriptor, '', piece, 0, piece.length, '');
  return total;
}

/** Reads `count` bytes. */
async function take(socket: net.Socket, count: number): Promise<Buffer> {
  const got: Buffer[] = [];
  let left = count;
  while (left > 0) {
    const data = socket.read() as Buffer | null;
    if (data === null) await once(socket, 'readable');
    else {
      got.push(data);
      left -= data.length;
    }
  }
  assert.equal(left, 0);
  return Buffer.concat(got);
}

test('what the kernel takes at once is not copied, with text around it or without', async () => {
  const it = await pair();
  await warm(it);
  const bytes = pattern(READ_SIZE, 1);
  for (const size of [4097, 16_384, 32_768]) {
    for (const [before, after] of [
      ['', ''],
      ['head', ''],
      ['', 'tail'],
      ['h'.repeat(300), '\r\n'],
    ] as const) {
      const { taken } = slabCounts();
      assert.equal(it.transport.writeFramed(before, bytes, 5, 5 + size, after), true);
      assert.equal(it.transport.pending, 0);
      assert.equal(slabCounts().taken, taken, `a copy of ${size} bytes was made`);
      const expected = Buffer.concat([Buffer.from(before), bytes.subarray(5, 5 + size), Buffer.from(after)]);
      assert.ok((await take(it.client, expected.length)).equals(expected));
    }
  }
  await finish(it);
});

test('text longer than the memory kept for it arrives as it is, one byte for each character', async () => {
  const it = await pair();
  await warm(it);
  const before = Array.from({ length: 20_000 }, (_, i) => String.fromCharCode(i & 255)).join('');
  const bytes = pattern(10_000, 3);
  it.transport.writeFramed(before, bytes, 0, bytes.length, '\xff\r\n');
  const expected = Buffer.concat([Buffer.from(before, 'latin1'), bytes, Buffer.from('\xff\r\n', 'latin1')]);
  assert.ok((await take(it.client, expected.length)).equals(expected));
  await finish(it);
});

test('where the kernel has no room nothing is lost: all of head, bytes and tail waits as a copy', async () => {
  const it = await pair();
  await warm(it);
  const filled = fill(it.transport.descriptor);
  const bytes = pattern(60_000, 4);
  const expected = Buffer.concat([Buffer.from('head'), bytes, Buffer.from('tail')]);
  it.transport.writeFramed('head', bytes, 0, bytes.length, 'tail');
  bytes.fill(0);
  assert.equal(it.transport.pending, expected.length);
  const got = await take(it.client, filled + expected.length);
  assert.ok(got.subarray(filled).equals(expected));
  assert.equal(it.transport.pending, 0);
  await finish(it);
});

test('a write that ends anywhere in the head, the bytes or the tail goes on there', async () => {
  // The kernel determines how much room is left, so the pieces end at varying positions.
  const next = random(77);
  let partial = 0;
  for (let round = 0; round < 40; round++) {
    const it = await pair();
    await warm(it);
    const { descriptor } = it.transport;
    const before = String.fromCharCode(65 + (round % 26)).repeat(1 + next(round % 2 === 0 ? 400_000 : 300));
    const after = 'z'.repeat(next(round % 3 === 0 ? 400_000 : 5));
    const bytes = pattern(4097 + next(300_000), round);
    const expected = [createHash('md5'), 0] as [ReturnType<typeof createHash>, number];
    const got = createHash('md5');
    let received = 0;
    while (it.transport.pending === 0 && descriptor >= 0) {
      const whole = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
      expected[0].update(whole);
      expected[1] += whole.length;
      it.transport.writeFramed(before, bytes, 0, bytes.length, after);
      bytes.reverse();
    }
    if (it.transport.pending < before.length + bytes.length + after.length) partial++;
    bytes.fill(0);
    it.client.on('data', (data: Buffer) => {
      received += data.length;
      got.update(data);
    });
    it.transport.end();
    await once(it.client, 'end');
    assert.equal(received, expected[1]);
    assert.equal(got.digest('hex'), expected[0].digest('hex'));
    assert.equal(it.transport.bytesWritten, received + 4);
    await finish(it);
  }
  assert.ok(partial > 0, 'the kernel took none of these writes in part');
});

test('a reset while bytes are written is told as one, and what was lent is free', async () => {
  for (const owned of [false, true]) {
    const it = await pair();
    await warm(it);
    it.client.resetAndDestroy();
    const bytes = Buffer.alloc(60_000, 1);
    for (let turn = 0; turn < 1000 && !it.transport.closing; turn++) {
      if (owned) it.transport.write(bytes, 'head');
      else it.transport.writeFramed('head', bytes, 0, bytes.length, 'tail');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await it.owner.until(() => it.owner.closed === 1);
    assert.match(it.owner.error?.code ?? '', /^(ECONNRESET|EPIPE)$/);
    assert.equal(it.transport.writeFramed('a', bytes, 0, bytes.length, ''), true);
    await finish(it);
  }
});

test('a reset while a copy waits gives the copy back and tells the owner once', async () => {
  const it = await pair();
  await warm(it);
  fill(it.transport.descriptor);
  const bytes = Buffer.alloc(60_000, 1);
  assert.ok(it.transport.writeFramed('head', bytes, 0, bytes.length, ''));
  assert.ok(it.transport.pending > 0);
  it.client.resetAndDestroy();
  await it.owner.until(() => it.owner.closed === 1);
  const { allocated } = slabCounts();
  const again = takeSlab(60_000);
  assert.equal(slabCounts().allocated, allocated);
  giveSlab(again);
  await finish(it);
});

test('after the end of the own side a write is an error, and not sent around it', async () => {
  const it = await pair();
  await warm(it);
  it.transport.end();
  it.transport.writeFramed('head', Buffer.alloc(9000), 0, 9000, '');
  await it.owner.until(() => it.owner.closed === 1);
  assert.ok(it.owner.error !== null);
  await finish(it);
});

test('a descriptor that is gone is an error, not a write to somebody else', async () => {
  const it = await pair();
  await warm(it);
  it.transport.destroy();
  assert.equal(it.transport.descriptor, -1);
  assert.equal(it.transport.writeFramed('head', Buffer.alloc(9000), 0, 9000, ''), true);
  await finish(it);
  assert.throws(() => writeSync(-1, 'x'));
});

test('slabs have at most four times the bytes that they are for, and are used again', () => {
  for (const length of [4097, 16_384, 16_385, 65_536, 65_537, READ_SIZE]) {
    const slab = takeSlab(length);
    assert.ok(slab.length >= length && slab.length <= 4 * length, `${slab.length} for ${length}`);
    giveSlab(slab);
    const { allocated } = slabCounts();
    const same = takeSlab(length);
    assert.equal(same, slab);
    assert.equal(slabCounts().allocated, allocated);
    giveSlab(same);
  }
  const large = takeSlab(READ_SIZE + 1);
  assert.equal(large.length, READ_SIZE + 1);
  giveSlab(large);
  assert.notEqual(takeSlab(READ_SIZE + 1), large);
});

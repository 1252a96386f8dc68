/** Writes of several borrowed pieces, and of bytes that stay in the read buffer until the end of a read. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { Flag, FRAME_HEADER } from '../../src/http2/frame-types.js';
import { FrameWriter } from '../../src/http2/frame-writer.js';
import { atReadEnd, beginRead, endRead, readBuffer, staysUntilReadEnd } from '../../src/net/read-buffer.js';
import { slabCounts } from '../../src/net/slabs.js';
import type { Transport } from '../../src/net/transport.js';
import { eventsOf } from '../http2/frames.js';
import { closing, finish, Noting, type Pair, pair, pattern, random } from './sockets.js';

async function warm(it: Pair): Promise<void> {
  it.transport.writeText('warm');
  await once(it.client, 'readable');
  assert.equal(it.client.read()?.toString(), 'warm');
}

test('pieces that the kernel accepts in part are continued with a copy of the rest', async () => {
  const next = random(5);
  let partial = 0;
  for (let round = 0; round < 25; round++) {
    const it = await pair();
    await warm(it);
    const sent = createHash('md5');
    let length = 0;
    const pieces = Array.from({ length: 1 + next(40) }, (_, i) => pattern(next(3) === 0 ? 9 : next(60_000), round + i));
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    for (let writes = 0; it.transport.pending === 0 && writes < 10_000; writes++) {
      for (const piece of pieces) sent.update(piece);
      length += size;
      it.transport.writePieces(pieces, size);
    }
    // A further write waits behind the copy.
    for (const piece of pieces) sent.update(piece);
    length += size;
    if (it.transport.pending < size) partial++;
    it.transport.writePieces(pieces, size);
    for (const piece of pieces) piece.fill(0);
    const got = createHash('md5');
    let received = 0;
    it.client.on('data', (data: Buffer) => {
      received += data.length;
      got.update(data);
    });
    it.transport.end();
    await once(it.client, 'end');
    assert.equal(received, length);
    assert.equal(got.digest('hex'), sent.digest('hex'));
    assert.equal(it.transport.bytesWritten, length + 4);
    await finish(it);
  }
  assert.ok(partial > 0, 'the kernel accepted none of these writes in part');
});

test('pieces for a transport that has failed are ignored, and a failure is reported once', async () => {
  const it = await pair();
  await warm(it);
  it.client.resetAndDestroy();
  const bytes = Buffer.alloc(30_000, 1);
  for (let turn = 0; turn < 1000 && !it.transport.closing; turn++) {
    it.transport.writePieces([bytes, bytes], 60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await it.owner.until(() => it.owner.closed === 1);
  assert.match(it.owner.error?.code ?? '', /^(ECONNRESET|EPIPE)$/);
  assert.equal(it.transport.writePieces([bytes], bytes.length), true);
  await finish(it);
});

/** Sends what it receives as DATA to another transport. */
class Forwarding extends Noting {
  forwarded = 0;
  constructor(
    private readonly writer: FrameWriter,
    private readonly to: Transport,
  ) {
    super();
  }
  override onBytes(transport: Transport, bytes: Buffer, length: number): void {
    const { writer, to } = this;
    const before = to.bytesWritten;
    for (let at = 0; at < length; at += 8192) writer.data(1, bytes, at, Math.min(length, at + 8192), false);
    writer.ping(0, 1);
    assert.equal(to.bytesWritten, before, 'written before the end of the read');
    this.forwarded += length;
    super.onBytes(transport, bytes, length);
  }
}

test('DATA of a read is written at its end, without a copy', async () => {
  const from = await pair();
  const to = await pair();
  await warm(to);
  const writer = new FrameWriter(to.transport);
  const forwarding = new Forwarding(writer, to.transport);
  from.transport.owner = forwarding;
  const body = pattern(400_000, 9);
  const received: Buffer[] = [];
  to.client.on('data', (data: Buffer) => received.push(data));
  const { taken } = slabCounts();
  from.client.write(body);
  await forwarding.until(() => forwarding.forwarded === body.length);
  assert.equal(writer.pending, to.transport.pending);
  assert.equal(writer.endStream(1), false);
  writer.data(1, body, 0, 0, true);
  await new Promise((resolve) => setImmediate(resolve));
  to.transport.end();
  await once(to.client, 'end');
  const { lines } = eventsOf(received);
  const text = lines.map((line) => (line.startsWith('data 1 ') ? line.slice(7).replace(/ ended$/, '') : '')).join('');
  assert.equal(Buffer.from(text, 'latin1').compare(body), 0);
  assert.match(lines.at(-1) ?? '', /ended$/);
  assert.ok(lines.includes('ping 0 1'));
  // For the frame headers only: payloads alone would be at least eight more, of the size of reads.
  assert.ok(slabCounts().taken - taken <= 2 * forwarding.received.length + 2);
  to.transport.destroy();
  to.client.destroy();
  await to.owner.until(() => to.owner.closed === 1);
  await closing(to.server);
  await finish({ ...from, owner: forwarding });
});

/** Records the pieces of each write. */
class Pieces {
  readonly writes: string[] = [];
  readonly lengths: number[][] = [];
  waiting = false;
  bytesWritten = 0;
  pending = 0;
  writeBorrowed(bytes: Buffer, start: number, end: number): boolean {
    this.writes.push(bytes.latin1Slice(start, end));
    return true;
  }
  writePieces(pieces: readonly Buffer[], length: number): boolean {
    const whole = Buffer.concat(pieces as Buffer[]);
    assert.equal(whole.length, length);
    this.writes.push(whole.latin1Slice());
    this.lengths.push(pieces.map((piece) => piece.length));
    return true;
  }
}

test('frames keep their order around those that are not copied, and the last one gets END_STREAM', () => {
  const transport = new Pieces();
  const writer = new FrameWriter(transport as unknown as Transport);
  pattern(20_000, 1).copy(readBuffer);
  const expected = Buffer.from(readBuffer.subarray(0, 20_000)).latin1Slice();
  beginRead();
  writer.headers(1, Buffer.from('abc'), 0, 3, false);
  writer.data(1, readBuffer, 0, 10_000, false);
  writer.data(3, Buffer.from('own memory'), 0, 10, true);
  writer.data(1, readBuffer.subarray(10_000, 20_000), 0, 10_000, false);
  assert.equal(writer.pending, 20_000 + 10 + 3 + 4 * FRAME_HEADER);
  assert.equal(writer.endStream(1), true);
  assert.deepEqual(transport.writes, []);
  endRead();
  readBuffer.fill(0, 0, 20_000);
  assert.deepEqual(transport.lengths, [[12 + FRAME_HEADER, 10_000, 10 + 2 * FRAME_HEADER, 10_000]]);
  assert.deepEqual(eventsOf([Buffer.from(transport.writes[0] ?? '', 'latin1')]).lines, [
    'headers 1 616263',
    `data 1 ${expected.slice(0, 10_000)}`,
    'data 3 own memory ended',
    `data 1 ${expected.slice(10_000)} ended`,
  ]);
  assert.equal((transport.writes[0] ?? '').charCodeAt(12 + 3 * FRAME_HEADER + 10_010 - 5) & Flag.EndStream, 1);
  assert.equal(writer.pending, 0);
});

test('small payloads, those of other memory, and all outside a read are copied', () => {
  const transport = new Pieces();
  const writer = new FrameWriter(transport as unknown as Transport);
  readBuffer.fill('a', 0, 20_000);
  writer.data(1, readBuffer, 0, 10_000, false);
  readBuffer.fill('b', 0, 20_000);
  beginRead();
  writer.data(1, readBuffer, 0, 4095, false);
  writer.data(1, Buffer.alloc(5000, 'c'), 0, 5000, true);
  endRead();
  readBuffer.fill('d', 0, 20_000);
  assert.deepEqual(transport.writes, []);
  writer.flush();
  const { lines } = eventsOf([Buffer.from(transport.writes.join(''), 'latin1')]);
  assert.deepEqual(lines, [`data 1 ${'a'.repeat(10_000)}${'b'.repeat(4095)}${'c'.repeat(5000)} ended`]);
  assert.deepEqual(transport.lengths, []);
});

test('more frames than fit into one write of pieces are sent completely', () => {
  const transport = new Pieces();
  const writer = new FrameWriter(transport as unknown as Transport);
  pattern(readBuffer.length, 3).copy(readBuffer);
  const expected = readBuffer.latin1Slice();
  beginRead();
  for (let pass = 0; pass < 5; pass++) {
    for (let at = 0; at < readBuffer.length; at += 4096) {
      writer.data(1, readBuffer, at, at + 4096, false);
      // So that the memory of the output has to be enlarged while it is in use.
      writer.headers(3, Buffer.alloc(700), 0, 700, false);
    }
  }
  endRead();
  writer.flush();
  readBuffer.fill(0);
  const { lines } = eventsOf([Buffer.from(transport.writes.join(''), 'latin1')]);
  const text = lines.map((line) => (line.startsWith('data 1 ') ? line.slice(7) : '')).join('');
  assert.ok(text === expected.repeat(5));
});

test('an exception of a listener at the end of a read does not prevent the calls of the others', (t) => {
  const later: (() => void)[] = [];
  const called: string[] = [];
  beginRead();
  assert.equal(staysUntilReadEnd(readBuffer.subarray(5, 10)), true);
  assert.equal(staysUntilReadEnd(Buffer.alloc(10)), false);
  atReadEnd({ readEnded: () => called.push('first') });
  atReadEnd({
    readEnded: () => {
      throw new Error('wrong');
    },
  });
  const { mock } = t.mock.method(process, 'nextTick', (call: () => void) => later.push(call));
  endRead();
  mock.restore();
  assert.deepEqual(called, ['first']);
  assert.equal(later.length, 1);
  assert.throws(() => later[0]?.(), /wrong/);
  assert.equal(staysUntilReadEnd(readBuffer), false);
});

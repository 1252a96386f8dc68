import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { canWriteDirectly } from '../../src/net/direct-write.js';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { openTransports } from '../../src/net/transport.js';
import { closing, finish, listening, Noting, pair, pattern, random, target } from './sockets.js';

/** The mark at which a write says false. */
const PENDING_MAX = 65536;

for (const pace of ['fast', 'slow', 'late']) {
  test(`lent bytes arrive as they were lent, at a ${pace} reader`, async () => {
    const it = await pair();
    const next = random(pace.length);
    const sizes = [0, 1, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, 131072, 300_000];
    for (let i = 0; i < 60; i++) sizes.push(next([100, 5000, 70_000, 300_000][i % 4] as number));
    const got: Buffer[] = [];
    let total = 0;
    it.client.on('data', (data: Buffer) => {
      got.push(data);
      total += data.length;
      if (pace === 'slow') {
        it.client.pause();
        setImmediate(() => it.client.resume());
      }
    });
    if (pace === 'late') it.client.pause();
    const sent: Buffer[] = [];
    for (const [i, size] of sizes.entries()) {
      const offset = next(50);
      const lent = Buffer.concat([Buffer.alloc(offset, 1), pattern(size, i), Buffer.alloc(7, 2)]);
      sent.push(Buffer.from(lent.subarray(offset, offset + size)));
      const drained = it.owner.drained;
      const more = it.transport.writeBorrowed(lent, offset, offset + size);
      // The lender uses his bytes for something else.
      lent.fill(0xee);
      if (!more) {
        if (pace === 'late') it.client.resume();
        await it.owner.until(() => it.owner.drained > drained);
      }
    }
    const all = Buffer.concat(sent);
    it.transport.end();
    it.client.resume();
    await once(it.client, 'end');
    assert.equal(total, all.length);
    assert.ok(Buffer.concat(got).equals(all));
    assert.equal(it.transport.bytesWritten, all.length);
    await finish(it);
  });
}

test('buffers for copies are not used again while the kernel has not taken all of them', async () => {
  const all = await Promise.all(Array.from({ length: 12 }, () => pair()));
  const next = random(5);
  const sent = all.map((): Buffer[] => []);
  const got = all.map((): Buffer[] => []);
  for (const [i, { client }] of all.entries()) {
    client.pause();
    client.on('data', (data: Buffer) => got[i]?.push(data));
  }
  const lent = Buffer.alloc(65536);
  for (let round = 0; round < 300; round++) {
    const i = next(all.length);
    // A third of the readers has not begun to read: what is written to them waits, whatever the sender was told.
    if (round === 20) for (const [k, { client }] of all.entries()) if (k % 3 !== 0) client.resume();
    const size = 4097 + next(65536 - 4097);
    pattern(size, round).copy(lent);
    sent[i]?.push(Buffer.from(lent.subarray(0, size)));
    all[i]?.transport.writeBorrowed(lent, 0, size);
    lent.fill(round);
    if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const [i, { client, transport }] of all.entries()) {
    transport.end();
    client.resume();
    if (!client.readableEnded) await once(client, 'end');
    assert.ok(Buffer.concat(got[i] ?? []).equals(Buffer.concat(sent[i] ?? [])), `reader ${i}`);
  }
  for (const [i, it] of all.entries()) {
    const closed = closing(it.server);
    it.transport.destroy();
    it.client.destroy();
    await closed;
    await it.owner.until(() => it.owner.closed === 1);
    assert.equal(it.owner.closed, 1, String(i));
  }
  assert.equal(openTransports(), 0);
});

test('text, lent, framed and owned bytes keep their order', async () => {
  const it = await pair();
  const got: Buffer[] = [];
  it.client.on('data', (data: Buffer) => got.push(data));
  const next = random(9);
  const sent: Buffer[] = [];
  for (let i = 0; i < 400; i++) {
    const bytes = pattern(next(i % 20 === 0 ? 200_000 : 9000), i);
    const [before, after] = [`<${i}>`.repeat(next(9)), `</${i}>`.repeat(next(3))];
    const kind = i % 5;
    const framed = [kind > 2 ? before : '', bytes, kind === 3 ? after : ''];
    sent.push(Buffer.concat(framed.map((part) => Buffer.from(part))));
    let more: boolean;
    const drained = it.owner.drained;
    if (kind === 0) more = it.transport.writeText(bytes.latin1Slice(0, bytes.length));
    else if (kind === 1) more = it.transport.write(bytes);
    else if (kind === 4) more = it.transport.write(bytes, before);
    else {
      if (kind === 2) more = it.transport.writeBorrowed(bytes, 0, bytes.length);
      else more = it.transport.writeFramed(before, bytes, 0, bytes.length, after);
      bytes.fill(0);
    }
    if (!more) await it.owner.until(() => it.owner.drained > drained);
  }
  it.transport.end();
  await once(it.client, 'end');
  assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
  await finish(it);
});

test('bytes that are owned are not written into when they have been sent', async () => {
  const it = await pair();
  const owned = pattern(65536, 8);
  const same = Buffer.from(owned);
  while (it.transport.write(owned));
  it.client.resume();
  await it.owner.until(() => it.owner.drained > 0);
  const lent = Buffer.alloc(60_000, 1);
  for (let i = 0; i < 20; i++) it.transport.writeBorrowed(lent, 0, lent.length);
  assert.ok(owned.equals(same));
  await finish(it);
});

test('what is written behind a write that waits is told of as well, once', async () => {
  const it = await pair();
  it.client.pause();
  const piece = Buffer.alloc(65536, 3);
  let written = 0;
  do written += piece.length;
  while (it.transport.write(piece));
  it.transport.writeText('a');
  it.transport.writeBorrowed(piece, 0, 5000);
  written += 5001;
  let flushed = 0;
  it.transport.whenFlushed(() => {
    flushed++;
  });
  it.client.resume();
  await it.owner.until(() => it.owner.drained > 0);
  assert.deepEqual([it.transport.pending, flushed], [0, 1]);
  it.transport.end();
  await once(it.client, 'end');
  assert.deepEqual([it.client.bytesRead, it.owner.drained, flushed], [written, 1, 1]);
  await finish(it);
});

test('handles are written to directly', () => {
  assert.ok(canWriteDirectly(), 'this version of Node is not known');
});

test('writes that the kernel takes at the second try are not taken for ones of the first', {
  timeout: 60_000,
}, async () => {
  // A reader in another process makes room between the two tries.
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = target(server) as net.TcpNetConnectOpts;
  const script = `
    const hash = require('node:crypto').createHash('md5');
    const socket = require('node:net').connect(${port}, '127.0.0.1');
    socket.on('data', (data) => hash.update(data)).on('end', () => console.log(hash.digest('hex')));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = text(child.stdout);
  const hash = createHash('md5');
  const owner = new Noting();
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const transport = SocketTransport.adopt(socket, owner);
  const lent = Buffer.alloc(65536);
  for (let i = 0; i < 4000; i++) {
    const length = 5000 + ((i * 7919) % 60_000);
    lent.fill(i & 255, 0, length);
    hash.update(lent.subarray(0, length));
    const { drained } = owner;
    const more = transport.writeBorrowed(lent, 0, length);
    lent.fill(0xee, 0, length);
    if (!more) await owner.until(() => owner.drained > drained || owner.closed > 0);
  }
  transport.end();
  assert.equal((await output).trim(), hash.digest('hex'));
  await owner.until(() => owner.closed === 1);
  assert.equal(owner.error, null);
  await closing(server);
});

test('a reader that does not read makes writes say false, and what waits is bounded', async () => {
  const it = await pair();
  const piece = Buffer.alloc(16384, 7);
  let written = 0;
  for (let round = 0; round < 3; round++) {
    const { drained } = it.owner;
    let more = true;
    while (more) {
      more = it.transport.writeBorrowed(piece, 0, piece.length);
      written += piece.length;
      assert.ok(it.transport.pending < PENDING_MAX + piece.length, `${it.transport.pending} bytes wait`);
      assert.equal(more, it.transport.pending < PENDING_MAX || it.transport.pending === 0);
      assert.ok(written < 100_000_000);
    }
    assert.ok(it.transport.waiting);
    assert.equal(it.owner.drained, drained);
    // Writes that come in spite of it ask for no second drain.
    it.transport.writeText('more');
    it.transport.writeBorrowed(piece, 0, piece.length);
    written += 4 + piece.length;
    it.client.resume();
    await it.owner.until(() => it.owner.drained > drained);
    assert.deepEqual([it.transport.pending, it.transport.waiting], [0, false]);
    it.client.pause();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(it.owner.drained, drained + 1);
  }
  it.client.resume();
  it.transport.end();
  await once(it.client, 'end');
  assert.equal(it.client.bytesRead, written);
  await finish(it);
});

test('a write that the kernel takes whole is no reason to stop, whatever its size', async () => {
  const it = await pair();
  it.client.resume();
  // 100 KiB fit into the buffers of a loopback connection.
  assert.equal(it.transport.write(Buffer.alloc(102_400)), it.transport.pending === 0);
  assert.equal(it.transport.waiting, it.transport.pending !== 0);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  if (!it.transport.waiting) assert.equal(it.owner.drained, it.transport.pending === 0 ? it.owner.drained : 0);
  await finish(it);
});

test('destroySoon sends what waits and closes, with a client that never ends', async () => {
  const it = await pair();
  const got: Buffer[] = [];
  const all = pattern(5_000_000, 2);
  it.transport.write(all);
  it.transport.destroySoon();
  it.client.on('data', (data: Buffer) => got.push(data));
  await once(it.client, 'end');
  await it.owner.until(() => it.owner.closed === 1);
  assert.ok(Buffer.concat(got).equals(all));
  await finish(it);
});

test('whenFlushed calls back once: at once, after the bytes, after the end, or when the socket is gone', async () => {
  const it = await pair();
  let calls = 0;
  const count = (): void => {
    calls++;
  };
  it.transport.whenFlushed(count);
  assert.equal(calls, 1);
  const size = 20_000_000;
  it.transport.write(Buffer.alloc(size));
  await new Promise<void>((resolve) => {
    it.transport.whenFlushed(() => {
      count();
      resolve();
    });
    assert.equal(calls, 1);
    it.client.resume();
  });
  it.client.pause();
  it.transport.write(Buffer.alloc(size));
  it.transport.end();
  const flushed = new Promise<void>((resolve) =>
    it.transport.whenFlushed(() => {
      count();
      resolve();
    }),
  );
  assert.equal(calls, 2);
  it.client.resume();
  await once(it.client, 'end');
  await flushed;
  assert.equal(calls, 3);
  assert.equal(it.client.bytesRead, 2 * size);
  await finish(it);
  it.transport.whenFlushed(count);
  assert.equal(calls, 4);

  for (const ended of [false, true]) {
    const other = await pair();
    other.client.pause();
    other.transport.write(Buffer.alloc(size));
    if (ended) other.transport.end();
    let told = 0;
    other.transport.whenFlushed(() => {
      told++;
    });
    other.transport.destroy();
    await other.owner.until(() => other.owner.closed === 1);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told, 1);
    await finish(other);
  }
});

test('what is written before the connection is made arrives first, and is copied', async () => {
  const server = await listening();
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const owner = new Noting();
  const transport = SocketTransport.connect(target(server), owner);
  const lent = pattern(60_000, 6);
  const expected = Buffer.concat([Buffer.from('head'), lent, Buffer.from('tail')]);
  transport.writeText('head');
  transport.writeBorrowed(lent, 0, lent.length);
  lent.fill(0);
  // Others use the buffers for copies meanwhile.
  const other = await pair();
  other.client.resume();
  for (let i = 0; i < 20; i++) other.transport.writeBorrowed(Buffer.alloc(60_000, i), 0, 60_000);
  await owner.until(() => owner.connected === 1);
  transport.writeText('tail');
  transport.end();
  const [socket] = await accepted;
  const got: Buffer[] = [];
  socket.on('data', (data: Buffer) => got.push(data));
  socket.resume();
  await once(socket, 'end');
  assert.ok(Buffer.concat(got).equals(expected));
  socket.end('answer');
  await owner.until(() => owner.closed === 1);
  assert.deepEqual([owner.bytes.toString(), owner.ended, owner.error], ['answer', 1, null]);
  await closing(server);
  await finish(other);
});

test('few short writes wait for a reader that does not read', async () => {
  const it = await pair();
  const { transport, owner } = it;
  // The buffers of the kernel are filled first.
  const piece = Buffer.alloc(16384, 7);
  while (transport.pending === 0) transport.writeBorrowed(piece, 0, piece.length);
  let writes = 1;
  while (transport.writeText('x')) writes++;
  assert.ok(writes < 100, `${writes} writes wait`);
  assert.ok(transport.waiting);
  assert.equal(owner.drained, 0);
  it.client.resume();
  await owner.until(() => owner.drained > 0);
  assert.deepEqual([transport.pending, transport.waiting, owner.drained], [0, false, 1]);
  await finish(it);
});

test('few short writes wait for a connection that is not made yet', async () => {
  const server = await listening();
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const owner = new Noting();
  const transport = SocketTransport.connect(target(server), owner);
  let writes = 1;
  while (transport.writeText('x')) writes++;
  assert.ok(writes < 100, `${writes} writes wait`);
  assert.ok(transport.waiting);
  assert.equal(owner.drained, 0);
  const [socket] = await accepted;
  socket.resume();
  await owner.until(() => owner.drained > 0);
  assert.deepEqual([transport.pending, transport.waiting, owner.drained], [0, false, 1]);
  transport.end();
  await once(socket, 'end');
  assert.equal(socket.bytesRead, writes);
  socket.end();
  await owner.until(() => owner.closed === 1);
  await closing(server);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { canWriteDirectly } from '../../src/http/direct-write.js';
import { openTransports, Transport, type TransportOwner } from '../../src/http/transport.js';

/** The mark at which a write says false. */
const PENDING_MAX = 65536;

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-transport-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Notes what it is told. */
class Noting implements TransportOwner {
  received: Buffer[] = [];
  ended = 0;
  drained = 0;
  connected = 0;
  closed = 0;
  error: NodeJS.ErrnoException | null = null;
  private readonly waiters: { condition: () => boolean; resolve: () => void }[] = [];

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received.push(Buffer.from(bytes.subarray(0, length)));
    this.check();
  }
  onEnd(): void {
    this.ended++;
    this.check();
  }
  onDrain(): void {
    this.drained++;
    this.check();
  }
  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    this.closed++;
    this.error = error;
    this.check();
  }
  onConnected(): void {
    this.connected++;
    this.check();
  }
  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }
  get length(): number {
    return this.received.reduce((sum, piece) => sum + piece.length, 0);
  }
  /** Resolves when it is so. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ condition, resolve }));
  }
  private check(): void {
    for (const waiter of this.waiters.splice(0)) {
      if (waiter.condition()) waiter.resolve();
      else this.waiters.push(waiter);
    }
  }
}

interface Pair {
  readonly server: net.Server;
  readonly client: net.Socket;
  readonly transport: Transport;
  readonly owner: Noting;
}

function listening(path?: string): Promise<net.Server> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  return new Promise((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', () => resolve(server));
    else server.listen(path, () => resolve(server));
  });
}

function target(server: net.Server): net.NetConnectOpts {
  const address = server.address();
  assert.ok(address !== null);
  return typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: address.port };
}

/** A plain client and the adopted socket of the server's side. */
async function pair(path?: string): Promise<Pair> {
  const server = await listening(path);
  const client = net.connect({ ...target(server), allowHalfOpen: true } as net.NetConnectOpts);
  client.on('error', () => {});
  const owner = new Noting();
  const transport = await new Promise<Transport>((resolve) => {
    server.once('connection', (socket) => resolve(Transport.adopt(socket, owner)));
  });
  return { server, client, transport, owner };
}

function closing(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Ends what a test left, and looks whether all was counted out. */
async function finish({ server, client, transport, owner }: Pair): Promise<void> {
  const closed = closing(server);
  transport.destroy();
  client.destroy();
  await owner.until(() => owner.closed > 0);
  await closed;
  assert.equal(owner.closed, 1);
  assert.equal(openTransports(), 0);
}

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let x = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

/** Numbers as random as they need to be, the same in each run. */
function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 4294967296) * below);
  };
}

test('an adopted socket is counted by its server, whose close completes when it is gone', async () => {
  const before = openTransports();
  const it = await pair();
  const count = (): Promise<number> =>
    new Promise((resolve, reject) => it.server.getConnections((error, n) => (error ? reject(error) : resolve(n))));
  assert.equal(await count(), 1);
  assert.equal(openTransports(), before + 1);
  let closed = false;
  const close = closing(it.server).then(() => {
    closed = true;
  });
  it.client.write('hello');
  await it.owner.until(() => it.owner.length === 5);
  assert.equal(closed, false);
  it.transport.destroy();
  await close;
  await it.owner.until(() => it.owner.closed === 1);
  assert.equal(await count(), 0);
  assert.equal(openTransports(), before);
  await finish(it);
});

test('addresses are those of the two ends', async () => {
  const it = await pair();
  if (it.client.connecting) await once(it.client, 'connect');
  assert.deepEqual(
    [it.transport.remoteAddress, it.transport.remotePort, it.transport.localAddress, it.transport.localPort],
    ['127.0.0.1', it.client.localPort, '127.0.0.1', it.client.remotePort],
  );
  await finish(it);
});

test('bytes that came before the socket was adopted are read', async () => {
  const server = await listening();
  const client = net.connect(target(server));
  client.on('error', () => {});
  client.write('early');
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  await new Promise((resolve) => setImmediate(resolve));
  const owner = new Noting();
  const transport = Transport.adopt(socket, owner);
  await owner.until(() => owner.length === 5);
  assert.equal(owner.bytes.toString(), 'early');
  assert.equal(transport.bytesRead, 5);
  await finish({ server, client, transport, owner });
});

test('a socket that was destroyed before it was adopted only closes', async () => {
  const server = await listening();
  const client = net.connect(target(server));
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  socket.destroy();
  await once(socket, 'close');
  const owner = new Noting();
  const transport = Transport.adopt(socket, owner);
  transport.writeText('x');
  await finish({ server, client, transport, owner });
});

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
      const more = it.transport.writeLent(lent, offset, offset + size);
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
    all[i]?.transport.writeLent(lent, 0, size);
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

test('text, lent and owned bytes keep their order, corked or not', async () => {
  const it = await pair();
  const got: Buffer[] = [];
  it.client.on('data', (data: Buffer) => got.push(data));
  const next = random(9);
  const sent: Buffer[] = [];
  for (let i = 0; i < 400; i++) {
    if (i % 20 === 0) it.transport.cork();
    const bytes = pattern(next(9000), i);
    sent.push(Buffer.from(bytes));
    const kind = i % 3;
    let more: boolean;
    const drained = it.owner.drained;
    if (kind === 0) more = it.transport.writeText(bytes.latin1Slice(0, bytes.length));
    else if (kind === 1) more = it.transport.writeOwned(bytes);
    else {
      more = it.transport.writeLent(bytes, 0, bytes.length);
      bytes.fill(0);
    }
    if (i % 20 === 7 || !more) it.transport.uncork();
    if (!more) await it.owner.until(() => it.owner.drained > drained);
  }
  it.transport.uncork();
  it.transport.end();
  await once(it.client, 'end');
  assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
  await finish(it);
});

test('bytes that are owned are not written into when they have been sent', async () => {
  const it = await pair();
  const owned = pattern(65536, 8);
  const same = Buffer.from(owned);
  while (it.transport.writeOwned(owned));
  it.client.resume();
  await it.owner.until(() => it.owner.drained > 0);
  const lent = Buffer.alloc(60_000, 1);
  for (let i = 0; i < 20; i++) it.transport.writeLent(lent, 0, lent.length);
  assert.ok(owned.equals(same));
  await finish(it);
});

test('what is corked behind a write that waits is told of as well, once', async () => {
  const it = await pair();
  it.client.pause();
  const piece = Buffer.alloc(65536, 3);
  let written = 0;
  do written += piece.length;
  while (it.transport.writeOwned(piece));
  it.transport.cork();
  it.transport.writeText('a');
  it.transport.writeLent(piece, 0, 5000);
  it.transport.uncork();
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
  const said = text(child.stdout);
  const hash = createHash('md5');
  const owner = new Noting();
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const transport = Transport.adopt(socket, owner);
  const lent = Buffer.alloc(65536);
  for (let i = 0; i < 4000; i++) {
    const length = 5000 + ((i * 7919) % 60_000);
    lent.fill(i & 255, 0, length);
    hash.update(lent.subarray(0, length));
    const { drained } = owner;
    const more = transport.writeLent(lent, 0, length);
    lent.fill(0xee, 0, length);
    if (!more) await owner.until(() => owner.drained > drained || owner.closed > 0);
  }
  transport.end();
  assert.equal((await said).trim(), hash.digest('hex'));
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
      more = it.transport.writeLent(piece, 0, piece.length);
      written += piece.length;
      assert.ok(it.transport.pending < PENDING_MAX + piece.length, `${it.transport.pending} bytes wait`);
      assert.equal(more, it.transport.pending < PENDING_MAX || it.transport.pending === 0);
      assert.ok(written < 100_000_000);
    }
    assert.ok(it.transport.waiting);
    assert.equal(it.owner.drained, drained);
    // Writes that come in spite of it ask for no second drain.
    it.transport.writeText('more');
    it.transport.writeLent(piece, 0, piece.length);
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
  assert.equal(it.transport.writeOwned(Buffer.alloc(102_400)), it.transport.pending === 0);
  assert.equal(it.transport.waiting, it.transport.pending !== 0);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  if (!it.transport.waiting) assert.equal(it.owner.drained, it.transport.pending === 0 ? it.owner.drained : 0);
  await finish(it);
});

test('a paused socket gives no bytes until it is resumed, and none is lost', async () => {
  const it = await pair();
  it.client.write('a');
  await it.owner.until(() => it.owner.length === 1);
  it.transport.pause();
  it.transport.pause();
  const more = pattern(200_000, 3);
  it.client.write(more);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(it.owner.length, 1);
  it.transport.resume();
  it.transport.resume();
  await it.owner.until(() => it.owner.length === 200_001);
  assert.ok(it.owner.bytes.subarray(1).equals(more));
  await finish(it);
});

test('a socket that is paused while it is told of bytes stops there', async () => {
  const it = await pair();
  const { onBytes } = it.owner;
  it.owner.onBytes = (transport, bytes, length) => {
    transport.pause();
    onBytes.call(it.owner, transport, bytes, length);
  };
  const all = pattern(1_000_000, 4);
  it.client.write(all);
  await it.owner.until(() => it.owner.length > 0);
  let calls = 1;
  while (it.owner.length < all.length) {
    assert.equal(it.owner.received.length, calls);
    it.transport.resume();
    await it.owner.until(() => it.owner.received.length > calls);
    calls = it.owner.received.length;
  }
  assert.ok(it.owner.bytes.equals(all));
  await finish(it);
});

test('a client that ends its side is told of, and can still be written to', async () => {
  const it = await pair();
  const got: Buffer[] = [];
  it.client.on('data', (data: Buffer) => got.push(data));
  it.client.end('last');
  await it.owner.until(() => it.owner.ended === 1);
  assert.equal(it.owner.bytes.toString(), 'last');
  assert.equal(it.owner.closed, 0);
  const answer = pattern(300_000, 1);
  it.transport.writeOwned(answer);
  it.transport.end();
  await it.owner.until(() => it.owner.closed === 1);
  if (!it.client.readableEnded) await once(it.client, 'end');
  assert.ok(Buffer.concat(got).equals(answer));
  assert.deepEqual([it.owner.error, it.owner.ended], [null, 1]);
  await finish(it);
});

test('an end of our side leaves the other readable', async () => {
  const it = await pair();
  it.client.resume();
  it.transport.writeText('bye');
  it.transport.end();
  await once(it.client, 'end');
  it.client.write('still here');
  await it.owner.until(() => it.owner.length === 10);
  it.client.end();
  await it.owner.until(() => it.owner.closed === 1);
  assert.deepEqual([it.owner.ended, it.owner.error], [1, null]);
  await finish(it);
});

test('destroySoon sends what waits and closes, with a client that never ends', async () => {
  const it = await pair();
  const got: Buffer[] = [];
  const all = pattern(5_000_000, 2);
  it.transport.writeOwned(all);
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
  it.transport.writeOwned(Buffer.alloc(size));
  await new Promise<void>((resolve) => {
    it.transport.whenFlushed(() => {
      count();
      resolve();
    });
    assert.equal(calls, 1);
    it.client.resume();
  });
  it.client.pause();
  it.transport.writeOwned(Buffer.alloc(size));
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
    other.transport.writeOwned(Buffer.alloc(size));
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

/** States in which a socket can be when it is reset. */
const STATES: readonly (readonly [string, (it: Pair) => Promise<void> | void])[] = [
  ['that is new', () => {}],
  [
    'that has read',
    async ({ client, owner }) => {
      client.write('a');
      await owner.until(() => owner.length > 0);
    },
  ],
  [
    'that is paused',
    ({ transport, client }) => {
      transport.pause();
      client.write('a');
    },
  ],
  [
    'with writes that wait',
    ({ transport }) => {
      transport.writeOwned(Buffer.alloc(20_000_000));
    },
  ],
  [
    'that is corked',
    ({ transport }) => {
      transport.cork();
      transport.writeText('a');
    },
  ],
  ['that ended its side', ({ transport }) => transport.end()],
  [
    'that ended its side while writes wait',
    ({ transport }) => {
      transport.writeOwned(Buffer.alloc(20_000_000));
      transport.end();
    },
  ],
  [
    'whose client ended',
    async ({ client, owner }) => {
      client.end();
      await owner.until(() => owner.ended === 1);
    },
  ],
  [
    'whose client was reset',
    ({ client }) => {
      if (client.remotePort !== undefined) client.resetAndDestroy();
      else client.destroy();
    },
  ],
  ['that is destroyed', ({ transport }) => transport.destroy()],
  ['that was reset before', ({ transport }) => transport.reset()],
  [
    'that is closed',
    async ({ transport, owner }) => {
      transport.destroy();
      await owner.until(() => owner.closed === 1);
    },
  ],
];

for (const kind of ['TCP', 'UNIX']) {
  for (const [i, [state, prepare]] of STATES.entries()) {
    test(`a ${kind} socket ${state} can be reset, and used afterwards without effect`, async () => {
      const it = await pair(kind === 'TCP' ? undefined : join(directory, `state-${i}`));
      await prepare(it);
      it.transport.reset();
      const use = (): void => {
        it.transport.writeText('x');
        it.transport.writeLent(Buffer.alloc(5000), 0, 5000);
        it.transport.writeOwned(Buffer.alloc(10));
        it.transport.pause();
        it.transport.resume();
        it.transport.cork();
        it.transport.uncork();
        it.transport.whenFlushed(() => {});
        it.transport.setNoDelay(true);
        it.transport.setKeepAlive(true);
        it.transport.end();
        it.transport.destroySoon();
        it.transport.destroy();
        it.transport.reset();
        assert.equal(typeof it.transport.remoteAddress, 'string');
        assert.ok(it.transport.pending >= 0);
      };
      use();
      await it.owner.until(() => it.owner.closed === 1);
      use();
      await finish(it);
    });
  }
}

test('a reset reaches the client as one', async () => {
  const it = await pair();
  it.client.resume();
  const failed = once(it.client, 'error') as Promise<[NodeJS.ErrnoException]>;
  if (it.client.connecting) await once(it.client, 'connect');
  it.transport.reset();
  assert.equal((await failed)[0].code, 'ECONNRESET');
  await finish(it);
});

test('a reset by the client is told as an error of the closed socket', async () => {
  const it = await pair();
  it.client.write('a');
  await it.owner.until(() => it.owner.length === 1);
  it.client.resetAndDestroy();
  await it.owner.until(() => it.owner.closed === 1);
  assert.equal(it.owner.error?.code, 'ECONNRESET');
  await finish(it);
});

test('a write behind the end closes the socket with an error and does not throw', async () => {
  const it = await pair();
  it.transport.end();
  it.transport.writeText('late');
  await it.owner.until(() => it.owner.closed === 1);
  await finish(it);
});

/** Connections that cannot be made: where to, and the code of the error. */
test('a connection that cannot be made is told once, with its error', async () => {
  const server = await listening();
  const refused = target(server);
  await closing(server);
  for (const [to, code] of [
    [refused, 'ECONNREFUSED'],
    [{ path: join(directory, 'nothing') }, 'ENOENT'],
  ] as const) {
    const owner = new Noting();
    const transport = Transport.connect(to, owner);
    transport.writeText('early');
    transport.writeLent(Buffer.alloc(10_000), 0, 10_000);
    await owner.until(() => owner.closed === 1);
    assert.deepEqual([owner.error?.code, owner.connected, owner.ended], [code, 0, 0]);
    transport.reset();
    assert.equal(openTransports(), 0);
  }
});

test('what is written before the connection is made arrives first, and is copied', async () => {
  const server = await listening();
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const owner = new Noting();
  const transport = Transport.connect(target(server), owner);
  const lent = pattern(60_000, 6);
  const expected = Buffer.concat([Buffer.from('head'), lent, Buffer.from('tail')]);
  transport.writeText('head');
  transport.writeLent(lent, 0, lent.length);
  lent.fill(0);
  // Others use the buffers for copies meanwhile.
  const other = await pair();
  other.client.resume();
  for (let i = 0; i < 20; i++) other.transport.writeLent(Buffer.alloc(60_000, i), 0, 60_000);
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

test('a socket that is still connecting can be reset', async () => {
  const server = await listening();
  server.on('connection', (socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end(),
  );
  for (let i = 0; i < 20; i++) {
    const owner = new Noting();
    const transport = Transport.connect(target(server), owner);
    if (i % 2 === 0) transport.writeText('x');
    if (i % 3 === 0) transport.pause();
    transport.reset();
    await owner.until(() => owner.closed === 1);
    assert.deepEqual([owner.connected, owner.error], [0, null]);
  }
  await closing(server);
  assert.equal(openTransports(), 0);
});

test('an owner that is replaced is told nothing any more', async () => {
  const it = await pair();
  it.client.write('a');
  await it.owner.until(() => it.owner.length === 1);
  const tunnel = new Noting();
  it.transport.owner = tunnel;
  it.client.end('b');
  await tunnel.until(() => tunnel.ended === 1);
  it.transport.destroy();
  await tunnel.until(() => tunnel.closed === 1);
  assert.deepEqual([it.owner.length, it.owner.ended, it.owner.closed, tunnel.bytes.toString()], [1, 0, 0, 'b']);
  it.client.destroy();
  await closing(it.server);
});

test('500 sockets opened and closed at random leave nothing behind', { timeout: 60_000 }, async () => {
  const next = random(42);
  const server = await listening();
  const owners: Noting[] = [];
  const junk = Buffer.alloc(200_000, 1);

  const act = (transport: Transport): void => {
    const deed = next(12);
    if (deed === 0) transport.destroy();
    else if (deed === 1) transport.reset();
    else if (deed === 2) transport.end();
    else if (deed === 3) transport.destroySoon();
    else if (deed === 4) transport.pause();
    else if (deed === 5) transport.resume();
    else if (deed < 8) transport.writeText('x'.repeat(next(6000)));
    else if (deed < 11) transport.writeLent(junk, 0, next(junk.length));
    else transport.whenFlushed(() => transport.end());
  };
  class Acting extends Noting {
    override onBytes(transport: Transport, bytes: Buffer, length: number): void {
      super.onBytes(transport, bytes, length);
      this.received.length = 0;
      if (next(3) === 0) act(transport);
    }
    override onEnd(): void {
      super.onEnd();
    }
    override onConnected(): void {
      super.onConnected();
    }
  }
  const transports: Transport[] = [];
  const opened = (make: (owner: Noting) => Transport): void => {
    const owner = new Acting();
    owners.push(owner);
    transports.push(make(owner));
  };
  server.on('connection', (socket) => opened((owner) => Transport.adopt(socket, owner)));
  for (let i = 0; i < 500; i++) {
    opened((owner) => Transport.connect(target(server), owner));
    for (let deeds = next(4); deeds > 0; deeds--) act(transports[next(transports.length)] as Transport);
    if (next(5) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (let turn = 0; turn < 50; turn++) {
    act(transports[next(transports.length)] as Transport);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const closed = closing(server);
  // Whoever is left goes one way or the other; those that the server has not accepted yet as well.
  while (openTransports() > 0) {
    for (const transport of transports) {
      if (!transport.closed) next(2) === 0 ? transport.destroy() : transport.reset();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.equal(openTransports(), 0);
  for (const owner of owners) assert.equal(owner.closed, 1);
  assert.ok(owners.length >= 500);
});

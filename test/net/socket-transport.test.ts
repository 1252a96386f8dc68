import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { openTransports, type Transport } from '../../src/net/transport.js';
import { closing, finish, listening, Noting, type Pair, pair, pattern, random, target } from './sockets.js';

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-transport-'));
after(() => rmSync(directory, { recursive: true, force: true }));

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
  const transport = SocketTransport.adopt(socket, owner);
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
  const transport = SocketTransport.adopt(socket, owner);
  transport.writeText('x');
  await finish({ server, client, transport, owner });
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
  it.transport.write(answer);
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
      transport.write(Buffer.alloc(20_000_000));
    },
  ],
  ['that ended its side', ({ transport }) => transport.end()],
  [
    'that ended its side while writes wait',
    ({ transport }) => {
      transport.write(Buffer.alloc(20_000_000));
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
        it.transport.writeBorrowed(Buffer.alloc(5000), 0, 5000);
        it.transport.write(Buffer.alloc(10));
        it.transport.pause();
        it.transport.resume();
        it.transport.writeFramed('a', Buffer.alloc(5000), 0, 5000, 'b');
        it.transport.write(Buffer.alloc(5000), 'a');
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
    const transport = SocketTransport.connect(to, owner);
    transport.writeText('early');
    transport.writeBorrowed(Buffer.alloc(10_000), 0, 10_000);
    await owner.until(() => owner.closed === 1);
    assert.deepEqual([owner.error?.code, owner.connected, owner.ended], [code, 0, 0]);
    transport.reset();
    assert.equal(openTransports(), 0);
  }
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
    const transport = SocketTransport.connect(target(server), owner);
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
    else if (deed < 11) transport.writeBorrowed(junk, 0, next(junk.length));
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
  server.on('connection', (socket) => opened((owner) => SocketTransport.adopt(socket, owner)));
  for (let i = 0; i < 500; i++) {
    opened((owner) => SocketTransport.connect(target(server), owner));
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

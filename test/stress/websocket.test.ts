import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { openTransports } from '../../src/net/transport.js';
import {
  answeringBackend,
  collectGarbage,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  websocketEcho,
} from '../kit/index.js';
import { echoed, exchangeMessages, FILE_OF_2014, message, open, SIZES } from './messages.js';

/** An upgrade to a protocol of any bytes: random ones would contain invalid WebSocket frames. */
const UPGRADE = ['Connection: Upgrade', 'Upgrade: bytes'];
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n';

/** Open sockets before the present test. */
let before = 0;

function proxyFor(port: number): Promise<TestProxy> {
  before = openTransports();
  return startProxy(FILE_OF_2014, { BACKEND: port, LISTEN: '127.0.0.1:0' });
}

/** Ends a proxy and checks that no socket is left and nothing went wrong in it. */
async function finish(proxy: TestProxy): Promise<void> {
  await until('all connections have ended', () => proxy.proxy.status.connections === 0);
  assert.equal(proxy.proxy.status.active, 0);
  assert.deepEqual(
    proxy.entries.filter(({ level }) => level === 'alert' || level === 'crit' || level === 'emerg'),
    [],
  );
  // Idle connections to upstreams are closed with the proxy.
  await proxy.close();
  await until('all sockets are closed', () => openTransports() === before);
}

test('500 clients at once exchange messages of 1 byte to 16 MiB, text and binary, with plain requests beside them', async () => {
  const echo = await websocketEcho();
  const proxy = await proxyFor(echo.port);
  let done = false;
  const messages = exchangeMessages(proxy.port, 500, SIZES.slice(0, -3), 2).finally(() => {
    done = true;
  });
  let plain = 0;
  while (!done) {
    const answer = await get(proxy.port, `/${plain}`);
    assert.equal(answer.body, `plain echo /${plain}`);
    plain++;
  }
  const moved = await messages;
  assert.equal(moved.messages, 500 * 10 + 2);
  assert.ok(plain > 0);
  await finish(proxy);
  await echo.close();
});

test('permessage-deflate is negotiated between the ends and passes unchanged', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
  await once(server, 'listening');
  server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  const proxy = await proxyFor((server.address() as { port: number }).port);
  const socket = await open(proxy.port, { perMessageDeflate: { threshold: 0 } });
  assert.match(socket.extensions, /permessage-deflate/);
  await echoed(socket, [1, 126, 65_536, 1 << 20], 3);
  const without = await open(proxy.port);
  assert.equal(without.extensions, '');
  await echoed(without, [1, 70_000], 4);
  socket.close();
  without.close();
  await finish(proxy);
  server.close();
});

test('frames that arrive together with either head are forwarded', async () => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send(`${SWITCHING}greeting`);
    connection.send(`:${await connection.reader.bytes(70_000)}`);
    connection.send(await connection.reader.bytes(5));
  });
  const proxy = await proxyFor(backend.port);
  const client = await connect(proxy.port);
  const early = message(70_000, false, 1).toString('latin1');
  client.send(`${request('/', { fields: UPGRADE })}${early}`);
  const head = await client.until('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.equal(await client.bytes(8), 'greeting');
  client.send('later');
  assert.equal(await client.bytes(70_000 + 6), `:${early}later`);
  client.close();
  await finish(proxy);
  await backend.close();
});

test('an upstream that refuses the upgrade has its own answer relayed, and the connection is kept', async () => {
  const backend = await answeringBackend((received) =>
    received.field('upgrade') === undefined
      ? reply('plain')
      : reply('no sockets here', { status: '426 Upgrade Required', fields: ['X-Why: because'] }),
  );
  const proxy = await proxyFor(backend.port);
  const client = await connect(proxy.port);
  for (let i = 0; i < 3; i++) {
    const refused = await client.send(request('/', { fields: UPGRADE })).answer();
    assert.deepEqual([refused.status, refused.field('x-why'), refused.body], [426, 'because', 'no sockets here']);
    assert.notEqual(refused.field('connection'), 'close');
    const plain = await client.send(request('/', { fields: ['Connection: keep-alive'] })).answer();
    assert.deepEqual([plain.status, plain.body], [200, 'plain']);
  }
  client.close();
  await finish(proxy);
  await backend.close();
});

for (const side of ['client', 'upstream'] as const) {
  test(`data that the ${side} sent before its end is delivered completely, and both sockets are closed`, async () => {
    const last = message(3 << 20, true, 9);
    let atBackend: Promise<string> | null = null;
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send(SWITCHING);
      if (side === 'upstream') connection.send(last).end();
      else atBackend = connection.reader.all();
    });
    const proxy = await proxyFor(backend.port);
    const client = await connect(proxy.port);
    client.send(request('/', { fields: UPGRADE }));
    await client.until('\r\n\r\n');
    if (side === 'client') client.send(last).end();
    const received = side === 'client' ? await (atBackend ?? '') : await client.all();
    assert.ok(Buffer.from(received, 'latin1').equals(last), `${received.length} bytes`);
    await until('the sockets are closed', () => openTransports() === before);
    client.close();
    await finish(proxy);
    await backend.close();
  });
}

test('the end of a client that came with its head ends the tunnel', async () => {
  let received = '';
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    // The end of the client is at the proxy by now, behind the frames that it waits with.
    await new Promise((resolve) => setTimeout(resolve, 30));
    connection.send(SWITCHING);
    received = await connection.reader.all();
  });
  const proxy = await proxyFor(backend.port);
  const client = await connect(proxy.port);
  client.send(`${request('/', { fields: UPGRADE })}frames`).end();
  assert.match(await client.all(), /^HTTP\/1\.1 101 /);
  await until('the upstream has it', () => received === 'frames');
  client.close();
  await finish(proxy);
  await backend.close();
});

test('data that the upstream sent before its end reaches a client that is sending meanwhile', async () => {
  const last = message(200_000, true, 5);
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send(SWITCHING);
    await connection.reader.bytes(100_000);
    connection.socket.pause();
    connection.send(last).end();
  });
  const proxy = await proxyFor(backend.port);
  const client = await connect(proxy.port);
  client.send(request('/', { fields: UPGRADE }));
  await client.until('\r\n\r\n');
  client.socket.pause();
  for (let i = 0; i < 20; i++) client.send(Buffer.alloc(100_000));
  await until('the proxy has ended the tunnel', () => proxy.proxy.status.active === 0);
  client.socket.resume();
  const received = await client.all();
  assert.equal(received.length, last.length);
  client.close();
  await finish(proxy);
  await backend.close();
});

for (const slow of ['client', 'upstream'] as const) {
  for (const [size, protocol] of [
    [300, 'bytes'],
    [5000, 'bytes'],
    [65_536, 'bytes'],
    [5000, 'websocket'],
  ] as const) {
    // The bytes are also frames, each of 99 bytes, though with reserved bits.
    test(`a ${slow} that does not read stops the other end (${protocol} in pieces of ${size} bytes)`, async () => {
      const total = 48 << 20;
      let source: import('node:net').Socket | null = null;
      let sink: import('node:net').Socket | null = null;
      const backend = await scriptedBackend(async (connection) => {
        await connection.head();
        connection.send(SWITCHING.replace('bytes', protocol));
        if (slow === 'client') source = connection.socket;
        else sink = connection.socket;
        connection.socket.removeAllListeners('data');
        connection.socket.pause();
      });
      const proxy = await proxyFor(backend.port);
      const client = await connect(proxy.port);
      client.send(request('/', { fields: UPGRADE.map((field) => field.replace('bytes', protocol)) }));
      await client.until('\r\n\r\n');
      client.socket.removeAllListeners('data');
      client.socket.pause();
      await until('the upgrade is done', () => (slow === 'client' ? source : sink) !== null);
      if (slow === 'client') sink = client.socket;
      else source = client.socket;
      assert.ok(source !== null && sink !== null);
      collectGarbage();
      const external = process.memoryUsage().arrayBuffers;
      const sent = await fill(source, size, total);
      assert.ok(sent < total, 'it never stopped');
      // The kernel's buffers hold some MiB; the proxy holds its mark and one write more.
      collectGarbage();
      assert.ok(process.memoryUsage().arrayBuffers - external < 8 << 20);
      // Everything arrives once it reads.
      let received = 0;
      sink.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      sink.resume();
      await until(`${sent} bytes arrived`, () => received === sent);
      client.close();
      await finish(proxy);
      await backend.close();
    });
  }
}

/** Writes until the other side has taken nothing for a while; how many bytes went. */
async function fill(socket: import('node:net').Socket, size: number, total: number): Promise<number> {
  const piece = Buffer.alloc(size, 0x61);
  let sent = 0;
  while (sent < total) {
    sent += size;
    if (socket.write(piece)) continue;
    const drained = once(socket, 'drain').then(() => true);
    const stuck = new Promise<boolean>((resolve) => setTimeout(resolve, 250, false));
    if (!(await Promise.race([drained, stuck]))) break;
  }
  return sent;
}

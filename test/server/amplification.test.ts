/** Messages that are cut into very small pieces cost no more memory and no more system calls than others. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { bufferedMemory } from '../../src/net/buffer-limit.js';
import {
  type Backend,
  type BackendConnection,
  type Connection,
  collectGarbage,
  connect,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

interface Started {
  readonly proxy: TestProxy;
  readonly client: Connection;
  /** The first connection to the back end, when it has received a head. */
  readonly upstream: Promise<BackendConnection>;
  readonly backend: Backend;
}

async function started(t: TestContext, settings = ''): Promise<Started> {
  let reached: (connection: BackendConnection) => void = () => {};
  const upstream = new Promise<BackendConnection>((resolve) => {
    reached = resolve;
  });
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    reached(connection);
  });
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; ${settings} location / { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  const client = await connect(proxy.port);
  t.after(async () => {
    client.close();
    await proxy.close();
    await backend.close();
  });
  return { proxy, client, upstream, backend };
}

const HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
const ONE_BYTE = '1\r\nx\r\n';
/** Reads that so many small chunks are received in, with a large margin. The chunks are ten thousand. */
const READS = 200;

const sizes = (raw: string): number => raw.split('\r\n').length / 2;

test('a streamed body of one-byte chunks leaves in one chunk for each read', async (t) => {
  const { client, upstream } = await started(t, 'proxy_request_buffering off;');
  client.send(HEAD);
  const peer = await upstream;
  client.send(`${ONE_BYTE.repeat(10_000)}0\r\n\r\n`);
  const raw = await peer.reader.until('\r\n0\r\n\r\n');
  assert.ok(sizes(raw) < READS, `${sizes(raw)} chunks`);
  assert.equal(raw.replace(/[0-9a-f]+\r\n(x*)\r\n/g, '$1'), 'x'.repeat(10_000));
});

for (const [size, chunks] of [
  ['small', ['a', 'bc']],
  ['large', ['a'.repeat(9000), 'b'.repeat(9000)]],
] as const) {
  test(`a ${size} streamed body that arrives at once leaves with its last chunk in one write`, async (t) => {
    const { client, upstream } = await started(t, 'proxy_request_buffering off;');
    client.send(HEAD);
    const peer = await upstream;
    const data = once(peer.socket, 'data') as Promise<[Buffer]>;
    client.send(`${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`);
    const body = chunks.join('');
    const [received] = await data;
    assert.equal(received.latin1Slice(), `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  });
}

test('a response of one-byte chunks leaves in one chunk for each read', async (t) => {
  const { client, upstream } = await started(t);
  client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const peer = await upstream;
  peer.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${ONE_BYTE.repeat(10_000)}0\r\n\r\n`);
  const { body, rawBody } = await client.answer();
  assert.equal(body, 'x'.repeat(10_000));
  assert.ok(sizes(rawBody) < READS, `${sizes(rawBody)} chunks`);
});

test('a buffered body of one-byte chunks takes little more memory than it has bytes', async (t) => {
  const MILLION = 1_000_000;
  const { client, backend } = await started(t, 'client_max_body_size 0; client_body_buffer_size 10m;');
  collectGarbage();
  const before = process.memoryUsage();
  client.send(HEAD);
  const wire = Buffer.from(ONE_BYTE.repeat(MILLION), 'latin1');
  await new Promise((resolve) => client.socket.write(wire, resolve));
  await until('all is buffered', () => bufferedMemory() >= MILLION);
  collectGarbage();
  const after = process.memoryUsage();
  assert.ok(bufferedMemory() < 1.1 * MILLION, `${bufferedMemory()} bytes buffered`);
  assert.ok(after.heapUsed - before.heapUsed < 16 * MILLION, `${after.heapUsed - before.heapUsed} bytes of heap`);
  client.close();
  await until('the memory is free', () => bufferedMemory() === 0);
  assert.equal(backend.connections.length, 0);
});

test('nothing of a chunk that exceeds client_max_body_size is passed on', async (t) => {
  const { client, upstream, proxy, backend } = await started(t, 'proxy_request_buffering off;');
  client.send(`${HEAD}5\r\nhello\r\n`);
  const peer = await upstream;
  assert.equal(await peer.reader.until('hello\r\n'), '5\r\nhello\r\n');
  client.send(`100000005\r\n${'x'.repeat(10_000)}`);
  assert.equal((await client.answer()).status, 413);
  assert.equal(await peer.reader.all(), '');
  const message = 'client intended to send too large chunked body: 5+4294967301 bytes';
  assert.equal(proxy.messages('error').filter((line) => line.includes(message)).length, 1);
  assert.deepEqual(backend.failures, []);
});

test('proxy_read_timeout is the time for a whole response head', async (t) => {
  const { client, upstream } = await started(t, 'proxy_read_timeout 400ms;');
  client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const peer = await upstream;
  peer.send('HTTP/1.1 200 OK\r\nX: ');
  const drip = setInterval(() => peer.send('x'), 50);
  t.after(() => clearInterval(drip));
  assert.equal((await client.answer()).status, 504);
});

/** `worker_buffer_limit`: what a worker holds of received data stays below it, and nothing of the data is lost. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { bufferedMemory } from '../../src/net/buffer-limit.js';
import { READ_SIZE } from '../../src/net/slabs.js';
import { flood, patternBytes } from '../kit/flood.js';
import { type Backend, connect, get, scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';

const LIMIT = 256 * 1024;
/** Bytes that a read may add while another is written to a file, and the blocks that are not full. */
const SLACK = 2 * READ_SIZE;

async function limited(t: TestContext, backend: Backend, settings = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `worker_buffer_limit 256k; events {} http { client_max_body_size 0; ${settings}
      server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%PORT%%; }
        location /now { return 200 now; } } }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
    assert.equal(bufferedMemory(), 0);
  });
  return proxy;
}

/** Looks at what is buffered as often as possible, until it is stopped. */
function watching(): { most: number; stop(): void } {
  const state = { most: 0, stop: (): void => clearInterval(timer) };
  const timer = setInterval(() => {
    state.most = Math.max(state.most, bufferedMemory());
  }, 1);
  return state;
}

test('request bodies beyond the limit go to files', async (t) => {
  const BYTES = 300_000;
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.request();
    const whole = request?.body === patternBytes(0, BYTES).latin1Slice();
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${whole ? 'whole' : 'other'}`);
  });
  const proxy = await limited(t, backend, 'client_body_buffer_size 10m;');
  const seen = watching();
  t.after(() => seen.stop());
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(proxy.port)));
  for (const client of clients) {
    client.send(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BYTES}\r\n\r\n`);
    client.send(patternBytes(0, BYTES - 1));
  }
  const inFile = (): boolean => proxy.messages('warn').some((line) => line.includes('buffered to a temporary file'));
  await until('a body is in a file', inFile);
  for (const client of clients) client.send(patternBytes(BYTES - 1, BYTES));
  for (const client of clients) assert.equal((await client.answer()).body, 'whole');
  assert.ok(seen.most <= LIMIT + SLACK, `${seen.most} bytes`);
  for (const client of clients) client.close();
});

test('responses for slow clients beyond the limit go to files', async (t) => {
  const BYTES = 24_000_000;
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`);
    flood(connection.socket, BYTES);
  });
  const proxy = await limited(t, backend, 'proxy_buffers 100 64k; proxy_busy_buffers_size 128k;');
  const seen = watching();
  t.after(() => seen.stop());
  const clients = Array.from({ length: 2 }, () => createConnection({ host: '127.0.0.1', port: proxy.port }));
  for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  const inFile = (): boolean => proxy.messages('warn').some((line) => line.includes('buffered to a temporary file'));
  await until('a response is in a file', inFile);
  const received = await Promise.all(clients.map((client) => buffer(client)));
  for (const bytes of received) assert.ok(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).equals(patternBytes(0, BYTES)));
  assert.ok(seen.most <= LIMIT + 2 * SLACK, `${seen.most} bytes`);
});

test('while the limit is reached a head in pieces is answered with 503, and one that arrives whole is served', async (t) => {
  const backend = await scriptedBackend(() => {});
  const proxy = await limited(t, backend, 'large_client_header_buffers 4 512k;');
  const holding = await connect(proxy.port);
  holding.send(`GET /now HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(300_000)}`);
  const { status } = await holding.answer();
  assert.equal(status, 503);
  assert.ok(proxy.messages().some((line) => line.includes('worker_buffer_limit is reached while reading client')));
  holding.close();
  await until('the memory is free', () => bufferedMemory() === 0);
  assert.equal((await get(proxy.port, '/now')).body, 'now');
});

test('pipelined requests beyond the limit wait with their client, and all are answered', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    for (;;) {
      const request = await connection.head();
      if (request === null) return;
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    }
  });
  const proxy = await limited(t, backend);
  const seen = watching();
  t.after(() => seen.stop());
  const client = await connect(proxy.port);
  const COUNT = 500;
  client.send(`GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(3000)}\r\n\r\n`.repeat(COUNT));
  for (let i = 0; i < COUNT; i++) assert.equal((await client.answer()).body, 'ok');
  assert.ok(seen.most <= LIMIT, `${seen.most} bytes`);
  client.close();
});

/** Bodies of many sizes around the sizes of buffers, in both directions, with readers of all speeds: nothing is lost, moved or doubled. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { READ_SIZE, slabCounts } from '../../src/net/slabs.js';
import { chunkOf, patternBytes } from '../kit/flood.js';
import {
  type BackendConnection,
  type Connection,
  connect,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

const NEAR = [4096, 8192, 16_384, 65_536, READ_SIZE].flatMap((size) => [size - 300, size - 1, size, size + 1]);
const SIZES = [1, ...NEAR, 3 * READ_SIZE, 1_000_003];

/** Reads no more than a little in each turn of the event loop. */
function slowDown(socket: Socket): void {
  socket.on('data', () => {
    socket.pause();
    setImmediate(() => socket.resume());
  });
}

/** Answers `/FRAMING/SIZE` with so many bytes, each answer with other ones. */
async function answering(connection: BackendConnection): Promise<void> {
  for (;;) {
    const asked = await connection.head();
    if (asked === null) return;
    const [, framing, size] = asked.target.split('/');
    const bytes = patternBytes(Number(size), 2 * Number(size));
    const whole = {
      length: `Content-Length: ${size}`,
      chunked: 'Transfer-Encoding: chunked',
      close: 'Connection: close',
    };
    const head = Buffer.from(`HTTP/1.1 200 OK\r\n${whole[framing as keyof typeof whole]}\r\n\r\n`);
    const end = Buffer.from('0\r\n\r\n');
    const pieces = Array.from({ length: Math.ceil(bytes.length / 30_000) }, (_, i) =>
      chunkOf(bytes.subarray(i * 30_000, (i + 1) * 30_000)),
    );
    connection.send(Buffer.concat([head, ...(framing === 'chunked' ? [...pieces, end] : [bytes])]));
    if (framing === 'close') connection.end();
  }
}

async function proxied(t: TestContext, script: (connection: BackendConnection) => Promise<void>): Promise<TestProxy> {
  const backend = await scriptedBackend(script);
  const proxy = await startProxy(
    `client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Connection "";
     upstream back { server 127.0.0.1:%%PORT%%; keepalive 20; }
     server { listen 127.0.0.1:0;
       location / { proxy_pass http://back; }
       location /unbuffered/ { proxy_buffering off; proxy_request_buffering off; proxy_pass http://back/; }
       location /memory/ { client_body_buffer_size 2m; proxy_pass http://back/; } }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  return proxy;
}

async function clients(t: TestContext, proxy: TestProxy): Promise<Connection[]> {
  const all = await Promise.all(Array.from({ length: 6 }, () => connect(proxy.port)));
  for (const [i, { socket }] of all.entries()) if (i % 2 === 1) slowDown(socket);
  t.after(() => {
    for (const client of all) client.close();
  });
  return all;
}

const KEEP = { fields: ['Connection: keep-alive'] };

for (const way of ['', '/unbuffered']) {
  test(`answers of many sizes arrive as they are${way === '' ? '' : ', unbuffered'}`, {
    timeout: 120_000,
  }, async (t) => {
    const proxy = await proxied(t, answering);
    const all = await clients(t, proxy);
    const read = async (client: Connection, turn: number): Promise<void> => {
      for (const [i, size] of SIZES.entries()) {
        const framing = ['length', 'chunked', 'close'][(i + turn) % 3];
        const { body } = await client.send(request(`${way}/${framing}/${size}`, KEEP)).answer();
        assert.ok(body === patternBytes(size, 2 * size).latin1Slice(), `${framing} ${size}: other bytes`);
      }
    };
    await Promise.all(all.map(read));
  });
}

for (const way of ['', '/unbuffered', '/memory']) {
  test(`request bodies of many sizes arrive as they are, at ${way}/`, { timeout: 120_000 }, async (t) => {
    const proxy = await proxied(t, async (connection) => {
      if (connection.number % 2 === 0) slowDown(connection.socket);
      for (;;) {
        const asked = await connection.request();
        if (asked === null) return;
        const size = Number(asked.target.slice(1));
        const whole = asked.body === patternBytes(size, 2 * size).latin1Slice();
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${whole ? 'whole' : 'other'}`);
      }
    });
    const all = await clients(t, proxy);
    const write = async (client: Connection, turn: number): Promise<void> => {
      for (const [i, size] of SIZES.entries()) {
        const bytes = patternBytes(size, 2 * size);
        const chunked = (i + turn) % 2 === 0;
        const fields = [...KEEP.fields, chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`];
        const head = request(`${way}/${size}`, { method: 'PUT', fields });
        const body = chunked ? Buffer.concat([chunkOf(bytes), Buffer.from('0\r\n\r\n')]) : bytes;
        client.send(Buffer.concat([Buffer.from(head), body]));
        assert.equal((await client.answer()).body, 'whole', `${size} bytes${chunked ? ' in chunks' : ''}`);
      }
    };
    await Promise.all(all.map(write));
  });
}

test('answers and request bodies of 64 KiB are sent from the buffer that they were read into', async (t) => {
  const proxy = await proxied(t, async (connection) => {
    for (;;) {
      const asked = await connection.request();
      if (asked === null) return;
      const bytes = asked.method === 'PUT' ? Buffer.alloc(0) : patternBytes(0, 65_536);
      connection.send(
        Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`), bytes]),
      );
    }
  });
  const client = await connect(proxy.port);
  const body = patternBytes(0, 65_536).latin1Slice();
  const ask = async (): Promise<void> => {
    assert.ok((await client.send(request('/', KEEP)).answer()).body === body);
    client.send(request('/unbuffered/', { ...KEEP, method: 'PUT', body }));
    assert.equal((await client.answer()).status, 200);
  };
  await ask();
  const before = slabCounts();
  for (let i = 0; i < 50; i++) await ask();
  const { taken, allocated } = slabCounts();
  // The kernel may be short of room for a few of them.
  assert.ok(taken - before.taken <= 20, `${taken - before.taken} copies of 100 bodies`);
  assert.ok(allocated - before.allocated <= 4, `${allocated - before.allocated} allocations`);
  client.close();
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ConnectionCounts, Counts } from '../../src/exchange/connection-counts.js';
import { httpExchange } from '../../src/exchange/exchange.js';
import { createProxy } from '../../src/index.js';
import { defineModule } from '../../src/program/module.js';
import { NEXT } from '../../src/program/verdict.js';
import { connect, get, request, scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';

const KEEP = { fields: ['Connection: keep-alive'] };

async function counted(t: TestContext, settings = '', backend = 1): Promise<TestProxy> {
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /status { stub_status; }
      location / { ${settings} return 200 ok; }
      location /passed { proxy_pass http://127.0.0.1:%%PORT%%; }
      location /values { return 200 "$connections_active $connections_reading $connections_writing $connections_waiting"; }
    }`,
    { PORT: backend },
  );
  t.after(() => proxy.close());
  return proxy;
}

test('the answer is the text that nginx gives', async (t) => {
  const proxy = await counted(t);
  const answer = await get(proxy.port, '/status');
  assert.equal(answer.field('content-type'), 'text/plain');
  assert.equal(
    answer.body,
    'Active connections: 1 \nserver accepts handled requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n',
  );
  await until('the connection has ended', () => proxy.proxy.status.connections === 0);
  const head = await get(proxy.port, '/status', { method: 'HEAD' });
  assert.equal(head.body, '');
  assert.equal(head.field('content-length'), String(answer.body.length));
  assert.equal((await get(proxy.port, '/status', { method: 'POST', body: 'x' })).status, 405);
});

test('connections are counted by what they are doing', async (t) => {
  const proxy = await counted(t);
  const client = await connect(proxy.port);
  const values = async (): Promise<string> => (await client.send(request('/values', KEEP)).answer()).body;
  assert.equal(await values(), '1 0 1 0');
  const other = await connect(proxy.port);
  await until('both are open', () => proxy.proxy.status.connections === 2);
  assert.equal(await values(), '2 0 1 1');
  other.send('GET / HTTP/1.1\r\n');
  while ((await values()) !== '2 1 1 0');
  other.send('Host: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await other.answer();
  await other.answer();
  assert.equal(await values(), '2 0 1 1');
  other.reset();
  await until('one has ended', () => proxy.proxy.status.connections === 1);
  assert.equal(await values(), '1 0 1 0');
  client.close();
});

test('a head that is cut off, or that is none, is a request and leaves no trace', async (t) => {
  const proxy = await counted(t);
  for (const bytes of ['GET / HT', 'nonsense\r\n\r\n', '\r\n', 'GET /passed HTTP/1.1\r\nHost: a\r\n\r\n']) {
    const client = await connect(proxy.port);
    client.send(bytes).end();
    await client.all();
    await until('the connection has ended', () => proxy.proxy.status.connections === 0);
  }
  assert.match((await get(proxy.port, '/status')).body, /\n 5 5 5 \nReading: 0 Writing: 1 Waiting: 0 \n$/);
});

test('a request that waits for an upstream, and a tunnel, are being answered', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    const asked = await connection.request();
    if (asked?.field('upgrade') === undefined) return;
    connection.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n');
  });
  t.after(() => backend.close());
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location = /status { stub_status; }
      location / {
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
        proxy_pass http://127.0.0.1:%%PORT%%;
      }
    }`,
    { PORT: backend.port },
  );
  t.after(() => proxy.close());
  const waits = await connect(proxy.port);
  waits.send(request('/'));
  const tunnel = await connect(proxy.port);
  tunnel.send(request('/', { fields: ['Connection: upgrade', 'Upgrade: websocket'] }));
  await tunnel.until('\r\n\r\n');
  await until('both are with the upstream', () => backend.connections.length === 2);
  assert.match((await get(proxy.port, '/status')).body, /^Active connections: 3 \n.*\n.*\nReading: 0 Writing: 3 /);
  waits.reset();
  tunnel.reset();
  await until('both have ended', () => proxy.proxy.status.connections === 0);
  assert.match((await get(proxy.port, '/status')).body, /^Active connections: 1 \n.*\n.*\nReading: 0 Writing: 1 /);
});

test('what other workers have counted is asked for, and added', async (t) => {
  const OTHERS: Counts = { accepted: 10, handled: 9, requests: 80, active: 7, reading: 1, writing: 2, waiting: 4 };
  let counts: ConnectionCounts | null = null;
  const spy = defineModule({
    name: 'spy',
    doc: 'Shows the counts.',
    directives: {},
    phases: {
      rewrite: {
        order: 0,
        compile: () => (x) => {
          counts = httpExchange(x).client.counts;
          return NEXT;
        },
      },
    },
  });
  const config = `events {} http { server { listen 127.0.0.1:0; location = /status { stub_status; }
    location / { return 200 $connections_active; } } }`;
  const proxy = createProxy({ config, modules: [spy], errorLog: () => {} });
  await proxy.start();
  t.after(() => proxy.close());
  const port = Number(proxy.addresses[0]?.split(':').at(-1));
  assert.equal((await get(port)).body, '1');
  const found = counts as ConnectionCounts | null;
  let asked = 0;
  found?.share(async () => {
    if (++asked > 1) throw new Error('the master does not answer');
    return OTHERS;
  });
  await until('the connection has ended', () => proxy.status.connections === 0);
  const status =
    'Active connections: 8 \nserver accepts handled requests\n 12 11 82 \nReading: 1 Writing: 3 Waiting: 4 \n';
  assert.equal((await get(port, '/status')).body, status);
  await until('the connection has ended', () => proxy.status.connections === 0);
  assert.equal((await get(port)).body, '8');
  await until('the connection has ended', () => proxy.status.connections === 0);
  assert.match((await get(port, '/status')).body, /^Active connections: 8 \n/);
  found?.hear({ ...OTHERS, active: 100 });
  await until('the connection has ended', () => proxy.status.connections === 0);
  assert.equal((await get(port)).body, '101');
});

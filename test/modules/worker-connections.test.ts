import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Connection, connect, get, request, scriptedBackend, startProxy, until } from '../kit/index.js';

const KEEP = { fields: ['Connection: keep-alive'] };

test('where few connections are left idle clients are given up, and where none is left new ones are refused', async (t) => {
  const backend = await scriptedBackend(() => {});
  t.after(() => backend.close());
  const proxy = await startProxy(
    `events { worker_connections 16; }
     http { server { listen 127.0.0.1:0; location / { return 200 ok; } location /held { proxy_pass http://127.0.0.1:%%BACKEND%%; } } }`,
    { BACKEND: backend.port },
  );
  t.after(() => proxy.close());
  const idle: Connection[] = [];
  for (let i = 0; i < 15; i++) {
    const client = (await connect(proxy.port)).send(request('/', KEEP));
    await client.answer();
    idle.push(client);
  }
  // One more fits; for the next the oldest has to go.
  const another = (await connect(proxy.port)).send(request('/', KEEP));
  assert.equal((await another.answer()).body, 'ok');
  assert.equal(await idle[0]?.all(), '');
  assert.ok(proxy.messages().includes('16 worker_connections are not enough, reusing connections'));

  // The least recently used goes, not the one that was opened first.
  const [, used, unused] = idle as [Connection, Connection, Connection]; // of 15
  assert.equal((await used.send(request('/', KEEP)).answer()).body, 'ok');
  assert.equal((await (await connect(proxy.port)).send(request('/', KEEP)).answer()).body, 'ok');
  assert.equal(await unused.all(), '');
  assert.equal((await used.send(request('/', KEEP)).answer()).body, 'ok');

  // Requests that are under way are nobody's to give up.
  const held: Connection[] = [];
  for (let i = 0; i < 8; i++) held.push((await connect(proxy.port)).send(request('/held')));
  await until('eight are at the back end', () => backend.connections.length === 8);
  const refused = await connect(proxy.port);
  refused.socket.on('error', () => {});
  await refused.all().catch(() => {});
  assert.ok(proxy.messages().includes('16 worker_connections are not enough'));
  for (const client of held) client.close();
  await until('they have gone', () => proxy.proxy.status.connections === 0);
  assert.equal((await get(proxy.port)).body, 'ok');
});

test('a request that needs one connection too many gets 500', async (t) => {
  const backend = await scriptedBackend(() => {});
  t.after(() => backend.close());
  const proxy = await startProxy(
    `events { worker_connections 1; }
     http { server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%BACKEND%%; } } }`,
    { BACKEND: backend.port },
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port)).status, 500);
  assert.ok(
    proxy.messages().some((message) => message.includes('1 worker_connections are not enough while connecting')),
  );
});

test('without worker_connections nobody is given up', async (t) => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; location / { return 200 ok; } }');
  t.after(() => proxy.close());
  const idle: Connection[] = [];
  for (let i = 0; i < 20; i++) {
    const client = (await connect(proxy.port)).send(request('/', KEEP));
    await client.answer();
    idle.push(client);
  }
  for (const client of idle) {
    assert.equal((await client.send(request('/', KEEP)).answer()).body, 'ok');
    client.close();
  }
});

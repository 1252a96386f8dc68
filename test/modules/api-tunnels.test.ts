import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, startProxy, type TestProxy, type WebSocketEcho, websocket, websocketEcho } from '../kit/index.js';
import { api, eventually } from './api-client.js';

let echo: WebSocketEcho;
let proxy: TestProxy;

before(async () => {
  echo = await websocketEcho();
  proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
      tunnel_key $arg_user;
      location /api/ { api write=on; }
      location /chat { proxy_pass http://127.0.0.1:%%PORT%%; }
      location /feed { proxy_pass http://127.0.0.1:%%PORT%%; }
    }`,
    { PORT: echo.port },
  );
});

after(async () => {
  await proxy.close();
  await echo.close();
});

test('tunnels are listed with their keys, and closed one by one, by key, or by location with a code', async () => {
  const [joe, ann, other] = await Promise.all([
    websocket(proxy.port, '/chat?user=joe'),
    websocket(proxy.port, '/chat?user=ann'),
    websocket(proxy.port, '/feed?user=joe'),
  ]);
  await Promise.all([joe, ann, other].map((client) => client.ask('hello')));
  const { body } = await api(proxy.port, 'GET', '/http/tunnels');
  assert.equal(body.total, 3);
  const first = body.items.find(({ location, key }: Record<string, string>) => location === '/chat' && key === 'joe');
  assert.deepEqual(
    [first.uri, first.server, first.websocket, first.client.startsWith('127.0.0.1:')],
    ['/chat', `127.0.0.1:${echo.port}`, { received: 1, sent: 1 }, true],
  );
  assert.deepEqual((await api(proxy.port, 'GET', `/http/tunnels/${first.id}`)).body, first);
  assert.equal((await api(proxy.port, 'GET', '/http/tunnels?key=joe&limit=1')).body.total, 2);

  const closed = await api(proxy.port, 'DELETE', `/http/tunnels/${first.id}?code=4000&reason=moved`);
  assert.deepEqual(closed.body, { closed: 1 });
  assert.equal(await joe.closed, 4000);
  assert.equal(await ann.ask('still here'), 'still here');
  assert.deepEqual((await api(proxy.port, 'DELETE', '/http/tunnels?key=joe')).body, { closed: 1 });
  assert.equal(await other.closed, 1001);
  assert.deepEqual((await api(proxy.port, 'DELETE', '/http/tunnels?location=/chat&code=1012&spread=20')).body, {
    closed: 1,
  });
  assert.equal(await ann.closed, 1012);
  await eventually('no tunnel is left', async () => (await api(proxy.port, 'GET', '/http/tunnels')).body.total === 0);
});

test('WebSockets are rebalanced on request, up to the share', async (t) => {
  const other = await websocketEcho();
  const rebalanced = await startProxy(
    `upstream app {
      ip_hash; server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%;
      tunnel_rebalance on share=50% spread=0;
    }
    upstream plain { server 127.0.0.1:%%A%%; }
    server {
      listen 127.0.0.1:0;
      location /api/ { api write=on; }
      location / {
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        proxy_pass http://app;
      }
    }`,
    { A: echo.port, B: other.port },
  );
  t.after(async () => {
    await rebalanced.close();
    await other.close();
  });
  const { port } = rebalanced;
  // All have the same server, by the client's address.
  const clients = [await websocket(port), await websocket(port), await websocket(port), await websocket(port)];
  const moved = await api(port, 'POST', '/http/upstreams/app/rebalance', {});
  assert.deepEqual([moved.status, moved.body], [200, { moved: 2 }]);
  assert.deepEqual(await Promise.all(clients.slice(0, 2).map(({ closed }) => closed)), [1012, 1012]);
  for (const client of clients.slice(2)) assert.equal(await client.ask('still here'), 'still here');
  for (const [path, status, code] of [
    ['/http/upstreams/plain/rebalance', 409, 'RebalancingDisabled'],
    ['/http/upstreams/none/rebalance', 404, 'UpstreamNotFound'],
  ] as const) {
    const refused = await api(port, 'POST', path, {});
    assert.deepEqual([refused.status, refused.body.error.code], [status, code]);
  }
  assert.equal((await api(port, 'POST', '/http/upstreams/app/rebalance', { x: 1 })).status, 400);
});

test('connections are listed and closed, except the one of the request', async () => {
  const idle = await connect(proxy.port);
  let idOfIdle = '';
  await eventually('the connection is listed', async () => {
    const { body } = await api(proxy.port, 'GET', '/http/connections');
    const found = body.items.find(({ state }: { state: string }) => state === 'idle');
    idOfIdle = found?.id ?? '';
    return idOfIdle !== '';
  });
  assert.deepEqual((await api(proxy.port, 'DELETE', `/http/connections/${idOfIdle}`)).body, { closed: 1 });
  await idle.all().catch(() => '');
  const more = [await connect(proxy.port), await connect(proxy.port)];
  await eventually(
    'all are listed',
    async () => (await api(proxy.port, 'GET', '/http/connections?client=127.0.0.1')).body.total >= 3,
  );
  const { body } = await api(proxy.port, 'DELETE', '/http/connections?client=127.0.0.1');
  assert.ok(body.closed >= 2);
  await Promise.all(more.map((connection) => connection.all().catch(() => '')));
  assert.equal((await api(proxy.port, 'GET', '/http/connections?location=/api/')).body.total, 1);
});

/** State and counters of upstreams in the API. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeringBackend, closedPort, get, reply, startProxy, websocket, websocketEcho } from '../kit/index.js';
import { api, eventually } from './api-client.js';

test('an upstream shows requests, responses, bytes, times, failures and health checks of its servers', async (t) => {
  const backend = await answeringBackend(({ target }) =>
    target === '/missing' ? reply('no', { status: '404 Not Found' }) : reply('0123456789'),
  );
  const proxy = await startProxy(
    `upstream app {
      zone app 64k; queue 7; keepalive 4;
      server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% fail_timeout=1h; server 127.0.0.1:%%B%% backup;
    }
    upstream checked { zone checked 64k; server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%; }
    server {
      listen 127.0.0.1:0;
      location /api/ { api write=on; }
      location /checked { health_check interval=10ms; proxy_pass http://checked; }
      location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app; }
    }`,
    { A: backend.port, B: await closedPort() },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  const before = Date.now();
  for (let i = 0; i < 4; i++) assert.equal((await get(proxy.port)).status, 200);
  assert.equal((await get(proxy.port, '/missing')).status, 404);
  const { body } = await api(proxy.port, 'GET', '/http/upstreams/app');
  const [good, bad, backup] = body.peers;
  assert.deepEqual(
    [good.state, good.requests, good.fails, good.unavail, good.downtime, good.downstart],
    ['up', 5, 0, 0, 0, undefined],
  );
  assert.deepEqual(good.responses, {
    '1xx': 0,
    '2xx': 4,
    '3xx': 0,
    '4xx': 1,
    '5xx': 0,
    codes: { 200: 4, 404: 1 },
    total: 5,
  });
  assert.equal(good.received, 4 * reply('0123456789').length + reply('no', { status: '404 Not Found' }).length);
  const own = backend.requests.filter((request) => request.field('host') === 'app');
  assert.equal(
    good.sent,
    own.reduce((sum, { head }) => sum + head.length, 0),
  );
  assert.ok(good.header_time >= 0 && good.response_time >= good.header_time);
  assert.ok(Date.parse(good.selected) >= before - 1000 && Date.parse(good.selected) <= Date.now() + 1000);
  assert.deepEqual(
    [bad.state, bad.requests, bad.fails, bad.unavail, bad.responses.total, bad.header_time],
    ['unavail', 1, 1, 1, 0, undefined],
  );
  assert.ok(Date.parse(bad.downstart) >= before - 1000 && bad.downtime >= 0);
  assert.deepEqual([backup.requests, backup.selected], [0, undefined]);
  assert.deepEqual([body.zone, body.keepalive, body.queue], ['app', 1, { size: 0, max_size: 7, overflows: 0 }]);

  await eventually('the checks have results', async () => {
    const { peers } = (await api(proxy.port, 'GET', '/http/upstreams/checked')).body;
    return peers[0].health_checks.checks > 0 && peers[1].health_checks.checks > 1;
  });
  const [up, down] = (await api(proxy.port, 'GET', '/http/upstreams')).body.checked.peers;
  assert.deepEqual([up.state, up.health_checks.fails, up.health_checks.last_passed], ['up', 0, true]);
  assert.deepEqual(
    [down.state, down.health_checks.unhealthy, down.health_checks.last_passed, down.unavail],
    ['unhealthy', 1, false, 0],
  );
  assert.ok(Date.parse(down.downstart) <= Date.now());

  assert.equal((await api(proxy.port, 'DELETE', '/http/upstreams/app')).status, 204);
  const [reset, other] = (await api(proxy.port, 'GET', '/http/upstreams/app')).body.peers;
  assert.deepEqual([reset.requests, reset.responses.total, reset.sent, reset.received], [0, 0, 0, 0]);
  assert.deepEqual([other.fails, other.unavail, other.state], [0, 0, 'unavail']);
  assert.equal((await api(proxy.port, 'DELETE', '/http/upstreams/none')).status, 404);
});

test('the bytes of a tunnel count when it has ended', async (t) => {
  const echo = await websocketEcho();
  const proxy = await startProxy(
    `upstream app { zone app 64k; server 127.0.0.1:%%A%%; }
    server {
      listen 127.0.0.1:0;
      location /api/ { api; }
      location / { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://app; }
    }`,
    { A: echo.port },
  );
  t.after(async () => {
    await proxy.close();
    await echo.close();
  });
  const peer = async () => (await api(proxy.port, 'GET', '/http/upstreams/app')).body.peers[0];
  const client = await websocket(proxy.port);
  assert.equal(await client.ask('x'.repeat(1000)), 'x'.repeat(1000));
  const open = await peer();
  assert.deepEqual([open.active, open.responses.codes, open.response_time], [1, { 101: 1 }, undefined]);
  await client.close();
  await eventually('the tunnel has ended', async () => (await peer()).active === 0);
  const ended = await peer();
  assert.ok(ended.sent - open.sent >= 1000 && ended.received - open.received >= 1000);
});

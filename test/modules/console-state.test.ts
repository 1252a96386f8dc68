/** The overview of the console in one process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StateMessage } from '../../src/console/state.js';
import { FeedClient } from '../console/feed-client.js';
import {
  answeringBackend,
  certificates,
  get,
  reply,
  startProxy,
  until,
  websocket,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';
import { ask, problemsOf } from './console-client.js';

const CONSOLE = 'location /console/ { console; }';

test('the overview has requests, connections, upstreams with their servers, zones, workers and generations', async (t) => {
  const echo = await websocketEcho();
  const proxy = await startProxy(
    `keyval_zone zone=flags:64k; keyval $host $flag zone=flags; limit_req_zone $host zone=hosts:64k rate=100r/s;
    upstream app { zone app 64k; least_conn; server 127.0.0.1:%%PORT%% weight=2; server 127.0.0.1:1 backup; keepalive 4; }
    server { listen 127.0.0.1:0; ${CONSOLE}
      location /ws { proxy_websocket on; proxy_pass http://app; }
      location /up/ { proxy_pass http://app; }
      location /broken { return 503; } location / { limit_req zone=hosts; root /nowhere; } }`,
    { PORT: echo.port },
  );
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  const client = await websocket(proxy.port, '/ws');
  for (let i = 0; i < 3; i++) assert.equal((await get(proxy.port, '/up/')).status, 200);
  assert.equal((await get(proxy.port, '/broken')).status, 503);
  assert.equal((await get(proxy.port, '/none')).status, 404);
  const { status, body } = await ask(proxy.port, 'state');
  assert.equal(status, 200);
  assert.deepEqual(problemsOf(body), []);
  assert.equal(body.generation, 1);
  assert.ok(Math.abs(Date.now() - body.since) < 60_000 && body.started <= body.since);
  assert.equal(body.requests.total, 7);
  assert.deepEqual(body.requests.statuses, { '1xx': 0, '2xx': 3, '3xx': 0, '4xx': 1, '5xx': 1 });
  assert.ok(body.requests.latency.p50 > 0 && body.requests.latency.p99 < 60_000);
  assert.equal(body.connections.tunnels, 1);
  assert.ok(body.connections.active >= 2);
  const [app] = body.upstreams;
  assert.deepEqual([app.name, app.method, app.breaker, app.queue], ['app', 'least_conn', null, null]);
  const [first, second] = app.peers;
  assert.deepEqual(
    [first.address, first.state, first.weight, first.active, first.requests, first.share, first.since],
    [`127.0.0.1:${echo.port}`, 'up', 2, 1, 4, 1, null],
  );
  assert.deepEqual([second.backup, second.requests, second.share], [true, 0, 0]);
  assert.deepEqual(
    body.zones.map(({ name, kind }: { name: string; kind: string }) => [name, kind]),
    [
      ['flags', 'keyval'],
      ['hosts', 'limit_req'],
    ],
  );
  const [flags, hosts] = body.zones;
  assert.deepEqual([flags.used, flags.size], [0, 65_536]);
  assert.ok(hosts.used > 0 && hosts.used < hosts.size);
  const [worker] = body.workers;
  assert.deepEqual([worker.pid, worker.number, worker.generation, worker.tunnels], [process.pid, 0, 1, 1]);
  assert.ok(worker.rss > worker.heap && worker.heap > 1e6);
  assert.deepEqual(body.generations.length, 1);
  assert.deepEqual(
    [body.generations[0].number, body.generations[0].inForce, body.generations[0].tunnels],
    [1, true, 1],
  );
  assert.deepEqual(
    body.reloads.map(({ generation, cause }: { generation: number; cause: string }) => [generation, cause]),
    [[1, 'start']],
  );
  await client.close();
});

test('a viewer receives overviews, and learns what has become a problem, since when, and that it has ended', async (t) => {
  const server = await answeringBackend(() => reply('ok'));
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%PORT%%; server 127.0.0.1:1 max_fails=1 fail_timeout=1h; }
    server { listen 127.0.0.1:0; ${CONSOLE} location / { proxy_pass http://app; } }`,
    { PORT: server.port },
  );
  t.after(() => Promise.all([proxy.close(), server.close()]));
  const feed = await FeedClient.open(proxy.port);
  const last = () => feed.messages.findLast(({ type }) => type === 'state') as StateMessage | undefined;
  await until('the first overview', () => last() !== undefined);
  assert.deepEqual(problemsOf(last()), []);
  const before = Date.now();
  for (let i = 0; i < 4; i++) await get(proxy.port, '/');
  await until('a problem', () => problemsOf(last()).length === 1);
  const [problem] = problemsOf(last());
  assert.equal(problem?.text, '1 of 2 servers of `app` is down (127.0.0.1:1)');
  assert.ok(problem !== undefined && problem.since >= before && problem.since <= Date.now());
  assert.equal(last()?.upstreams[0]?.peers[1]?.state, 'unavail');
  await proxy.reload(
    `upstream app { server 127.0.0.1:%%PORT%%; }
    server { listen 127.0.0.1:0; ${CONSOLE} location / { proxy_pass http://app; } }`,
    { PORT: server.port },
  );
  const other = await FeedClient.open(proxy.port);
  await until('no problem', () => {
    const state = other.messages.findLast(({ type }) => type === 'state') as StateMessage | undefined;
    return state?.generation === 2 && problemsOf(state).length === 0;
  });
  const state = await ask(proxy.port, 'state');
  assert.match(state.body.reloads[0].lines.join('\n'), /removed server 127\.0\.0\.1:1 of upstream app/);
  await Promise.all([feed.close(), other.close()]);
});

test('a circuit breaker that refuses requests and an expired certificate are problems', {
  skip: withoutOpenssl,
}, async (t) => {
  const { directory } = certificates();
  const proxy = await startProxy(
    `upstream app { circuit_breaker failures=1 window=1h open=1h; server 127.0.0.1:1; }
    server { listen 127.0.0.1:0; ${CONSOLE} location / { proxy_pass http://app; } }
    server { listen 127.0.0.2:0 ssl; server_name shop.example; ssl_certificate %%CERTIFICATES%%/expired.crt;
      ssl_certificate_key %%CERTIFICATES%%/expired.key; }`,
    { CERTIFICATES: directory },
  );
  t.after(() => proxy.close());
  await get(proxy.port, '/');
  await get(proxy.port, '/');
  const { body } = await ask(proxy.port, 'state');
  assert.equal(body.upstreams[0].breaker, 'open');
  const days = Math.floor((body.certificates[0].validTo - body.time) / 86_400_000);
  assert.ok(days <= -10 && days >= -12);
  assert.deepEqual(
    body.certificates.map(({ names, days, servers }: Record<string, unknown>) => [names, days, servers]),
    [[['localhost', '127.0.0.1', 'example.com', 'www.example.com'], days, ['shop.example']]],
  );
  const texts = body.problems.map(({ text }: { text: string }) => text);
  assert.ok(texts.includes('The circuit breaker of `app` is open: requests are refused'), texts.join('\n'));
  assert.ok(texts.includes('The certificate of `localhost` has expired'), texts.join('\n'));
});

test('a configuration without a console has no overview, also if an earlier one had one', async (t) => {
  const proxy = await startProxy(`server { listen 127.0.0.1:0; ${CONSOLE} }`);
  t.after(() => proxy.close());
  assert.equal((await ask(proxy.port, 'state')).status, 200);
  await proxy.reload('server { listen 127.0.0.1:0; location / { return 404; } }');
  assert.equal((await ask(proxy.port, 'state')).status, 404);
  assert.equal((await ask(proxy.port, 'config')).status, 404);
});

test('decisions of limits and the use of API keys are counted', async (t) => {
  const proxy = await startProxy(
    `limit_req_zone $uri zone=paths:64k rate=1r/m;
    api_plan free 100/1d; api_keys partners { joe-key joe free; }
    server { listen 127.0.0.1:0; ${CONSOLE} root %%DIR%%;
      location /limited { limit_req zone=paths; }
      location /keys { api_key partners; metrics_usage orders; } }`,
  );
  t.after(() => proxy.close());
  for (let i = 0; i < 3; i++) await get(proxy.port, '/limited');
  await get(proxy.port, '/keys', { fields: ['X-API-Key: joe-key'] });
  const { body } = await ask(proxy.port, 'state');
  assert.deepEqual(body.limits, [{ zone: 'paths', kind: 'limit_req', passed: 1, delayed: 0, rejected: 2 }]);
  assert.deepEqual(body.usage, [
    {
      ...{ keys: 'partners', client: 'joe', plan: 'free', rule: 'orders' },
      ...{ requests: { allowed: 1, limited: 0, forbidden: 0 }, upgrades: 0, messages: { client: 0, upstream: 0 } },
    },
  ]);
});

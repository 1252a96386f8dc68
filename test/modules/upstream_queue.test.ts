/** `queue`: requests wait until a server is available. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { check } from '../../src/config/check.js';
import { modules } from '../../src/modules/index.js';
import { compileRoutingTable } from '../../src/program/compiler.js';
import { Server } from '../../src/server/server.js';
import { portChannel } from '../../src/zones/channel.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import {
  answeringBackend,
  type Backend,
  closedPort,
  complete,
  connect,
  get,
  reply,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

interface Scene {
  readonly proxy: TestProxy;
  readonly backend: Backend;
  /** Answers the oldest request that the back end holds. */
  answer(): void;
}

/** A proxy with one server that holds every request until it is told to answer. */
async function scene(t: TestContext, directives: string, server = 'max_conns=1'): Promise<Scene> {
  const held: (() => void)[] = [];
  const backend = await answeringBackend((request) =>
    request.target === '/now'
      ? reply('now')
      : new Promise<string>((resolve) => held.push(() => resolve(reply(request.target)))),
  );
  const proxy = await startProxy(
    `
    log_format test '$uri $status $upstream_addr $upstream_queue_time';
    upstream u { zone u 64k; server 127.0.0.1:%%PORT%% ${server}; ${directives} }
    server { listen 127.0.0.1:0; access_log logs/test.log test; location / { proxy_pass http://u; } location /static { return 200 static; } }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  return { proxy, backend, answer: () => held.shift()?.() };
}

test('requests wait for a connection of max_conns in the order of their arrival', async (t) => {
  const { proxy, backend, answer } = await scene(t, 'queue 5;');
  const client = (path: string) =>
    connect(proxy.port).then((connection) => {
      connection.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      return connection;
    });
  const clients = [await client('/0')];
  await until('the first one has the connection', () => backend.requests.length === 1);
  for (let n = 1; n < 4; n++) {
    clients.push(await client(`/${n}`));
    // A response on another connection shows that the proxy has read the request before it.
    assert.equal((await get(proxy.port, '/static')).body, 'static');
  }
  for (let n = 1; n <= 4; n++) {
    await until('the next one has the connection', () => backend.requests.length === n);
    answer();
  }
  for (const each of clients) assert.match(await each.all(), /^HTTP\/1\.1 200/);
  assert.deepEqual(
    backend.requests.map(({ target }) => target),
    ['/0', '/1', '/2', '/3'],
  );
});

test('a request that finds no room is answered with 502, and the others wait', async (t) => {
  const { proxy, backend, answer } = await scene(t, 'queue 2 timeout=20s;');
  const first = get(proxy.port, '/first');
  await until('it has the connection', () => backend.requests.length === 1);
  const waiting = [get(proxy.port, '/a'), get(proxy.port, '/b'), get(proxy.port, '/c')];
  const statuses: number[] = [];
  for (const each of waiting) void each.then(({ status }) => statuses.push(status));
  await until('one is refused', () => statuses.length === 1);
  assert.deepEqual(statuses, [502]);
  assert.equal(backend.requests.length, 1);
  assert.match(proxy.messages('error').join('\n'), /no live upstreams while connecting to upstream/);
  for (let n = 2; n <= 3; n++) {
    answer();
    await until('the next one has the connection', () => backend.requests.length === n);
  }
  answer();
  await first;
  assert.deepEqual((await Promise.all(waiting)).map(({ status }) => status).sort(), [200, 200, 502]);
  await until('all are logged', () => proxy.accessLog('logs/test.log').length === 4);
  const log = proxy.accessLog('logs/test.log');
  assert.ok(log.includes(`/first 200 127.0.0.1:${backend.port} -`), log.join('\n'));
  assert.equal(log.filter((line) => /^\/[abc] 200 127\.0\.0\.1:\d+ \d+\.\d{3}$/.test(line)).length, 2);
  assert.equal(log.filter((line) => /^\/[abc] 502 u -$/.test(line)).length, 1);
});

test('a request that has waited too long is answered with 502', async (t) => {
  const { proxy, backend, answer } = await scene(t, 'queue 2 timeout=200ms;');
  const first = get(proxy.port, '/first');
  await until('it has the connection', () => backend.requests.length === 1);
  const start = performance.now();
  assert.equal((await get(proxy.port, '/late')).status, 502);
  const elapsed = performance.now() - start;
  assert.ok(elapsed >= 200);
  answer();
  assert.equal((await first).status, 200);
  const [, time] = /\/late 502 u (\d+\.\d{3})/.exec(proxy.accessLog('logs/test.log').join('\n')) ?? [];
  // Whole ms, counted from just after the deadline was set.
  assert.ok(Number(time) >= 0.199 && Number(time) <= elapsed / 1000 + 0.001, `${time} s of ${elapsed} ms`);
  assert.equal((await get(proxy.port, '/now')).body, 'now');
});

test('a client that closes its connection leaves the queue', async (t) => {
  const { proxy, backend, answer } = await scene(t, 'queue 1;');
  const first = get(proxy.port, '/first');
  await until('it has the connection', () => backend.requests.length === 1);
  const client = await connect(proxy.port);
  client.send('GET /left HTTP/1.1\r\nHost: x\r\n\r\n');
  const refused = async (): Promise<boolean> => {
    const other = await connect(proxy.port);
    other.send('GET /probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const race = await Promise.race([
      other.all().then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50)),
    ]);
    other.close();
    return race;
  };
  while (!(await refused())) {
    // The request of the client that leaves is not in the queue yet.
  }
  client.close();
  const second = get(proxy.port, '/second').then(async (response) =>
    response.status === 502 ? get(proxy.port, '/second') : response,
  );
  await until('the client is gone', () =>
    proxy.messages().some((message) => /client prematurely closed|client closed/.test(message)),
  );
  answer();
  await until('the second one has the connection', () => backend.requests.length === 2);
  assert.ok(!backend.requests.some(({ target }) => target === '/left'));
  answer();
  await Promise.all([first, second]);
});

test('a server that has failed is used again after fail_timeout, and requests wait for it', async (t) => {
  const gone = await closedPort();
  const proxy = await startProxy(
    `
    upstream u { server 127.0.0.1:${gone} fail_timeout=1s; server 127.0.0.1:9 down; queue 3; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; } }`,
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port)).status, 502);
  const backend = await answeringBackend(reply('back'), { port: gone });
  t.after(() => backend.close());
  const responses = await Promise.all([get(proxy.port), get(proxy.port)]);
  assert.deepEqual(
    responses.map(({ body }) => body),
    ['back', 'back'],
  );
});

test('requests that wait use a server that a reload adds', async (t) => {
  const { proxy, backend, answer } = await scene(t, 'queue 5;');
  const first = get(proxy.port, '/first');
  await until('it has the connection', () => backend.requests.length === 1);
  const waiting = get(proxy.port, '/waiting');
  const other = await answeringBackend(reply('other'));
  t.after(() => other.close());
  const text = (servers: string) => `
    upstream u { zone u 64k; ${servers} queue 5; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; } }`;
  await proxy.reload(text(`server 127.0.0.1:${backend.port} max_conns=1; server 127.0.0.1:${other.port} max_conns=1;`));
  assert.equal((await get(proxy.port, '/new')).body, 'other');
  let body = '';
  void waiting.then((response) => {
    body = response.body;
  });
  await until('the one that waits is answered', () => {
    answer();
    return body !== '';
  });
  // The new server, if the proxy has read the request after the reload.
  assert.ok(body === '/waiting' || body === 'other', body);
  assert.equal((await first).body, '/first');
});

test('requests wait until a health check finds the server', async (t) => {
  const gone = await closedPort();
  const proxy = await startProxy(`
    upstream u { zone u 64k; server 127.0.0.1:${gone} slow_start=10s; queue 3; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; health_check interval=200ms mandatory; } }`);
  t.after(() => proxy.close());
  const waiting = get(proxy.port);
  const backend = await answeringBackend(reply('back'), { port: gone });
  t.after(() => backend.close());
  assert.equal((await waiting).body, 'back');
});

test('three workers share max_conns, and a request waits for a connection that another worker has', async (t) => {
  const held: (() => void)[] = [];
  const backend = await answeringBackend(
    ({ target }) => new Promise<string>((resolve) => held.push(() => resolve(reply(target)))),
  );
  t.after(() => backend.close());
  const keeper = new ZoneServer();
  const workers = await Promise.all([1, 2, 3].map(() => startWorker(t, keeper, backend.port)));
  const responses = workers.flatMap((port, i) => [get(port, `/${i}a`), get(port, `/${i}b`)]);
  const bodies: string[] = [];
  for (const response of responses) void response.then(({ body }) => bodies.push(body));
  for (let n = 1; n <= 6; n++) {
    await until('a request has the connection', () => backend.requests.length === n);
    assert.equal(held.length, 1, 'no other request has one');
    held.shift()?.();
    await until('it is answered', () => bodies.length === n);
  }
  assert.deepEqual(bodies.sort(), ['/0a', '/0b', '/1a', '/1b', '/2a', '/2b']);
});

/** A server with a table of its own, whose zones are those of the master; returns its port. */
async function startWorker(t: TestContext, keeper: ZoneServer, backend: number): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  keeper.serve(portChannel(port1));
  const errorLog = { threshold: 7, write: () => {} };
  const zones = new RemoteBackend(portChannel(port2), { log: () => {}, timeout: 20_000 });
  const text = complete(
    `upstream u { zone u 64k; server 127.0.0.1:${backend} max_conns=1; queue 5; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; } }`,
    {},
  );
  const { config } = check({ name: 'test', text }, modules, { prefix: '/nonexistent/' });
  assert.ok(config);
  const table = await compileRoutingTable(config, modules, {
    errorLog,
    previous: null,
    prefix: '/nonexistent/',
    zones,
  });
  const server = new Server({ errorLog });
  (await server.prepare(table)).commit();
  t.after(() => {
    server.stop();
    port1.close();
  });
  return Number(server.addresses()[0]?.address.replace(/^.*:/, ''));
}

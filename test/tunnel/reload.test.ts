/** Effect of a reload on tunnels: they belong to the new configuration if their location has the same meaning. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryObjects } from 'node:v8';
import { LocationProgram } from '../../src/program/program.js';
import {
  type BackendConnection,
  connect,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';
import { close, codeOf, SWITCH, UPGRADE } from './raw-frames.js';

const MAP = "map $http_upgrade $up { default upgrade; '' close; }";
const PASS = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $up;';
const DRAIN = 'tunnel_drain on spread=100ms timeout=5s;';

function http(upstream: string, locations: string, more = ''): string {
  return `${MAP} ${more}
    log_format generation '$config_generation $uri $server_name $status'; access_log logs/access.log generation;
    upstream app { ${upstream} }
    server { listen 127.0.0.1:0; server_name localhost; ${locations} }`;
}

function notices(proxy: TestProxy): string[] {
  return proxy.messages('notice').filter((message) => !message.startsWith('generation'));
}

/** Removes the lines so far. */
function forget(proxy: TestProxy): void {
  proxy.entries.length = 0;
}

test('a tunnel whose location means the same belongs to the new generation at once', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const server = `server 127.0.0.1:${echo.port};`;
  const location = `location /ws { ${PASS} proxy_pass http://app; }`;
  const proxy = await startProxy(http(server, location));
  t.after(() => proxy.close());
  const client = await websocket(proxy.port, '/ws');
  assert.equal(await client.ask('one'), 'one');

  const rewritten = `location /other { return 204; } location /ws {
    # the same, written in another way
    proxy_pass http://app; ${PASS} proxy_buffering on; }`;
  const { predecessorEnded } = await proxy.reload(http(server, rewritten));
  await predecessorEnded;
  assert.equal(proxy.proxy.status.generations, 1);
  assert.equal(proxy.proxy.status.active, 1);
  assert.deepEqual(notices(proxy), ['added location /other of server localhost (<inline>:6)', 'tunnels: 1 stay']);
  assert.equal(await client.ask('two'), 'two');

  forget(proxy);
  await (await proxy.reload(http(`${server} server 127.0.0.2:${echo.port} backup;`, location))).predecessorEnded;
  assert.equal(await client.ask('three'), 'three');
  assert.equal(await client.close(), 1000);
  await until('the tunnel is logged', () => proxy.accessLog().length === 1);
  // It is logged by the configuration to which it belongs, with what it was from the beginning.
  assert.deepEqual(proxy.accessLog(), ['1 /ws localhost 101']);
  await until('nothing is left', () => proxy.proxy.status.active === 0);
});

test('a tunnel whose location was removed or changed continues, or drains if configured', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const server = `server 127.0.0.1:${echo.port};`;
  const at = (path: string, more: string) => `location ${path} { ${PASS} ${more} proxy_pass http://app; }`;
  const all = (proxy: TestProxy) =>
    Promise.all(['/gone', '/gone-drains', '/changed-drains', '/same'].map((path) => websocket(proxy.port, path)));
  const proxy = await startProxy(
    http(
      server,
      [at('/gone', ''), at('/gone-drains', DRAIN), at('/changed-drains', DRAIN), at('/same', DRAIN)].join('\n'),
    ),
  );
  t.after(() => proxy.close());
  const [gone, goneDrains, changedDrains, same] = await all(proxy);
  await proxy.reload(
    http(
      server,
      [at('/changed-drains', `${DRAIN} proxy_read_timeout 7s;`), at('/same', 'tunnel_drain off;')].join('\n'),
    ),
  );
  assert.equal(await goneDrains?.closed, 1012);
  assert.equal(await changedDrains?.closed, 1012);
  await until('the back end has noticed', () => echo.closeCodes.length === 2);
  assert.deepEqual(echo.closeCodes, [1012, 1012]);
  assert.equal(await gone?.ask('still'), 'still');
  assert.equal(await same?.ask('here'), 'here');
  assert.ok(notices(proxy).includes('tunnels: 2 stay, 2 drain'), notices(proxy).join('\n'));
  assert.ok(
    proxy.messages('notice').some((message) => /^generation 1 has 0 requests and [1-3] tunnels left$/.test(message)),
  );
  assert.equal(proxy.proxy.status.generations, 2);

  // A location that is added again is found.
  await proxy.reload(http(server, [at('/gone', ''), at('/same', '')].join('\n')));
  await until('the first generation has ended', () => proxy.proxy.status.generations === 1);
  assert.equal(await gone?.ask('again'), 'again');
  await gone?.close();
  await same?.close();
});

test('a tunnel drains when its server leaves the upstream, and not when another one does', async (t) => {
  const [one, other] = [await websocketEcho({ greeting: 'one' }), await websocketEcho({ greeting: 'other' })];
  t.after(() => one.close());
  t.after(() => other.close());
  const [first, second] = [`server 127.0.0.1:${one.port};`, `server 127.0.0.1:${other.port};`];
  const location = `location /ws { ${PASS} ${DRAIN} proxy_pass http://app; }`;
  const proxy = await startProxy(http(`${first} ${second}`, location));
  t.after(() => proxy.close());
  const clients = [await websocket(proxy.port, '/ws'), await websocket(proxy.port, '/ws')];
  const greetings = await Promise.all(clients.map((client) => client.next()));
  const stays = clients[greetings.indexOf('one')];
  const leaves = clients[greetings.indexOf('other')];
  await proxy.reload(http(`${first} server 127.0.0.1:9;`, location));
  assert.equal(await leaves?.closed, 1012);
  await until('the other one has noticed', () => other.closeCodes.length === 1);
  assert.deepEqual(other.closeCodes, [1012]);
  assert.equal(await stays?.ask('here'), 'here');
  await until('only the new generation is left', () => proxy.proxy.status.generations === 1);
  await proxy.reload(http(`${first.replace(';', ' down;')} server 127.0.0.1:9;`, location));
  assert.equal(await stays?.closed, 1012);
});

test('a tunnel stays where the upstream has another name, or none, and its server is still there', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const text = (upstreams: string, pass: string) => `${MAP} ${upstreams}
    server { listen 127.0.0.1:0; location /ws { ${PASS} ${DRAIN} proxy_pass ${pass}; } }`;
  const server = `server 127.0.0.1:${echo.port};`;
  const proxy = await startProxy(text(`upstream app { ${server} }`, 'http://app'));
  t.after(() => proxy.close());
  const client = await websocket(proxy.port, '/ws');
  for (const [upstreams, pass] of [
    [`upstream other { ${server} server 127.0.0.1:9; }`, 'http://other'],
    ['', `http://127.0.0.1:${echo.port}`],
    [`upstream Third { ${server} }`, 'http://third'],
    [`upstream third { server 127.0.0.1:9; ${server} }`, 'http://third'],
  ] as const) {
    await (await proxy.reload(text(upstreams, pass))).predecessorEnded;
    assert.equal(await client.ask(pass), pass);
  }
  await proxy.reload(text('upstream fourth { server 127.0.0.1:9; }', 'http://fourth'));
  assert.equal(await client.closed, 1012);
});

test('a tunnel whose turn to end has not come stays where a reload takes the change back', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const location = (path: string) =>
    `location ${path} { ${PASS} tunnel_drain on spread=2s timeout=5s; proxy_pass http://app; }`;
  const server = `server 127.0.0.1:${echo.port};`;
  const proxy = await startProxy(http(server, location('/ws')));
  t.after(() => proxy.close());
  const clients = await Promise.all([websocket(proxy.port, '/ws'), websocket(proxy.port, '/ws')]);
  await proxy.reload(http(server, location('/other')));
  assert.equal(await Promise.race(clients.map(({ closed }) => closed)), 1012);
  await proxy.reload(http(server, location('/ws')));
  const begun = performance.now();
  const left = clients.filter(({ socket }) => socket.readyState === socket.OPEN);
  assert.equal(left.length, 1);
  await until('its turn would have come', () => performance.now() - begun > 1100);
  assert.equal(await left[0]?.ask('here'), 'here');
});

test('a reload without any proxy_pass finds the tunnels, and so do later reloads', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const at = (path: string, drain: string) => `location ${path} { ${PASS} ${drain} proxy_pass http://app; }`;
  const server = `server 127.0.0.1:${echo.port};`;
  const proxy = await startProxy(http(server, `${at('/drains', DRAIN)} ${at('/stays', '')}`));
  t.after(() => proxy.close());
  const [drains, stays] = [await websocket(proxy.port, '/drains'), await websocket(proxy.port, '/stays')];
  await proxy.reload('server { listen 127.0.0.1:0; return 204; }');
  assert.equal(await drains.closed, 1012);
  await proxy.reload(http(server, at('/stays', '')));
  await until('the tunnel belongs to the last generation', () => proxy.proxy.status.generations === 1);
  assert.equal(await stays.ask('here'), 'here');
});

test('a tunnel that begins when its configuration is gone already is treated as if it had lived before', async (t) => {
  const waiting: BackendConnection[] = [];
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    waiting.push(connection);
  });
  t.after(() => backend.close());
  const server = `server 127.0.0.1:${backend.port};`;
  const at = (path: string) => `location ${path} { ${PASS} ${DRAIN} proxy_pass http://app; }`;
  const proxy = await startProxy(http(server, `${at('/stays')} ${at('/gone')}`));
  t.after(() => proxy.close());
  const stays = (await connect(proxy.port)).send(UPGRADE.replace('/', '/stays'));
  await until('the first has asked', () => waiting.length === 1);
  const gone = (await connect(proxy.port)).send(UPGRADE.replace('/', '/gone'));
  await until('the second has asked', () => waiting.length === 2);
  const { predecessorEnded } = await proxy.reload(http(server, at('/stays')));
  for (const connection of waiting) connection.send(SWITCH);
  assert.match(await stays.until('\r\n\r\n'), / 101 /);
  assert.match(await gone.until('\r\n\r\n'), / 101 /);
  assert.equal(await gone.bytes(4), close(1012));
  gone.send(close(1012, true));
  assert.equal(codeOf(await (waiting[1] as BackendConnection).reader.bytes(8)), 1012);
  (waiting[1] as BackendConnection).send(close(1012));
  assert.equal(await gone.all(), '');
  await predecessorEnded;
  waiting[0]?.send('\x81\x01a');
  assert.equal(await stays.bytes(3), '\x81\x01a');
  stays.close();
});

test('reloads that change nothing for tunnels leave nothing of old configurations behind', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const text = (i: number) =>
    http(
      `server 127.0.0.1:${echo.port};`,
      `location /ws { if ($arg_x) { ${'proxy_pass http://app;'} } ${PASS} ${DRAIN} set $mark $connection; proxy_pass http://app; }`,
      `map $uri $v${i} { default ${i}; } ${i % 2 === 0 ? `server { listen 127.0.0.2:0; return 200 $v${i}; }` : ''}`,
    );
  const proxy = await startProxy(text(0));
  t.after(() => proxy.close());
  const clients = await Promise.all(
    Array.from({ length: 10 }, (_, i) => websocket(proxy.portOf('127.0.0.1'), i % 2 === 0 ? '/ws' : '/ws?x=1')),
  );
  const programs = queryObjects(LocationProgram, { format: 'count' });
  for (let i = 1; i <= 30; i++) {
    await (await proxy.reload(text(i))).predecessorEnded;
    const client = clients[i % clients.length];
    assert.equal(await client?.ask(`message ${i}`), `message ${i}`);
  }
  assert.equal(proxy.proxy.status.generations, 1);
  assert.equal(proxy.proxy.status.active, 10);
  // Tunnels hold on to nothing of the configurations before: there are as many programs as there were with the first one.
  assert.equal(queryObjects(LocationProgram, { format: 'count' }), programs);
  await Promise.all(clients.map((client) => client.close()));
  await until('nothing is left', () => proxy.proxy.status.active === 0);
  assert.deepEqual(proxy.messages('error'), []);
});

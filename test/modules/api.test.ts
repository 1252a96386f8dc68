import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { get, startProxy, type TestProxy, websocket, websocketEcho } from '../kit/index.js';
import { api, eventually, JSON_TYPE } from './api-client.js';

const CONFIG = `
  keyval_zone zone=names:64k state=%%DIR%%/names.json;
  keyval_zone zone=nets:64k type=ip;
  keyval_zone zone=paths:64k type=prefix;
  keyval_zone zone=short:64k timeout=50ms;
  keyval $arg_name $value zone=names;
  keyval $arg_ip $net zone=nets;
  keyval $uri $longest zone=paths;
  keyval $arg_name $brief zone=short;
  upstream app { zone app 64k; state %%DIR%%/app.conf; }
  upstream fixed { zone fixed 64k; server 127.0.0.1:1 weight=3 fail_timeout=5s; server 127.0.0.1:2 backup; }
  upstream plain { server 127.0.0.1:1; }
  server {
    listen 127.0.0.1:0;
    location /api/ { api write=on; }
    location /read/ { api; }
    location /app { proxy_pass http://app; }
    location /values { return 200 "$value|$net|$longest|$brief"; }
  }
  server { listen 127.0.0.2:0; return 200 one; }
  server { listen 127.0.0.3:0; return 200 two; }`;

let proxy: TestProxy;

before(async () => {
  proxy = await startProxy(CONFIG);
});

after(() => proxy.close());

const SERVERS = '/http/upstreams/app/servers';
const at = (host: string): string => `${host}:${proxy.portOf(host)}`;

async function clear(): Promise<void> {
  for (const { id } of (await api(proxy.port, 'GET', SERVERS)).body) {
    assert.equal((await api(proxy.port, 'DELETE', `${SERVERS}/${id}`)).status, 200);
  }
}

test('servers are added, changed, drained and removed, and each change is saved', async () => {
  assert.equal((await get(proxy.port, '/app')).status, 502);
  const one = await api(proxy.port, 'POST', SERVERS, { server: at('127.0.0.2'), weight: 5, fail_timeout: '3s' });
  assert.equal(one.status, 201);
  assert.deepEqual(one.body, {
    id: one.body.id,
    server: at('127.0.0.2'),
    weight: 5,
    max_conns: 0,
    max_fails: 1,
    fail_timeout: '3s',
    slow_start: '0s',
    route: '',
    backup: false,
    down: false,
  });
  assert.equal((await get(proxy.port, '/app')).body, 'one');
  assert.equal(proxy.file('app.conf'), `server ${at('127.0.0.2')} weight=5 fail_timeout=3s;\n`);
  const two = await api(proxy.port, 'POST', SERVERS, { server: at('127.0.0.3') });
  const drained = await api(proxy.port, 'PATCH', `${SERVERS}/${one.body.id}`, { drain: true });
  assert.deepEqual([drained.status, drained.body.drain, drained.body.weight], [200, true, 5]);
  for (let i = 0; i < 4; i++) assert.equal((await get(proxy.port, '/app')).body, 'two');
  assert.deepEqual(
    (await api(proxy.port, 'GET', '/http/upstreams/app')).body.peers.map(({ state }: { state: string }) => state),
    ['draining', 'up'],
  );
  await api(proxy.port, 'PATCH', `${SERVERS}/${one.body.id}`, { drain: false });
  const left = await api(proxy.port, 'DELETE', `${SERVERS}/${two.body.id}`);
  assert.deepEqual(left.body, [one.body]);
  for (let i = 0; i < 4; i++) assert.equal((await get(proxy.port, '/app')).body, 'one');
  await clear();
  assert.equal(proxy.file('app.conf'), '');
});

test('a reload and a restart find the servers and keys of the state files', async (t) => {
  await api(proxy.port, 'POST', SERVERS, { server: at('127.0.0.2'), route: 'a b;"c' });
  await api(proxy.port, 'POST', '/http/keyvals/names', { 'é"': 'v', later: { value: 'x', expire: 3_600_000 } });
  const [{ id: _, ...server }] = (await api(proxy.port, 'GET', SERVERS)).body;
  await proxy.reload(CONFIG);
  const [reloaded] = (await api(proxy.port, 'GET', SERVERS)).body;
  assert.deepEqual({ ...reloaded, id: 0 }, { ...server, id: 0 });
  assert.equal((await get(proxy.port, `/app`)).body, 'one');
  const other = await startProxy(
    CONFIG,
    {},
    {
      files: { 'app.conf': proxy.file('app.conf'), 'names.json': proxy.file('names.json') },
    },
  );
  t.after(() => other.close());
  const [restarted] = (await api(other.port, 'GET', SERVERS)).body;
  assert.deepEqual({ ...restarted, id: 0 }, { ...server, id: 0 });
  assert.deepEqual((await api(other.port, 'GET', '/http/keyvals/names')).body, { 'é"': 'v', later: 'x' });
  await clear();
  await api(proxy.port, 'DELETE', '/http/keyvals/names');
});

test('requests in progress continue when their server is removed', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const tunnelled = await startProxy(
    `upstream app { zone app 64k; state %%DIR%%/app.conf; }
    server {
      listen 127.0.0.1:0;
      location /api/ { api write=on; }
      location / {
        proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        proxy_pass http://app;
      }
    }`,
  );
  t.after(() => tunnelled.close());
  const { body } = await api(tunnelled.port, 'POST', SERVERS, { server: `127.0.0.1:${echo.port}` });
  const client = await websocket(tunnelled.port);
  assert.equal(await client.ask('a'), 'a');
  assert.equal((await api(tunnelled.port, 'GET', '/http/upstreams/app')).body.peers[0].active, 1);
  await api(tunnelled.port, 'PATCH', `${SERVERS}/${body.id}`, { max_conns: 7, weight: 2 });
  const [peer] = (await api(tunnelled.port, 'GET', '/http/upstreams/app')).body.peers;
  assert.deepEqual([peer.active, peer.weight, peer.max_conns, peer.requests], [1, 2, 7, 1]);
  await api(tunnelled.port, 'DELETE', `${SERVERS}/${body.id}`);
  assert.equal(await client.ask('b'), 'b');
  await client.close();
});

test('invalid requests are refused with a reason and change nothing', async () => {
  await api(proxy.port, 'POST', SERVERS, { server: at('127.0.0.2') });
  const before = [(await api(proxy.port, 'GET', SERVERS)).body, proxy.file('app.conf')];
  const cases: readonly (readonly [method: string, path: string, body: unknown, status: number, code: string])[] = [
    ['POST', SERVERS, '{', 400, 'JsonError'],
    ['POST', SERVERS, '"\xff"', 400, 'JsonError'],
    ['POST', SERVERS, {}, 400, 'FormatError'],
    ['POST', SERVERS, [], 400, 'FormatError'],
    ['POST', SERVERS, { server: 'a:b:c' }, 400, 'UpstreamConfFormatError'],
    ['POST', SERVERS, { server: '127.0.0.1:99999' }, 400, 'UpstreamConfFormatError'],
    ['POST', SERVERS, { server: 'name.example' }, 400, 'UpstreamConfNoResolver'],
    ['POST', SERVERS, { server: '127.0.0.1', weight: 0 }, 400, 'FormatError'],
    ['POST', SERVERS, { server: '127.0.0.1', weight: '1' }, 400, 'FormatError'],
    ['POST', SERVERS, { server: '127.0.0.1', wieght: 1 }, 400, 'FormatError'],
    ['POST', SERVERS, { server: '127.0.0.1', fail_timeout: 'soon' }, 400, 'UpstreamConfFormatError'],
    ['POST', SERVERS, { server: '127.0.0.1', route: 'x'.repeat(33) }, 400, 'FormatError'],
    ['POST', '/http/upstreams/plain/servers', { server: '127.0.0.1' }, 404, 'UpstreamNotFound'],
    ['PATCH', `${SERVERS}/9999`, { weight: 2 }, 404, 'UpstreamServerNotFound'],
    ['PATCH', `${SERVERS}/x`, { weight: 2 }, 400, 'UpstreamBadServerId'],
    ['PATCH', `${SERVERS}/${before[0][0].id}`, {}, 400, 'FormatError'],
    ['DELETE', `${SERVERS}/9999`, undefined, 404, 'UpstreamServerNotFound'],
    ['DELETE', `${SERVERS}/${before[0][0].id}`, {}, 400, 'UnexpectedBody'],
    ['PUT', SERVERS, {}, 405, 'MethodNotAllowed'],
    ['GET', '/nothing', undefined, 404, 'PathNotFound'],
    ['GET', `${SERVERS}?x=1`, undefined, 400, 'UnknownParameter'],
    ['POST', '/http/keyvals/names', { a: 1 }, 400, 'FormatError'],
    ['POST', '/http/keyvals/nets', { 'no address': 'x' }, 400, 'KeyvalFormatError'],
    ['POST', '/http/keyvals/none', { a: 'b' }, 404, 'KeyvalNotFound'],
    ['PATCH', '/http/keyvals/names', { a: 'b' }, 404, 'KeyvalKeyNotFound'],
    ['GET', '/http/keyvals/names?key=a', undefined, 404, 'KeyvalKeyNotFound'],
    ['DELETE', '/http/tunnels', undefined, 400, 'FilterRequired'],
    ['DELETE', '/http/tunnels?all=true&code=1005', undefined, 400, 'BadCloseCode'],
    ['DELETE', `/http/tunnels?all=true&reason=${'x'.repeat(124)}`, undefined, 400, 'BadCloseReason'],
    ['DELETE', '/http/tunnels/1-1', undefined, 404, 'TunnelNotFound'],
    ['DELETE', '/http/connections/x', undefined, 400, 'BadId'],
    ['POST', '/http/keyvals/names', { a: 'x'.repeat(60_000), b: 'x'.repeat(60_000) }, 507, 'KeyvalNotEnoughMemory'],
  ];
  for (const [method, path, body, status, code] of cases) {
    const answer = await api(proxy.port, method, path, body);
    assert.deepEqual([answer.status, answer.body?.error?.code], [status, code], `${method} ${path}`);
    assert.ok(answer.body.error.text.length > 5);
  }
  const large = await get(proxy.port, `/api/9${SERVERS}`, {
    method: 'POST',
    fields: [JSON_TYPE, `Content-Length: ${(1 << 20) + 1}`],
  });
  assert.equal(large.status, 413);
  assert.deepEqual([(await api(proxy.port, 'GET', SERVERS)).body, proxy.file('app.conf')], before);
  assert.deepEqual((await api(proxy.port, 'GET', '/http/keyvals')).body, { names: {}, nets: {}, paths: {}, short: {} });
  await clear();
});

test('values of keys are looked up as equal keys, the smallest network, and the longest prefix', async () => {
  await api(proxy.port, 'POST', '/http/keyvals/names', { a: '1', b: '2' });
  await api(proxy.port, 'POST', '/http/keyvals/nets', { '10.0.0.0/8': 'eight', '10.1.0.0/16': 'sixteen', '::1': 'v6' });
  await api(proxy.port, 'POST', '/http/keyvals/paths', { '/v': 'short', '/val': 'long', '/values/x': 'longer' });
  const values = async (query: string): Promise<string> => (await get(proxy.port, `/values?${query}`)).body;
  assert.equal(await values('name=a&ip=10.1.2.3'), '1|sixteen|long|');
  assert.equal(await values('name=b&ip=10.2.2.3'), '2|eight|long|');
  assert.equal(await values('name=c&ip=::1'), '|v6|long|');
  assert.equal((await api(proxy.port, 'POST', '/http/keyvals/names', { c: '3', a: '4' })).status, 409);
  await api(proxy.port, 'PATCH', '/http/keyvals/names', { a: null, b: 'new' });
  assert.deepEqual((await api(proxy.port, 'GET', '/http/keyvals/names')).body, { b: 'new' });
  await api(proxy.port, 'PATCH', '/http/keyvals/nets', { '10.1.0.0/16': null });
  assert.equal(await values('name=a&ip=10.1.2.3'), '|eight|long|');
  // Another name of the same network.
  await api(proxy.port, 'POST', '/http/keyvals/nets', { '10.9.9.9/8': 'other' });
  assert.equal(await values('ip=10.200.0.1'), '|other|long|');
  await api(proxy.port, 'PATCH', '/http/keyvals/nets', { '10.0.0.0/8': 'eight' });
  assert.equal(await values('ip=10.200.0.1'), '|eight|long|');
  await api(proxy.port, 'PATCH', '/http/keyvals/nets', { '10.0.0.0/8': null });
  assert.equal(await values('ip=10.200.0.1'), '|other|long|');
  for (const zone of ['names', 'nets', 'paths']) {
    assert.equal((await api(proxy.port, 'DELETE', `/http/keyvals/${zone}`)).status, 204);
  }
  assert.equal(await values('name=b&ip=10.1.2.3'), '|||');
});

test('keys expire after the timeout of their zone or their own', async () => {
  await api(proxy.port, 'POST', '/http/keyvals/short', { a: '1', b: { value: '2', expire: 0 } });
  await eventually('the key has expired', async () => (await get(proxy.port, '/values?name=a')).body === '|||');
  assert.deepEqual((await api(proxy.port, 'GET', '/http/keyvals/short')).body, { b: '2' });
  assert.equal((await get(proxy.port, '/values?name=b')).body, '|||2');
});

test('a location without "write=on" changes nothing', async () => {
  const answer = await get(proxy.port, '/read/9/http/keyvals/names', {
    method: 'POST',
    fields: [JSON_TYPE],
    body: '{"a":"b"}',
  });
  assert.deepEqual([answer.status, answer.field('allow')], [405, 'GET, HEAD']);
  assert.equal((await get(proxy.port, '/read/9/http/keyvals')).status, 200);
});

test('requests of other sites are refused: forms, other origins, and names that resolve to this machine', async () => {
  const post = async (fields: readonly string[]): Promise<readonly [number, string]> => {
    const answer = await get(proxy.port, '/api/9/http/keyvals/names', { method: 'POST', fields, body: '{"x":"y"}' });
    return [answer.status, answer.status < 400 ? '' : JSON.parse(answer.body).error.code];
  };
  const own = `127.0.0.1:${proxy.port}`;
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    assert.deepEqual(await post([`Content-Type: ${type}`]), [415, 'ContentTypeRequired']);
  }
  assert.deepEqual(await post([]), [415, 'ContentTypeRequired']);
  for (const origin of ['https://evil.example', 'null', `https://${own}`, `http://${own}.evil.example`]) {
    assert.deepEqual(await post([JSON_TYPE, `Host: ${own}`, `Origin: ${origin}`]), [403, 'OriginRefused'], origin);
  }
  assert.deepEqual(await post([JSON_TYPE, `Host: ${own}`, 'Sec-Fetch-Site: cross-site']), [403, 'OriginRefused']);
  const rebound = `evil.example:${proxy.port}`;
  const attack = [JSON_TYPE, `Host: ${rebound}`, `Origin: http://${rebound}`, 'Sec-Fetch-Site: same-origin'];
  assert.deepEqual(await post(attack), [421, 'HostRefused']);
  for (const host of [`localhost.evil.example`, '127.0.0.1.evil.example', '192.0.2.1']) {
    const read = await get(proxy.port, '/api/9/http/keyvals', { fields: [`Host: ${host}`] });
    assert.equal(read.status, 421, host);
  }
  assert.deepEqual((await api(proxy.port, 'GET', '/http/keyvals/names')).body, {});
  assert.equal((await post([JSON_TYPE, `Host: ${own}`, `Origin: http://${own}`]))[0], 201);
  await api(proxy.port, 'DELETE', '/http/keyvals/names');
});

test('the document describes every resource that exists', async () => {
  const { body } = await api(proxy.port, 'GET', '/openapi.json');
  assert.equal(body.openapi, '3.1.0');
  assert.deepEqual(body.servers, [{ url: '/api/9' }]);
  for (const [path, { parameters = [], get: read }] of Object.entries<{ parameters?: unknown[]; get?: unknown }>(
    body.paths,
  )) {
    if (parameters.length > 0 || read === undefined) continue;
    assert.equal((await api(proxy.port, 'GET', path)).status, 200, path);
  }
  assert.deepEqual((await api(proxy.port, 'GET', '/http')).body, [
    'caches',
    'connections',
    'keyvals',
    'requests',
    'tunnels',
    'upstreams',
    'usage',
  ]);
});

test('figures of the proxy: version, connections, memory of zones', async () => {
  const { body } = await api(proxy.port, 'GET', '/nginx?fields=generation,pid');
  assert.deepEqual(Object.keys(body).sort(), ['generation', 'pid']);
  const { body: counts } = await api(proxy.port, 'GET', '/connections');
  assert.ok(counts.accepted > 0 && counts.active >= 1 && counts.dropped === 0);
  await api(proxy.port, 'POST', '/http/keyvals/paths', { k: 'x'.repeat(5000) });
  assert.equal((await api(proxy.port, 'GET', '/slabs/paths')).body.pages.used, 2);
  await api(proxy.port, 'DELETE', '/http/keyvals/paths');
  assert.equal((await api(proxy.port, 'GET', '/slabs/paths')).body.pages.used, 0);
});

test('lookups of resolvers with a status_zone are counted', async (t) => {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const other = await startProxy(
    `server {
      listen 127.0.0.1:0;
      resolver 127.0.0.1:%%DNS%% status_zone=dns; resolver_timeout 100ms;
      location /api/ { api write=on; }
      location /name { set $name name.example; proxy_pass http://$name; }
    }`,
    { DNS: silent.address().port },
  );
  t.after(() => other.close());
  assert.equal((await get(other.port, '/name')).status, 502);
  const { body } = await api(other.port, 'GET', '/resolvers');
  assert.deepEqual([body.dns.requests.name, body.dns.responses.noerror], [1, 0]);
  assert.deepEqual((await api(other.port, 'GET', '/resolvers/dns')).body, body.dns);
  assert.equal((await api(other.port, 'DELETE', '/resolvers/dns')).status, 204);
  assert.equal((await api(other.port, 'GET', '/resolvers/dns')).body.requests.name, 0);
  assert.equal((await api(other.port, 'GET', '/resolvers/none')).status, 404);
});

test('invalid state files are reported and set aside', async (t) => {
  const files = { 'app.conf': 'server 127.0.0.1:1;\nlisten 80;\n', 'names.json': '{"a":1}' };
  const other = await startProxy(CONFIG, {}, { files });
  t.after(() => other.close());
  assert.deepEqual((await api(other.port, 'GET', SERVERS)).body, []);
  assert.deepEqual((await api(other.port, 'GET', '/http/keyvals/names')).body, {});
  const aside = readdirSync(other.directory).filter((name) => name.includes('.invalid-'));
  assert.deepEqual(aside.map((name) => name.split('.invalid-')[0]).sort(), ['app.conf', 'names.json']);
  for (const name of aside) {
    const [original = ''] = name.split('.invalid-');
    assert.equal(other.file(name), files[original as keyof typeof files]);
  }
  const errors = other.messages('error');
  assert.ok(
    errors.some((line) => /invalid state file ".*app\.conf" of upstream "app": only "server" .* line 2/.test(line)),
  );
  assert.ok(errors.some((line) => /invalid state file ".*names\.json"/.test(line)));
});

test('a change that cannot be saved is reported, and is in force', async (t) => {
  const other = await startProxy(`
    keyval_zone zone=names:64k state=%%DIR%%/missing/names.json;
    server { listen 127.0.0.1:0; location /api/ { api write=on; } }`);
  t.after(() => other.close());
  const answer = await api(other.port, 'POST', '/http/keyvals/names', { a: 'b' });
  assert.deepEqual([answer.status, answer.body.error.code], [507, 'StateNotSaved']);
  assert.deepEqual((await api(other.port, 'GET', '/http/keyvals/names')).body, { a: 'b' });
  writeFileSync(join(other.directory, 'missing'), '');
  rmSync(join(other.directory, 'missing'));
});

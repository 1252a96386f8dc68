/** The predefined access log format `json`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  answeringBackend,
  closedPort,
  connect,
  get,
  reply,
  startProxy,
  type TestProxy,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';

type Line = Record<string, unknown>;

/** The only line of a log, once it is there. */
async function lineOf(proxy: TestProxy, name: string): Promise<Line> {
  await until(`a line in ${name}`, () => proxy.accessLog(`logs/${name}.log`).length > 0);
  const [line = ''] = proxy.accessLog(`logs/${name}.log`);
  return JSON.parse(Buffer.from(line, 'latin1').toString('utf8')) as Line;
}

/** Members in the table of docs/logs.md. */
const MEMBERS = [
  ...readFileSync(new URL('../../../docs/logs.md', import.meta.url), 'utf8').matchAll(/^\| `([a-z_]+)` \|/gm),
].map(([, name]) => name);

test('a line of the format json has the members of its documentation, with numbers as numbers', async (t) => {
  const proxy = await startProxy(`
    server {
      listen 127.0.0.1:0;
      server_name one.test;
      location /a { access_log logs/a.log json; return 200 hello; }
    }`);
  t.after(() => proxy.close());
  const before = Date.now();
  await get(proxy.port, '/a/%22b?c=d', {
    fields: ['User-Agent: t"\\\xc3\xa9\x01\xff', 'Authorization: Basic am9lOng=', 'Referer: http://x.test/'],
  });
  const line = await lineOf(proxy, 'a');
  assert.deepEqual(Object.keys(line), MEMBERS);
  const { time, request_length: length, duration, ...others } = line;
  assert.ok(Date.parse(String(time)) >= before - 1000 && /Z$/.test(String(time)));
  assert.ok(Number.isInteger(length) && typeof duration === 'number' && duration >= 0);
  assert.deepEqual(others, {
    remote_addr: '127.0.0.1',
    remote_user: 'joe',
    method: 'GET',
    host: 'localhost',
    path: '/a/%22b',
    request: 'GET /a/%22b?c=d HTTP/1.1',
    status: 200,
    bytes: 5,
    completed: true,
    referer: 'http://x.test/',
    user_agent: 't"\\é\u0001\ufffd',
    server: 'one.test',
    location: '/a',
    upstream: null,
    upstream_status: null,
    upstream_time: null,
    tries: 0,
    generation: 1,
    trace_id: null,
    span_id: null,
  });
});

test('tries of a request, and WebSockets, are part of their line', async (t) => {
  const backend = await answeringBackend(() => reply('ok'));
  const echo = await websocketEcho();
  const proxy = await startProxy(
    `upstream two { server 127.0.0.1:%%CLOSED%%; server 127.0.0.1:%%PORT%%; }
    server {
      listen 127.0.0.1:0;
      location /two { access_log logs/two.log json; proxy_pass http://two; }
      location /ws { access_log logs/ws.log json; websocket_log logs/events.log json; proxy_websocket on; proxy_pass http://127.0.0.1:%%ECHO%%; }
    }`,
    { CLOSED: await closedPort(), PORT: backend.port, ECHO: echo.port },
  );
  t.after(() => Promise.all([proxy.close(), backend.close(), echo.close()]));
  for (let i = 0; i < 2; i++) await get(proxy.port, '/two');
  await until('two lines', () => proxy.accessLog('logs/two.log').length === 2);
  const lines = proxy.accessLog('logs/two.log').map((line) => JSON.parse(line) as Line);
  const retried = lines.find(({ tries }) => tries === 2);
  assert.match(String(retried?.upstream), /^127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+$/);
  assert.equal(retried?.upstream_status, '502, 200');
  assert.match(String(retried?.upstream_time), /^\d+\.\d{3}, \d+\.\d{3}$/);

  const client = await websocket(proxy.port, '/ws');
  client.close();
  const closed = await lineOf(proxy, 'ws');
  assert.equal(closed.status, 101);
  assert.equal(closed.completed, true);
  assert.equal((await lineOf(proxy, 'events')).status, 101);
});

test('a traced request has the ids of its span', async (t) => {
  const proxy = await startProxy(`
    otel_trace_context inject;
    server { listen 127.0.0.1:0; access_log logs/a.log json; location / { return 200 "$otel_trace_id $otel_span_id"; } }`);
  t.after(() => proxy.close());
  const { body } = await get(proxy.port, '/');
  const line = await lineOf(proxy, 'a');
  assert.equal(`${line.trace_id} ${line.span_id}`, body);
});

test('a request that was refused is a line of valid JSON', async (t) => {
  const proxy = await startProxy('access_log logs/a.log json; server { listen 127.0.0.1:0; }');
  t.after(() => proxy.close());
  const connection = await connect(proxy.port);
  await connection.send('GET /\x02?token=secret&"=\\\r\n\r\n').all();
  connection.close();
  const line = await lineOf(proxy, 'a');
  assert.equal(line.status, 400);
  assert.equal(line.path, null);
});

test('credentials in arguments do not appear in a line', async (t) => {
  const proxy = await startProxy(
    'access_log logs/a.log json; server { listen 127.0.0.1:0; location / { return 200; } }',
  );
  t.after(() => proxy.close());
  const fields = ['Authorization: Bearer s3cret', 'Cookie: a=s3cret', 'X-Api-Key: s3cret', 'Set-Cookie: b=s3cret'];
  const target = '/x?access_token=s3cret&a=1&API_KEY=s3cret&password=s3cret&tok%65n=s3cret';
  await get(proxy.port, target, { fields: [...fields, `Referer: http://a.test${target}#token=s3cret`] });
  const line = await lineOf(proxy, 'a');
  assert.equal(
    line.request,
    'GET /x?access_token=[redacted]&a=1&API_KEY=[redacted]&password=[redacted]&tok%65n=[redacted] HTTP/1.1',
  );
  assert.doesNotMatch(JSON.stringify(line), /s3cret/);
});

test('a format json of the configuration takes precedence', async (t) => {
  const proxy = await startProxy(
    `log_format json '<$status>'; access_log logs/a.log JSON; server { listen 127.0.0.1:0; return 204; }`,
  );
  t.after(() => proxy.close());
  await get(proxy.port, '/');
  await until('a line', () => proxy.accessLog('logs/a.log').length > 0);
  assert.deepEqual(proxy.accessLog('logs/a.log'), ['<204>']);
});

/** Failures of this machine are no failures of a peer. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { localFailure } from '../../src/upstream/connect-failure.js';
import { answeringBackend, get, reply, startProxy } from '../kit/index.js';

test('an address of proxy_bind that is not available is a 500, logged in nginx’s words, and no failure of the peer', async (t) => {
  const backend = await answeringBackend(reply('ok'));
  t.after(() => backend.close());
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const proxy = await startProxy(
    `
    upstream u { server 127.0.0.1:%%PORT%% max_fails=1 fail_timeout=60s; server 127.0.0.1:%%PORT%% max_fails=1 fail_timeout=60s; }
    server {
      listen 127.0.0.1:0;
      location /foreign { proxy_bind 192.0.2.1; proxy_pass http://u; }
      location /taken { proxy_bind 127.0.0.1:${port}; proxy_pass http://u; }
      location /family { proxy_bind ::1; proxy_pass http://u; }
      location / { proxy_pass http://u; }
    }`,
    { PORT: backend.port },
  );
  t.after(() => proxy.close());
  for (const path of ['/foreign', '/taken', '/family']) {
    for (let i = 0; i < 4; i++) assert.equal((await get(proxy.port, path)).status, 500, path);
  }
  const output = proxy.messages('crit').map((message) => message.replace(/^\*\d+ | while .*/g, ''));
  assert.deepEqual(
    new Set(output),
    new Set([
      'bind(192.0.2.1) failed (99: Cannot assign requested address)',
      `bind(127.0.0.1:${port}) failed (98: Address already in use)`,
      'bind(::1) failed (97: Address family not supported by protocol)',
    ]),
  );
  assert.match(proxy.messages('crit')[0] ?? '', / while connecting to upstream, client: .*, upstream: "http:\/\/127/);
  assert.equal(output.length, 12, 'no other peer is asked');
  for (let i = 0; i < 4; i++) assert.equal((await get(proxy.port)).status, 200);
  assert.deepEqual(proxy.messages('error'), []);
});

test('errors of socket() are local, and those of connect() are not', () => {
  const failure = (code: string, syscall: string, errno: number) =>
    localFailure(Object.assign(new Error(code), { code, syscall, errno }), '127.0.0.1:80', {
      identity: '',
      keepAlive: false,
      localAddress: '127.0.0.2',
    });
  assert.deepEqual(failure('EMFILE', 'connect', -24), ['alert', 'socket() failed (24: Too many open files)']);
  assert.deepEqual(failure('ENFILE', 'bind', -23), ['alert', 'socket() failed (23: Too many open files in system)']);
  for (const code of ['ENOBUFS', 'ENOMEM']) assert.equal(failure(code, 'connect', -12)?.[0], 'alert', code);
  assert.deepEqual(failure('EACCES', 'bind', -13), ['crit', 'bind(127.0.0.2) failed (13: Permission denied)']);
  for (const code of ['ECONNREFUSED', 'EACCES', 'EADDRNOTAVAIL', 'EAGAIN', 'ENETUNREACH']) {
    assert.equal(failure(code, 'connect', -1), null, code);
  }
});

/** Circuit breakers, timeouts and retry budgets of `tunnel_pass`. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  closedPort,
  connect,
  repeatAfterStall,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';
import { deafPort } from '../stress/deaf.js';

/** `pass`: `tunnel_pass` with its neighbours. */
async function proxyOf(
  t: TestContext,
  upstream: string,
  pass: string,
  ports: Readonly<Record<string, number>> = {},
): Promise<TestProxy> {
  const proxy = await startProxy(
    `log_format state '$status $upstream_breaker_status $upstream_breaker_state'; access_log logs/access.log state;
    ${upstream} server { listen 127.0.0.1:0; ${pass} }`,
    ports,
  );
  t.after(() => proxy.close());
  return proxy;
}

/** The status of one CONNECT. */
async function status(proxy: TestProxy, target = 'x:1'): Promise<number> {
  const client = await connect(proxy.port);
  const head = await client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`).until('\r\n\r\n');
  client.close();
  return Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
}

async function greeting(t: TestContext): Promise<number> {
  const backend = await scriptedBackend((connection) => {
    connection.send('hello');
  });
  t.after(() => backend.close());
  return backend.port;
}

test('a breaker opens after failed connections, and closes after a probe that connects', async (t) => {
  const proxy = await proxyOf(t, '', 'circuit_breaker failures=2 open=200ms probes=1; tunnel_pass;');
  const bad = `127.0.0.1:${await closedPort()}`;
  const good = `127.0.0.1:${await greeting(t)}`;
  assert.deepEqual([await status(proxy, bad), await status(proxy, bad)], [502, 502]);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual([await status(proxy, good), await status(proxy, good)], [200, 200]);
  await until('all are logged', () => proxy.accessLog().length === 4);
  assert.deepEqual(proxy.accessLog().slice(0, 2), ['502 PASSED closed', '502 PASSED open']);
  assert.deepEqual(proxy.accessLog().slice(2).sort(), ['200 PASSED closed', '200 PROBE closed']);
});

test('an open breaker refuses tunnels, also those of a group', async (t) => {
  const upstream =
    'upstream app { server 127.0.0.1:%%A%% max_fails=0; circuit_breaker failures=1 open=1m status=529; }';
  const proxy = await proxyOf(t, upstream, 'tunnel_pass app;', { A: await closedPort() });
  assert.deepEqual([await status(proxy), await status(proxy), await status(proxy)], [502, 529, 529]);
});

test('a probe whose client has disconnected is replaced by another', async (t) => {
  const deaf = await deafPort();
  t.after(() => deaf.close());
  const bad = `127.0.0.1:${await closedPort()}`;
  const silent = `127.0.0.1:${deaf.port}`;
  const proxy = await proxyOf(t, '', 'circuit_breaker failures=1 open=200ms; tunnel_pass;');
  assert.equal(await status(proxy, bad), 502);
  await new Promise((resolve) => setTimeout(resolve, 250));
  const leaving = await connect(proxy.port);
  leaving.send(`CONNECT ${silent} HTTP/1.1\r\nHost: x\r\n\r\n`);
  leaving.close();
  await until('the probe has ended', () => proxy.accessLog().some((line) => line.startsWith('499 PROBE')));
  assert.equal(await status(proxy, bad), 502);
  assert.ok(proxy.messages('warn').some((line) => line.includes('opens again: a probe failed')));
});

test('upstream_timeout limits all tries, and retry_budget their number', async (t) => {
  const deaf = await deafPort();
  t.after(() => deaf.close());
  const timed = await proxyOf(
    t,
    'upstream app { server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%A%% max_fails=0; }',
    'upstream_timeout 150ms; tunnel_connect_timeout 100ms; tunnel_pass app;',
    { A: deaf.port },
  );
  await repeatAfterStall(20, async () => {
    const before = timed.messages('error').length;
    assert.equal(await status(timed), 504);
    const errors = timed.messages('error').slice(before);
    assert.match(errors[0] ?? '', /upstream timed out \(110: Connection timed out\) while connecting/);
    assert.match(errors[1] ?? '', /upstream timed out \(upstream_timeout\) while connecting/);
  });

  const budget = await proxyOf(
    t,
    'upstream app { server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% backup; retry_budget 0% min=2; }',
    'retry_backoff 50ms jitter=0%; tunnel_pass app;',
    { A: await closedPort(), B: await greeting(t) },
  );
  const started = performance.now();
  assert.equal(await status(budget), 200);
  assert.ok(performance.now() - started >= 45);
  assert.deepEqual([await status(budget), await status(budget)], [200, 502]);
});

/** Limits of further tries, and outlier ejection. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  closedPort,
  get,
  repeatAfterStall,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

const BAD = reply('bad', { status: '500 Internal Server Error' });

function closing(t: TestContext, proxy: TestProxy, ...backends: Backend[]): void {
  t.after(async () => {
    await proxy.close();
    for (const backend of backends) await backend.close();
  });
}

test('upstream_timeout ends a request over all its tries', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
  });
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%A%% max_fails=0; server localhost:%%A%% max_fails=0; }
    server { listen 127.0.0.1:0; location / {
      proxy_read_timeout 150ms; upstream_timeout 200ms; proxy_next_upstream timeout; proxy_pass http://app; } }`,
    { A: backend.port },
  );
  closing(t, proxy, backend);
  // After a stall both times are over.
  await repeatAfterStall(20, async () => {
    const before = proxy.messages('error').length;
    const started = performance.now();
    assert.equal((await get(proxy.port)).status, 504);
    assert.ok(performance.now() - started >= 195);
    assert.deepEqual(
      proxy
        .messages('error')
        .slice(before)
        .map((message) => /upstream timed out \([^)]*\) while [a-z ]*/.exec(message)?.[0]),
      [
        'upstream timed out (110: Connection timed out) while reading response header from upstream',
        'upstream timed out (upstream_timeout) while reading response header from upstream',
      ],
    );
  });
});

test('upstream_timeout cuts off a response that does not end in time', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    const feed = setInterval(() => connection.send('x'), 20);
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
    connection.socket.on('close', () => clearInterval(feed));
  });
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { upstream_timeout 200ms; proxy_pass http://127.0.0.1:%%A%%; } }',
    { A: backend.port },
  );
  closing(t, proxy, backend);
  assert.ok((await get(proxy.port)).body.length < 100_000);
  assert.match(proxy.messages('error').join('\n'), /upstream timed out \(upstream_timeout\) while reading upstream/);
});

test('retry_backoff delays the next server after a connection that failed', async (t) => {
  const backend = await answeringBackend(reply('second'));
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% backup; }
    server { listen 127.0.0.1:0; location / { retry_backoff 200ms jitter=0%; proxy_pass http://app; } 
      location /fast { proxy_pass http://app; } }`,
    { A: await closedPort(), B: backend.port },
  );
  closing(t, proxy, backend);
  const started = performance.now();
  assert.equal((await get(proxy.port)).body, 'second');
  assert.ok(performance.now() - started >= 195);
});

test('retry_budget limits further tries to a share of the requests', async (t) => {
  const first = await answeringBackend(BAD);
  const second = await answeringBackend(reply('second'));
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% backup; retry_budget 20% min=2 window=1m; }
    server { listen 127.0.0.1:0; location / { proxy_next_upstream http_500; proxy_pass http://app; } }`,
    { A: first.port, B: second.port },
  );
  closing(t, proxy, first, second);
  const bodies: string[] = [];
  for (let i = 0; i < 50; i++) bodies.push((await get(proxy.port)).body);
  // The failed response itself is passed on.
  assert.deepEqual(new Set(bodies), new Set(['second', 'bad']));
  assert.deepEqual(bodies.slice(0, 3), ['second', 'second', 'bad']);
  assert.equal(bodies.filter((body) => body === 'second').length, 10);
});

test('outlier_ejection ejects failing servers up to its share, and they come back', async (t) => {
  const good = await answeringBackend(reply('good'));
  let answer = BAD;
  const bad = await Promise.all([1, 2, 3].map(() => answeringBackend(() => answer)));
  const proxy = await startProxy(
    `upstream app {
      server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%%; server 127.0.0.1:%%D%%;
      outlier_ejection failures=3 window=1m time=1s max=50%;
    }
    server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`,
    { A: good.port, B: bad[0]?.port ?? 0, C: bad[1]?.port ?? 0, D: bad[2]?.port ?? 0 },
  );
  closing(t, proxy, good, ...bad);
  for (let i = 0; i < 12; i++) await get(proxy.port);
  const ejected = (): string[] => proxy.messages('warn').filter((message) => message.includes('ejected for'));
  assert.equal(ejected().length, 2);
  assert.match(ejected()[0] ?? '', /upstream server 127\.0\.0\.1:\d+ of "app" ejected for 1000 ms: 3 requests failed/);
  const before = bad.map(({ requests }) => requests.length);
  for (let i = 0; i < 10; i++) await get(proxy.port);
  // The third one continues to get its requests.
  const after = bad.map(({ requests }) => requests.length);
  assert.deepEqual(
    after.map((count, i) => count - (before[i] ?? 0)).sort((a, b) => a - b),
    [0, 0, 5],
  );
  answer = reply('good again');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  for (let i = 0; i < 8; i++) await get(proxy.port);
  assert.ok(bad.every(({ requests }, i) => requests.length > (after[i] ?? 0)));
  assert.equal(proxy.messages('notice').filter((message) => message.includes('is no longer ejected')).length, 2);
});

/** Circuit breakers of upstreams and locations. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  advanceClock,
  answeringBackend,
  closedPort,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const GOOD = reply('good');
const BAD = reply('bad', { status: '500 Internal Server Error' });

interface Scene {
  readonly proxy: TestProxy;
  /** Requests that the back end has received. */
  received(): number;
  /** Changes the response of the back end; null: it does not answer. */
  answer(bytes: string | null): void;
  /** Sends the requests that are held back a response. */
  release(): void;
  status(path?: string): Promise<number>;
}

async function scene(t: TestContext, upstream: string, location = ''): Promise<Scene> {
  let answer: string | null = GOOD;
  let held: (() => void)[] = [];
  const backend = await answeringBackend(() => answer ?? new Promise<string>((r) => held.push(() => r(GOOD))));
  const proxy = await startProxy(
    `log_format state '$status $upstream_breaker_status $upstream_breaker_state'; access_log logs/access.log state;
    upstream app { server 127.0.0.1:%%A%%; ${upstream} }
    server { listen 127.0.0.1:0; location / { ${location} proxy_pass http://app; } }`,
    { A: backend.port },
  );
  t.after(async () => {
    for (const each of held) each();
    await proxy.close();
    await backend.close();
  });
  return {
    proxy,
    received: () => backend.requests.length,
    answer: (bytes) => (answer = bytes),
    release: () => {
      for (const each of held) each();
      held = [];
    },
    status: async (path = '/') => (await get(proxy.port, path)).status,
  };
}

const all = async (count: number, one: () => Promise<number>) =>
  (await Promise.all(Array.from({ length: count }, one))).sort();

describe('a circuit breaker', () => {
  test('opens at its number of failures, admits exactly its probes, and closes when they succeed', async (t) => {
    const s = await scene(t, 'circuit_breaker failures=3 window=10s open=1m probes=2;');
    s.answer(BAD);
    for (let i = 0; i < 3; i++) assert.equal(await s.status(), 500);
    assert.deepEqual(await all(10, s.status), Array(10).fill(503));
    assert.equal(s.received(), 3);
    advanceClock(60_001);
    s.answer(null);
    const probes = all(20, s.status);
    await until('the probes have arrived, and the others were refused', () => {
      return s.received() === 5 && s.proxy.accessLog().length === 13 + 18;
    });
    s.release();
    assert.deepEqual(await probes, [200, 200, ...Array(18).fill(503)]);
    s.answer(GOOD);
    assert.deepEqual(await all(10, s.status), Array(10).fill(200));
    assert.equal(s.received(), 15);
    assert.deepEqual(
      s.proxy.messages().filter((message) => message.includes('circuit breaker of') && !message.includes('refuses')),
      [
        'circuit breaker of upstream "app" opens: 3 requests failed within 10000 ms, requests are refused for 60000 ms',
        'circuit breaker of upstream "app" is half-open, probes are admitted',
        'circuit breaker of upstream "app" closes',
      ],
    );
    const log = s.proxy.accessLog();
    assert.equal(log[0], '500 PASSED closed');
    assert.equal(log[3], '503 REFUSED open');
    assert.equal(log.filter((line) => line.includes('PROBE')).length, 2);
    assert.equal(log.at(-1), '200 PASSED closed');
  });

  test('opens again when a probe fails, and admits another for a probe whose client has left', async (t) => {
    const s = await scene(t, 'circuit_breaker failures=1 open=1m;');
    s.answer(BAD);
    assert.equal(await s.status(), 500);
    advanceClock(60_001);
    assert.equal(await s.status(), 500);
    assert.equal(await s.status(), 503);
    assert.equal(s.received(), 2);
    const again = 'circuit breaker of upstream "app" opens again: a probe failed, requests are refused for 60000 ms';
    assert.equal(s.proxy.messages('warn').filter((message) => message === again).length, 1);
    advanceClock(60_001);
    s.answer(null);
    const client = await connect(s.proxy.port);
    client.send(request('/'));
    await until('the probe has arrived', () => s.received() === 3);
    assert.equal(await s.status(), 503);
    client.close();
    await until('the probe was aborted', () => s.proxy.accessLog().some((line) => line.startsWith('499')));
    s.answer(GOOD);
    assert.equal(await s.status(), 200);
    assert.equal(await s.status(), 200);
  });

  test('with a share, opens only after the minimum of requests', async (t) => {
    const s = await scene(t, 'circuit_breaker ratio=50% min=10 open=1m;');
    s.answer(BAD);
    for (let i = 0; i < 4; i++) assert.equal(await s.status(), 500);
    s.answer(GOOD);
    for (let i = 0; i < 5; i++) assert.equal(await s.status(), 200);
    s.answer(BAD);
    assert.equal(await s.status(), 500);
    assert.equal(await s.status(), 503);
    assert.match(s.proxy.messages('warn').join('\n'), /opens: 5 of 10 requests failed/);
  });

  test('forgets failures that are older than its window', async (t) => {
    const s = await scene(t, 'circuit_breaker failures=2 window=10s open=1m;');
    s.answer(BAD);
    assert.equal(await s.status(), 500);
    advanceClock(10_001);
    assert.equal(await s.status(), 500);
    s.answer(GOOD);
    assert.equal(await s.status(), 200);
  });

  test('refuses with its status, which error_page handles', async (t) => {
    const s = await scene(
      t,
      '',
      `circuit_breaker failures=1 open=1m status=529; error_page 529 = /busy; proxy_pass http://app; }
      location = /busy { return 200 "later: $upstream_breaker_status, $upstream_breaker_state"; } location /other/ {`,
    );
    s.answer(BAD);
    assert.equal(await s.status(), 500);
    assert.equal((await get(s.proxy.port)).body, 'later: REFUSED, open');
    // Its breaker is that of the location only.
    assert.equal(await s.status('/other/'), 500);
    assert.equal(s.received(), 2);
  });

  test('of a location and one of its upstream must both admit a request', async (t) => {
    const s = await scene(
      t,
      'circuit_breaker failures=2 window=1m open=1h status=502;',
      'circuit_breaker failures=1 open=5s;',
    );
    s.answer(BAD);
    assert.equal(await s.status(), 500);
    assert.equal(await s.status(), 503);
    advanceClock(5001);
    assert.equal(await s.status(), 500);
    advanceClock(5001);
    // The probe of the location is refused by the upstream, and given back.
    for (let i = 0; i < 3; i++) assert.equal(await s.status(), 502);
    assert.equal(s.received(), 2);
  });

  test('keeps its state in a reload', async (t) => {
    const backend = await answeringBackend(BAD);
    const text = `upstream app { server 127.0.0.1:%%A%%; circuit_breaker failures=1 open=1m; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`;
    const proxy = await startProxy(text, { A: backend.port });
    t.after(async () => {
      await proxy.close();
      await backend.close();
    });
    assert.equal((await get(proxy.port)).status, 500);
    await proxy.reload(text, { A: backend.port });
    assert.equal((await get(proxy.port)).status, 503);
  });
});

describe('a circuit breaker counts', () => {
  const counted = async (t: TestContext, parameters: string, bytes: string | 'closed', settings = '') => {
    const backend =
      bytes === 'closed'
        ? null
        : await scriptedBackend(async (connection) => {
            while ((await connection.request()) !== null) {
              if (bytes === '') connection.end();
              else if (bytes !== 'hang') connection.send(bytes);
            }
          });
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; location / {
        circuit_breaker failures=1 open=1m status=529 ${parameters}; ${settings}
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        proxy_pass http://127.0.0.1:%%A%%; } }`,
      { A: backend?.port ?? (await closedPort()) },
    );
    t.after(async () => {
      await proxy.close();
      await backend?.close();
    });
    const fields = ['Upgrade: chat', 'Connection: upgrade'];
    await get(proxy.port, '/', { fields });
    return (await get(proxy.port, '/', { fields })).status === 529;
  };
  const timeout = 'proxy_read_timeout 50ms;';
  const rejected = reply('no', { status: '403 Forbidden' });
  const limited = reply('no', { status: '429 Too Many Requests' });
  for (const [what, parameters, bytes, settings, expected] of [
    ['refused connections', 'on=connect', 'closed', '', true],
    ['refused connections only as such', 'on=error,timeout,5xx', 'closed', '', false],
    ['closed connections', 'on=error', '', '', true],
    ['timeouts', 'on=timeout', 'hang', timeout, true],
    ['timeouts only as such', 'on=error,connect,5xx', 'hang', timeout, false],
    ['statuses of responses', 'on=5xx', BAD, '', true],
    ['rejected upgrades', 'on=upgrade', rejected, '', true],
    ['no rejected upgrades by default', '', rejected, '', false],
    ['single statuses', 'on=http_429', limited, '', true],
    [
      'responses that are cut off',
      'on=error',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n',
      '',
      true,
    ],
    ['the total timeout', 'on=timeout', 'hang', 'upstream_timeout 50ms;', true],
  ] as const) {
    test(what, async (t) => assert.equal(await counted(t, parameters, bytes, settings), expected));
  }
});

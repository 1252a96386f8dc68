/** `proxy_next_upstream` and its relatives: for what another server is asked, and for what never. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  type BackendConnection,
  closedPort,
  get,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

type Script = (connection: BackendConnection) => void | Promise<void>;

const status = (line: string): Script => answers(reply(line, { status: line }));

function answers(bytes: string): Script {
  return async (connection) => {
    while ((await connection.request()) !== null) connection.send(bytes);
    connection.end();
  };
}

/** Two servers, the second a backup that answers `second`. */
async function two(
  t: TestContext,
  first: Script | 'closed',
  settings: string,
  more = '',
): Promise<TestProxy & { asked: () => number; port: number }> {
  const backend: Backend | null = first === 'closed' ? null : await scriptedBackend(first);
  const second = await answeringBackend(reply('second'));
  const proxy = await startProxy(
    `log_format tries '$upstream_status $upstream_addr'; access_log logs/access.log tries;
    upstream app { server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% backup; ${more} }
    server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://app; } }`,
    { A: backend?.port ?? (await closedPort()), B: second.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend?.close();
    await second.close();
  });
  return Object.assign(proxy, { asked: () => second.requests.length });
}

describe('another server is asked', () => {
  test('by default where one refuses connections', async (t) => {
    const proxy = await two(t, 'closed', '');
    assert.equal((await get(proxy.port, '/')).body, 'second');
    assert.match(
      proxy.messages('error').join('\n'),
      /connect\(\) failed \(111: Connection refused\) while connecting to upstream/,
    );
  });
  for (const [name, script] of [
    ['closes without an answer', (connection: BackendConnection) => connection.end()],
    [
      'resets without an answer',
      async (connection: BackendConnection) => {
        await connection.request();
        connection.reset();
      },
    ],
    ['closes in the middle of its head', (connection: BackendConnection) => connection.send('HTTP/1.1 200 O').end()],
  ] as const) {
    test(`by default where one ${name}`, async (t) => {
      const proxy = await two(t, script, '');
      assert.equal((await get(proxy.port, '/')).body, 'second');
    });
  }
  test('by default where one says nothing for proxy_read_timeout', async (t) => {
    const proxy = await two(t, () => {}, 'proxy_read_timeout 100ms;');
    assert.equal((await get(proxy.port, '/')).body, 'second');
    assert.match(proxy.accessLog()[0] ?? '', /^504, 200 /);
  });
  test('not for an invalid head by default, but with invalid_header', async (t) => {
    const broken = answers('nonsense\r\n\r\n');
    assert.equal((await get((await two(t, broken, '')).port, '/')).status, 502);
    const proxy = await two(t, broken, 'proxy_next_upstream invalid_header;');
    assert.equal((await get(proxy.port, '/')).body, 'second');
  });
  for (const [word, line] of [
    ['http_500', '500 Internal Server Error'],
    ['http_502', '502 Bad Gateway'],
    ['http_503', '503 Service Unavailable'],
    ['http_504', '504 Gateway Timeout'],
    ['http_403', '403 Forbidden'],
    ['http_404', '404 Not Found'],
    ['http_429', '429 Too Many Requests'],
  ] as const) {
    test(`for ${line} with ${word}, and otherwise not`, async (t) => {
      assert.equal((await get((await two(t, status(line), '')).port, '/')).body, line);
      const proxy = await two(t, status(line), `proxy_next_upstream ${word};`);
      assert.equal((await get(proxy.port, '/')).body, 'second');
      assert.match(proxy.accessLog()[0] ?? '', new RegExp(`^${line.slice(0, 3)}, 200 \\S+, \\S+$`));
    });
  }
  test('not for other statuses', async (t) => {
    const proxy = await two(
      t,
      status('501 Not Implemented'),
      'proxy_next_upstream http_500 http_502 http_503 http_504;',
    );
    assert.equal((await get(proxy.port, '/')).body, '501 Not Implemented');
  });
  test('not with off', async (t) => {
    assert.equal((await get((await two(t, 'closed', 'proxy_next_upstream off;')).port, '/')).status, 502);
  });
  test('not for a reason that is not given', async (t) => {
    const proxy = await two(t, () => {}, 'proxy_read_timeout 100ms; proxy_next_upstream error;');
    assert.equal((await get(proxy.port, '/')).status, 504);
    assert.equal(proxy.asked(), 0);
  });
  for (const method of ['POST', 'LOCK', 'PATCH']) {
    test(`not for ${method} once it was sent, unless with non_idempotent`, async (t) => {
      const options = { method, body: 'once' };
      const plain = await two(t, status('500 Error'), 'proxy_next_upstream error http_500;');
      assert.equal((await get(plain.port, '/', options)).status, 500);
      const allowed = await two(t, status('500 Error'), 'proxy_next_upstream error http_500 non_idempotent;');
      assert.equal((await get(allowed.port, '/', options)).body, 'second');
      const unsent = await two(t, 'closed', '');
      assert.equal((await get(unsent.port, '/', options)).body, 'second');
    });
  }
  test('for PUT and DELETE, which may be repeated', async (t) => {
    for (const method of ['PUT', 'DELETE']) {
      const proxy = await two(t, status('500 Error'), 'proxy_next_upstream http_500;');
      assert.equal((await get(proxy.port, '/', { method, body: 'again' })).body, 'second');
    }
  });
  test('not where the body was streamed', async (t) => {
    const options = { method: 'PUT', body: 'x'.repeat(100_000) };
    const proxy = await two(
      t,
      status('500 Error'),
      'proxy_request_buffering off; proxy_next_upstream http_500; client_body_buffer_size 8k;',
    );
    assert.equal((await get(proxy.port, '/', options)).status, 500);
    assert.equal(proxy.asked(), 0);
  });
  test('not when the head of an answer was passed on', async (t) => {
    const proxy = await two(
      t,
      (connection) => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf').end(),
      '',
    );
    await assert.rejects(get(proxy.port, '/').then(({ body }) => assert.equal(body.length, 10)));
    assert.equal(proxy.asked(), 0);
  });
});

describe('how often and how long', () => {
  /** `count` servers that answer 500, and how often they were asked together. */
  async function failing(
    t: TestContext,
    count: number,
    settings: string,
    delay = 0,
  ): Promise<[TestProxy, () => number]> {
    let asked = 0;
    const backends: Backend[] = [];
    for (let i = 0; i < count; i++) {
      backends.push(
        await answeringBackend(async () => {
          asked++;
          if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
          return reply('', { status: '500 Error' });
        }),
      );
    }
    const proxy = await startProxy(
      `log_format tries '$upstream_status'; access_log logs/access.log tries;
      upstream app { ${backends.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }
      server { listen 127.0.0.1:0; location / { proxy_next_upstream error http_500; ${settings} proxy_pass http://app; } }`,
    );
    t.after(async () => {
      await proxy.close();
      await Promise.all(backends.map((backend) => backend.close()));
    });
    return [proxy, () => asked];
  }
  test('each server is asked once', async (t) => {
    const [proxy, asked] = await failing(t, 4, '');
    assert.equal((await get(proxy.port, '/')).status, 500);
    assert.equal(asked(), 4);
    assert.deepEqual(proxy.accessLog(), ['500, 500, 500, 500']);
  });
  test('proxy_next_upstream_tries limits how many are asked', async (t) => {
    const [proxy, asked] = await failing(t, 4, 'proxy_next_upstream_tries 2;');
    assert.equal((await get(proxy.port, '/')).status, 500);
    assert.equal(asked(), 2);
  });
  test('proxy_next_upstream_timeout limits for how long', async (t) => {
    const [proxy, asked] = await failing(t, 4, 'proxy_next_upstream_timeout 50ms;', 80);
    assert.equal((await get(proxy.port, '/')).status, 500);
    assert.equal(asked(), 1);
  });
  test('a single server is asked once', async (t) => {
    const [proxy, asked] = await failing(t, 1, '');
    assert.equal((await get(proxy.port, '/')).status, 500);
    assert.equal(asked(), 1);
  });
  test('502 where no server is alive', async (t) => {
    const proxy = await startProxy(
      `upstream app { server 127.0.0.1:%%A%% down; server 127.0.0.1:%%A%% down; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`,
      { A: await closedPort() },
    );
    t.after(() => proxy.close());
    assert.equal((await get(proxy.port, '/')).status, 502);
    assert.match(proxy.messages('error').join('\n'), /no live upstreams while connecting to upstream/);
  });
});

/** Kept connections to an upstream: when one is used again, and when it never is. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Backend,
  type BackendConnection,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

/** Answers each request with the number of its connection, or with what `answer` gives. */
async function numbering(
  t: TestContext,
  answer?: (target: string, connection: BackendConnection) => string | undefined,
): Promise<Backend> {
  const backend = await scriptedBackend(async (connection) => {
    for (let asked = await connection.request(); asked !== null; asked = await connection.request()) {
      connection.send(answer?.(asked.target, connection) ?? reply(String(connection.number)));
    }
    connection.end();
  });
  t.after(() => backend.close());
  return backend;
}

async function proxied(t: TestContext, backend: Backend, keepalive: string, location = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `upstream app { server 127.0.0.1:%%PORT%%; ${keepalive} }
    server { listen 127.0.0.1:0; location / { ${location} proxy_pass http://app; } location /other { proxy_pass http://app; } }`,
    { PORT: backend.port },
  );
  t.after(() => proxy.close());
  return proxy;
}

describe('a connection to an upstream', () => {
  test('is used again by default', async (t) => {
    const proxy = await proxied(t, await numbering(t), '');
    for (let i = 0; i < 3; i++) assert.equal((await get(proxy.port, '/')).body, '1');
  });
  test('is used again after each framing that has an end', async (t) => {
    const answers: Record<string, string> = {
      '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n',
      '/empty': reply(''),
      '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
      '/304': 'HTTP/1.1 304 Not Modified\r\n\r\n',
      '/500': reply('', { status: '500 Error' }),
    };
    const backend = await numbering(t, (target) => answers[target]);
    const proxy = await proxied(t, backend, 'keepalive 2;');
    for (const path of Object.keys(answers)) await get(proxy.port, path);
    await get(proxy.port, '/post', { method: 'POST', body: 'hello' });
    assert.equal((await get(proxy.port, '/')).body, '1');
  });
  test('is not used again after an answer that ends it', async (t) => {
    const answers: Record<string, string> = {
      '/close': reply('', { fields: ['Connection: close'] }),
      '/1.0': 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
    };
    const backend = await numbering(t, (target) => answers[target]);
    const proxy = await proxied(t, backend, 'keepalive 2;');
    await get(proxy.port, '/close');
    assert.equal((await get(proxy.port, '/')).body, '2');
    await get(proxy.port, '/1.0');
    assert.equal((await get(proxy.port, '/')).body, '3');
  });
  test('is closed after its answer with keepalive 0', async (t) => {
    const backend = await numbering(t);
    const proxy = await proxied(t, backend, 'keepalive 0;');
    for (const number of ['1', '2', '3']) assert.equal((await get(proxy.port, '/')).body, number);
    await until('all are closed', () => backend.open === 0);
  });
  test('is asked to end with Connection: close', async (t) => {
    const backend = await numbering(t);
    const proxy = await proxied(t, backend, '', 'proxy_set_header Connection close;');
    await get(proxy.port, '/');
    assert.match((await get(proxy.port, '/')).body, /^[12]$/);
  });
  test('serves keepalive_requests requests', async (t) => {
    const proxy = await proxied(t, await numbering(t), 'keepalive 2; keepalive_requests 2;');
    for (const number of ['1', '1', '2', '2', '3']) assert.equal((await get(proxy.port, '/')).body, number);
  });
  test('is closed when it was idle for keepalive_timeout', async (t) => {
    const backend = await numbering(t);
    const proxy = await proxied(t, backend, 'keepalive 2; keepalive_timeout 100ms;');
    await get(proxy.port, '/');
    await until('it is closed', () => backend.open === 0);
    assert.equal((await get(proxy.port, '/')).body, '2');
  });
  test('is not kept beyond keepalive_time', async (t) => {
    const backend = await numbering(t);
    const proxy = await proxied(t, backend, 'keepalive 2; keepalive_time 50ms;');
    await get(proxy.port, '/');
    let number = '1';
    const began = Date.now();
    while (number === '1' && Date.now() - began < 5000) number = (await get(proxy.port, '/')).body;
    assert.equal(number, '2');
  });
  test('at most that many are kept idle, and the one idle for longest goes', async (t) => {
    const waiting: BackendConnection[] = [];
    const backend = await scriptedBackend(async (connection) => {
      for (let asked = await connection.request(); asked !== null; asked = await connection.request()) {
        if (asked.target === '/') connection.send(reply(String(connection.number)));
        else waiting.push(connection);
      }
      connection.end();
    });
    t.after(() => backend.close());
    const proxy = await proxied(t, backend, 'keepalive 2;');
    // The requests may arrive in any order.
    let answered = 0;
    const answers = [1, 2, 3].map(() => get(proxy.port, '/wait').then(() => answered++));
    await until('three requests wait', () => waiting.length === 3);
    for (const [i, connection] of waiting.entries()) {
      connection.send(reply('x'));
      await until('it is answered', () => answered > i);
    }
    await Promise.all(answers);
    await until('two are left', () => backend.open === 2);
    const left = backend.connections.filter(({ socket }) => !socket.destroyed).map(({ number }) => number);
    assert.deepEqual(
      left,
      waiting.slice(1).map(({ number }) => number),
    );
  });
  test('is bound to the location that made it with keepalive … local', async (t) => {
    const proxy = await proxied(t, await numbering(t), 'keepalive 2 local;');
    assert.equal((await get(proxy.port, '/')).body, '1');
    assert.equal((await get(proxy.port, '/other')).body, '2');
    assert.equal((await get(proxy.port, '/')).body, '1');
  });
});

describe('an idle connection to an upstream', () => {
  test('that is closed is forgotten', async (t) => {
    const backend = await numbering(t);
    const proxy = await proxied(t, backend, 'keepalive 2;');
    await get(proxy.port, '/');
    backend.connections[0]?.end();
    await until('it is closed', () => backend.open === 0);
    assert.equal((await get(proxy.port, '/')).body, '2');
    assert.deepEqual(proxy.messages('error'), []);
  });
  test('that sends bytes is closed, and they are no response to any request', async (t) => {
    const backend = await numbering(t);
    const proxy = await proxied(t, backend, 'keepalive 2;');
    await get(proxy.port, '/');
    backend.connections[0]?.send(reply('poison'));
    await until('it is closed', () => backend.open === 0);
    assert.equal((await get(proxy.port, '/')).body, '2');
  });
  for (const [name, poisoned] of [
    ['a body', `${reply('1')}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`],
    ['an empty body', `${reply('')}${reply('poison')}`],
    ['204', `HTTP/1.1 204 No Content\r\n\r\n${reply('poison')}`],
    ['304', `HTTP/1.1 304 Not Modified\r\n\r\n${reply('poison')}`],
    ['the last chunk', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${reply('poison')}`],
  ] as const) {
    test(`is not kept where bytes came behind ${name}`, async (t) => {
      const backend = await numbering(t, (target) => (target === '/poison' ? poisoned : undefined));
      const proxy = await proxied(t, backend, 'keepalive 2;');
      await get(proxy.port, '/poison');
      assert.equal((await get(proxy.port, '/')).body, '2');
    });
  }
  test('is not kept where a body came behind the answer to HEAD', async (t) => {
    const backend = await numbering(t, (target) => (target === '/poison' ? reply('poison') : undefined));
    const proxy = await proxied(t, backend, 'keepalive 2;');
    assert.equal((await get(proxy.port, '/poison', { method: 'HEAD' })).status, 200);
    assert.equal((await get(proxy.port, '/')).body, '2');
  });
  test('is not kept where the answer came before the whole request was sent', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      while ((await connection.head()) !== null) connection.send(reply(String(connection.number)));
    });
    t.after(() => backend.close());
    const proxy = await proxied(t, backend, 'keepalive 2;', 'proxy_request_buffering off;');
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 10'], body: 'half!' }));
    assert.equal((await client.answer()).body, '1');
    client.close();
    assert.equal((await get(proxy.port, '/')).body, '2');
  });
});

describe('a kept connection that turns out to be dead', () => {
  /** Drops each connection at its second request, after reading it. */
  async function dropping(t: TestContext, how: 'end' | 'reset'): Promise<Backend> {
    const backend = await scriptedBackend(async (connection) => {
      if ((await connection.request()) !== null) connection.send(reply(String(connection.number)));
      if ((await connection.request()) !== null) connection[how]();
      else connection.end();
    });
    t.after(() => backend.close());
    return backend;
  }
  for (const how of ['end', 'reset'] as const) {
    test(`is replaced by a new one (${how})`, async (t) => {
      const proxy = await proxied(t, await dropping(t, how), 'keepalive 2;');
      assert.equal((await get(proxy.port, '/')).body, '1');
      assert.equal((await get(proxy.port, '/')).body, '2');
    });
  }
  test('is replaced once: a new connection that dies as well is 502', async (t) => {
    let first = true;
    const backend = await scriptedBackend(async (connection) => {
      if ((await connection.request()) !== null && first) {
        first = false;
        connection.send(reply('1'));
        await connection.request();
      }
      connection.end();
    });
    t.after(() => backend.close());
    const proxy = await proxied(t, backend, 'keepalive 2;');
    assert.equal((await get(proxy.port, '/')).status, 200);
    assert.equal((await get(proxy.port, '/')).status, 502);
    assert.equal(backend.connections.length, 2);
  });
  test('is 502 for a request that may not be sent twice', async (t) => {
    const proxy = await proxied(t, await dropping(t, 'end'), 'keepalive 2;');
    await get(proxy.port, '/');
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'once' })).status, 502);
  });
  test('is replaced for POST with non_idempotent', async (t) => {
    const backend = await dropping(t, 'end');
    const proxy = await proxied(t, backend, 'keepalive 2;', 'proxy_next_upstream error timeout non_idempotent;');
    await get(proxy.port, '/');
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'twice' })).body, '2');
  });
});

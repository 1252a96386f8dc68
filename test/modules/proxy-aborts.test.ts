/** Clients that leave before they are answered: 499, and what becomes of the upstream. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Backend,
  type BackendConnection,
  type Connection,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

interface Started {
  readonly proxy: TestProxy;
  readonly backend: Backend;
  /** Connections of the back end on which a request was read. */
  readonly asked: BackendConnection[];
}

async function proxied(
  t: TestContext,
  settings = '',
  script: (connection: BackendConnection) => void | Promise<void> = () => {},
): Promise<Started> {
  const asked: BackendConnection[] = [];
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    asked.push(connection);
    await script(connection);
  });
  const proxy = await startProxy(
    `log_format s '$status $upstream_status $request_completion'; access_log logs/access.log s;
    server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } location /other { return 200 other; } }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  return { proxy, backend, asked };
}

/** Sends a request and waits until the upstream has it. */
async function asking({ proxy, asked }: Started, bytes = request('/')): Promise<Connection> {
  const client = await connect(proxy.port);
  client.send(bytes);
  const before = asked.length;
  await until('the upstream was asked', () => asked.length > before);
  return client;
}

describe('a client that leaves', () => {
  for (const [how, leave] of [
    ['closes', (client: Connection) => client.close()],
    ['resets', (client: Connection) => client.reset()],
    ['sends FIN', (client: Connection) => void client.end()],
  ] as const) {
    test(`and ${how} is logged with 499, and the upstream connection is closed`, async (t) => {
      const started = await proxied(t);
      const client = await asking(started);
      leave(client);
      await until('it is logged', () => started.proxy.accessLog().length === 1);
      assert.match(started.proxy.accessLog()[0] ?? '', /^499 - ?$/);
      await until('the upstream connection is closed', () => started.asked[0]?.reader.ended === true);
      client.close();
    });
  }
  test('while its upstream is being connected is logged with 499', async (t) => {
    const { proxy } = await proxied(t);
    const client = await connect(proxy.port);
    client.send(request('/')).close();
    await until('it is logged', () => proxy.accessLog().length === 1);
    assert.match(proxy.accessLog()[0] ?? '', /^499/);
  });
  test('in the middle of an answer ends the upstream connection, and the status stays', async (t) => {
    const started = await proxied(t, '', (connection) => {
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf!');
    });
    const client = await asking(started);
    await client.until('half!');
    client.close();
    await until('it is logged', () => started.proxy.accessLog().length === 1);
    assert.match(started.proxy.accessLog()[0] ?? '', /^200 200 ?$/);
    await until('the upstream connection is closed', () => started.asked[0]?.reader.ended === true);
  });
  test('while a paced answer is sent, whose upstream is done, is logged as in nginx', async (t) => {
    const started = await proxied(t, 'limit_rate 1000;', (connection) => {
      connection.send(reply('x'.repeat(10_000)));
    });
    const client = await asking(started);
    await client.until('xxx');
    client.reset();
    const sentence = 'client prematurely closed connection (104: Connection reset by peer) while sending to client';
    await until('it is logged', () => started.proxy.messages('info').some((message) => message.includes(sentence)));
  });

  test('before its body was whole is no request to the upstream', async (t) => {
    const { proxy, backend } = await proxied(t);
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 10'], body: 'half!' }));
    assert.equal((await get(proxy.port, '/other')).body, 'other');
    client.close();
    await until('it is logged', () => proxy.accessLog().length === 2);
    assert.equal(backend.connections.length, 0);
  });
  test('does not disturb the others', async (t) => {
    const started = await proxied(t);
    const [stays, leaves] = [await asking(started), await asking(started)];
    leaves.reset();
    await until('one is logged', () => started.proxy.accessLog().length === 1);
    started.asked[0]?.send(reply('here'));
    assert.equal((await stays.answer()).body, 'here');
  });
  test('with proxy_ignore_client_abort on, the upstream is waited for', async (t) => {
    const started = await proxied(t, 'proxy_ignore_client_abort on;');
    const client = await asking(started);
    client.reset();
    await until('the client is gone', () => started.proxy.proxy.status.connections === 0);
    assert.equal(started.asked[0]?.reader.ended, false);
    assert.deepEqual(started.proxy.accessLog(), []);
    started.asked[0]?.send(reply('nobody hears it'));
    await until('it is logged', () => started.proxy.accessLog().length === 1);
    assert.match(started.proxy.accessLog()[0] ?? '', /^200 200/);
  });
  test('only half, is answered with proxy_ignore_client_abort on', async (t) => {
    const started = await proxied(t, 'proxy_ignore_client_abort on;');
    const client = await asking(started);
    client.end();
    started.asked[0]?.send(reply('heard'));
    assert.equal((await client.answer()).body, 'heard');
    client.close();
  });
  test('behind a pipelined request leaves that one unanswered', async (t) => {
    const started = await proxied(t);
    const keep = { fields: ['Connection: keep-alive'] };
    const client = await asking(started, request('/', keep) + request('/other', keep));
    client.reset();
    await until('the upstream connection is closed', () => started.asked[0]?.reader.ended === true);
    await until('it is logged', () => started.proxy.accessLog().length >= 1);
    assert.match(started.proxy.accessLog()[0] ?? '', /^499/);
  });
});

describe('an upstream that leaves in the middle of its answer', () => {
  for (const [framing, head, piece] of [
    ['a length', 'Content-Length: 10', 'half!'],
    ['chunks', 'Transfer-Encoding: chunked', '5\r\nhalf!\r\n'],
    ['a broken chunk', 'Transfer-Encoding: chunked', '5\r\nhalf!\r\nxyz\r\n'],
  ] as const) {
    for (const how of ['end', 'reset'] as const) {
      test(`cuts off an answer with ${framing} (${how}): what came is passed on, and nobody takes it for whole`, async (t) => {
        const started = await proxied(t, '', (connection) => {
          connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${piece}`);
        });
        const client = await asking(started, request('/', { fields: ['Connection: keep-alive'] }));
        await client.until('half!');
        started.asked[0]?.[how]();
        assert.doesNotMatch(await client.all(), /0\r\n\r\n$/);
        await until('it is logged', () => started.proxy.accessLog().length === 1);
        // `$request_completion` is OK in nginx too: all that could be had was sent.
        assert.equal(started.proxy.accessLog()[0]?.trim(), piece.includes('xyz') ? '200 200' : '200 200 OK');
        assert.notDeepEqual(started.proxy.messages('error'), []);
        client.close();
      });
    }
  }
  test('cuts off an answer that ends with the connection where that is reset behind its last bytes', async (t) => {
    for (let i = 0; i < 3; i++) {
      const started = await proxied(t, '', (connection) => {
        // Both are there when the proxy looks.
        connection.send('HTTP/1.1 200 OK\r\n\r\nhalf!').reset();
      });
      const client = await asking(started, request('/', { fields: ['Connection: keep-alive'] }));
      assert.match(await client.all(), /Transfer-Encoding: chunked[\s\S]*\r\n5\r\nhalf!\r\n$/);
      await until('it is logged', () => started.proxy.accessLog().length === 1);
      assert.match(started.proxy.messages('error').join(), /\(104: Connection reset by peer\) while reading upstream/);
      client.close();
    }
  });
  test('is through with an answer that ends with the connection, although it did not read the whole request', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.socket.pause();
      connection.send('HTTP/1.1 200 OK\r\n\r\nwhole').end();
    });
    const proxy = await startProxy(
      `client_max_body_size 0; server { listen 127.0.0.1:0;
        location / { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
      { PORT: backend.port },
    );
    t.after(() => Promise.all([proxy.close(), backend.close()]));
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 1000000', 'Connection: keep-alive'] }));
    assert.match(await client.until('0\r\n\r\n'), /\r\n5\r\nwhole\r\n0\r\n\r\n$/);
    client.close();
  });
});

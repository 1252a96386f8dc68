/** Data that a client sends after its response: it is read and dropped, and does not destroy the response. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Connection, connect, request, scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';

const SERVER =
  'server { listen 127.0.0.1:0; location / { return 404 nope; } location /other { return 200 other; } %%MORE%% }';

async function started(t: TestContext, settings: string, more = ''): Promise<{ proxy: TestProxy; client: Connection }> {
  const proxy = await startProxy(`${settings} ${SERVER.replace('%%MORE%%', more)}`);
  const client = await connect(proxy.port);
  t.after(async () => {
    client.close();
    await proxy.close();
  });
  return { proxy, client };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a body that nobody wants may take longer than lingering_timeout, as long as it comes', async (t) => {
  const { client } = await started(t, 'lingering_timeout 400ms;');
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n');
  assert.equal((await client.answer()).status, 404);
  for (let i = 0; i < 10; i++) {
    await pause(100);
    client.send('x');
  }
  assert.equal((await client.send(request('/other')).answer()).body, 'other');
});

test('a body that nobody wants is read for no longer than lingering_time', async (t) => {
  const { client } = await started(t, 'lingering_time 300ms;');
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n');
  assert.equal((await client.answer()).status, 404);
  const timer = setInterval(() => client.send('x'), 50);
  t.after(() => clearInterval(timer));
  await until('the connection is closed', () => client.reader.ended);
});

for (const [path, status] of [
  ['/', 404],
  ['/denied', 403],
] as const) {
  test(`a client that waits for 100 Continue and is answered ${status} is not read on: its next request is no body`, async (t) => {
    const { client } = await started(t, '', 'location /denied { deny all; }');
    const fields = ['Connection: keep-alive', 'Content-Length: 10', 'Expect: 100-continue'];
    client.send(request(path, { method: 'POST', fields }));
    const answer = await client.answer();
    assert.deepEqual([answer.status, answer.field('connection')], [status, 'close']);
    client.send(request('/other', { fields: ['Connection: keep-alive'] })).end();
    assert.equal(await client.all(), '');
  });
}

test('a body that came although 100 Continue was asked for is dropped, and the connection goes on', async (t) => {
  const { client } = await started(t, '');
  const fields = ['Connection: keep-alive', 'Content-Length: 5', 'Expect: 100-continue'];
  client.send(request('/', { method: 'POST', fields, body: 'hello' }) + request('/other'));
  assert.equal((await client.answer()).field('connection'), 'keep-alive');
  assert.equal((await client.answer()).body, 'other');
});

for (const [what, start, piece] of [
  ['a request line', 'GET /', 'x'],
  ['a field', 'GET / HTTP/1.1\r\nX: ', 'x'],
  ['a head', 'GET / HTTP/1.1\r\n', 'X: y\r\n'],
] as const) {
  test(`${what} that is too long is read to its end, so that its answer is not lost to a reset`, async (t) => {
    const { client } = await started(t, 'client_header_buffer_size 1k; large_client_header_buffers 2 1k;');
    // The excess arrived alone; the rest follows after the response.
    client.send(start + piece.repeat(3100));
    const answer = await client.answer();
    assert.equal(answer.status, what === 'a request line' ? 414 : 400);
    for (let i = 0; i < 20; i++) {
      client.send(piece.repeat(1000));
      await pause(5);
    }
    client.end();
    assert.equal(await client.all(), '');
    assert.equal(client.reader.error, null);
  });
}

test('pipelined requests are answered all, although the client has ended its side', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    for (let asked = await connection.request(); asked !== null; asked = await connection.request()) {
      await until('the client has ended its side', () => client.socket.writableFinished);
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${asked.target}`);
    }
    connection.end();
  });
  t.after(() => backend.close());
  const { client } = await started(
    t,
    '',
    `location /p { rewrite ^/p(.*) $1 break; proxy_pass http://127.0.0.1:${backend.port}; }`,
  );
  const keep = { fields: ['Connection: keep-alive'] };
  client.send(request('/p/a', keep) + request('/p/b', keep) + request('/p/c', keep)).end();
  assert.deepEqual((await client.all()).match(/\/[abc]/g), ['/a', '/b', '/c']);
});

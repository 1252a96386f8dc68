/** Bodies of requests on their way to an upstream: kept in memory or a file, streamed, replaced, or left out. */
import assert from 'node:assert/strict';
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  answeringBackend,
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

/** As it is sent in chunks of these texts. */
function chunks(...pieces: readonly string[]): string {
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}

const CHUNKED = 'Transfer-Encoding: chunked';

describe('the body of a proxied request', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(({ method, body, field }) =>
      reply(`${method}|${field('content-length') ?? '-'}|${field('transfer-encoding') ?? '-'}|${body}`),
    );
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; }
      client_body_buffer_size 1k;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://app; }
        location /stream { proxy_request_buffering off; proxy_pass http://app; }
        location /1.0 { proxy_http_version 1.0; proxy_pass http://app; }
        location /1.0-stream { proxy_http_version 1.0; proxy_request_buffering off; proxy_pass http://app; }
        location /file { client_body_in_file_only clean; proxy_pass http://app; }
        location /set { proxy_set_body "$request_method $arg_x"; proxy_pass http://app; }
        location /set-empty { proxy_set_body $arg_x; proxy_pass http://app; }
        location /none { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://app; }
        location /none-length { proxy_pass_request_body off; proxy_pass http://app; }
        location /length { proxy_set_header Content-Length $http_x_length; proxy_pass http://app; }
        location /small { client_max_body_size 10; proxy_pass http://app; }
        location /small-stream { client_max_body_size 10; proxy_request_buffering off; proxy_pass http://app; }
        location /method { proxy_method PUT; proxy_pass http://app; }
      }`,
      { PORT: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const post = async (path: string, body: string, ...fields: string[]) =>
    (await get(proxy.port, path, { method: 'POST', body, fields })).body;

  for (const path of ['/', '/stream', '/1.0', '/file', '/length']) {
    test(`${path}: with a length it arrives whole, in memory or in a file`, async () => {
      const fields = ['X-Length: 5'];
      assert.equal(await post(path, 'hello', ...fields), 'POST|5|-|hello');
      const long = 'x'.repeat(300_000);
      const output = await post(path, long, 'X-Length: 300000');
      assert.equal(output, `POST|300000|-|${long}`);
    });
  }
  for (const path of ['/', '/1.0', '/1.0-stream', '/file']) {
    test(`${path}: chunks become a length`, async () => {
      assert.equal(await post(path, chunks('hel', 'lo'), CHUNKED), 'POST|5|-|hello');
      const piece = 'y'.repeat(60_000);
      assert.equal(await post(path, chunks(piece, piece), CHUNKED), `POST|120000|-|${piece}${piece}`);
      assert.equal(await post(path, chunks(), CHUNKED), 'POST|0|-|');
    });
  }
  test('an empty body has the length that the client gave', async () => {
    assert.equal(await post('/', ''), 'POST|0|-|');
    const none = await get(proxy.port, '/', { method: 'POST' });
    assert.equal(none.body, 'POST|-|-|');
    assert.equal((await get(proxy.port, '/', { method: 'DELETE' })).body, 'DELETE|-|-|');
  });
  test('any method may have one', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PROPFIND', 'OPTIONS']) {
      assert.equal((await get(proxy.port, '/', { method, body: 'hello' })).body, `${method}|5|-|hello`);
    }
    assert.equal(await post('/method', 'hello'), 'PUT|5|-|hello');
  });
  test('proxy_set_body stands in its place', async () => {
    assert.equal(await post('/set?x=y', 'hello'), 'POST|6|-|POST y');
    assert.equal(await post('/set?x=y', chunks('hello'), CHUNKED), 'POST|6|-|POST y');
    assert.equal((await get(proxy.port, '/set')).body, 'GET|4|-|GET ');
    assert.equal((await get(proxy.port, '/set-empty')).body, 'GET|0|-|');
  });
  test('proxy_pass_request_body off leaves it out, and the connection goes on', async () => {
    const client = await connect(proxy.port);
    const fields = ['Connection: keep-alive'];
    client.send(request('/none', { method: 'POST', body: 'hello', fields }));
    assert.equal((await client.answer()).body, 'POST|-|-|');
    client.send(request('/none-length', { method: 'POST', body: 'hello', fields }));
    assert.equal((await client.answer()).body, 'POST|0|-|');
    client.send(request('/', { method: 'POST', body: 'again' }));
    assert.equal((await client.answer()).body, 'POST|5|-|again');
    client.close();
  });
  test('a body that is too large is 413 before an upstream is asked', async () => {
    const asked = backend.requests.length;
    for (const path of ['/small', '/small-stream']) {
      assert.equal((await get(proxy.port, path, { method: 'POST', body: 'x'.repeat(11) })).status, 413);
    }
    assert.equal(
      (await get(proxy.port, '/small', { method: 'POST', body: chunks('x'.repeat(11)), fields: [CHUNKED] })).status,
      413,
    );
    assert.equal(backend.requests.length, asked);
    assert.equal(await post('/small', '0123456789'), 'POST|10|-|0123456789');
  });
  test('broken chunks are 400 before an upstream is asked', async () => {
    const asked = backend.requests.length;
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'x\r\n', fields: [CHUNKED] })).status, 400);
    assert.equal(backend.requests.length, asked);
  });
  test('a body that comes in pieces is waited for, and the upstream is asked when it is whole', async () => {
    const asked = backend.requests.length;
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 5'], body: 'he' }));
    // Another request shows that the first was read.
    await get(proxy.port, '/');
    assert.equal(backend.requests.length, asked + 1);
    assert.equal((await client.send('llo').answer()).body, 'POST|5|-|hello');
    client.close();
  });
  test('Expect: 100-continue is answered by the proxy and not passed on', async () => {
    for (const path of ['/', '/stream']) {
      const client = await connect(proxy.port);
      client.send(request(path, { method: 'POST', fields: ['Content-Length: 5', 'Expect: 100-continue'] }));
      assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
      assert.equal((await client.send('hello').answer()).body, 'POST|5|-|hello');
      assert.equal(backend.requests.at(-1)?.field('expect'), undefined);
      client.close();
    }
  });
});

describe('a streamed request body', () => {
  const CONFIG = `server { listen 127.0.0.1:0; location / { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT%%; } }`;

  test('arrives piece by piece', async (t) => {
    const pieces: string[] = [];
    const backend = await scriptedBackend(async (connection) => {
      const head = await connection.head();
      assert.equal(head?.field('content-length'), '6');
      for (let i = 0; i < 3; i++) pieces.push(await connection.reader.bytes(2));
      connection.send(reply('done'));
    });
    t.after(() => backend.close());
    const proxy = await startProxy(CONFIG, { PORT: backend.port });
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 6'] }));
    for (const piece of ['ab', 'cd', 'ef']) {
      client.send(piece);
      await until(`${piece} is there`, () => pieces.includes(piece));
    }
    assert.equal((await client.answer()).body, 'done');
    client.close();
  });
  test('is sent in chunks where it comes in chunks, with its length where it has one', async (t) => {
    const heads: string[] = [];
    const backend = await scriptedBackend(async (connection) => {
      const head = await connection.head();
      heads.push(`${head?.field('transfer-encoding')} ${head?.field('content-length')}`);
      await connection.reader.until('0\r\n\r\n').then((body) => connection.send(reply(body)));
    });
    t.after(() => backend.close());
    const proxy = await startProxy(CONFIG, { PORT: backend.port });
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: [CHUNKED] }));
    await until('the upstream was asked', () => heads.length === 1);
    const long = 'x'.repeat(20_000);
    client.send('3;ext\r\nhel\r\n').send(`2\r\nlo\r\n${chunks(long)}`);
    const { body } = await client.answer();
    assert.equal(body.replace(/[0-9a-f]+\r\n|\r\n/g, ''), `hello${long}`);
    assert.match(body, /0\r\n\r\n$/);
    assert.deepEqual(heads, ['chunked undefined']);
    client.close();
  });
  test('may be answered before it is all sent, and what is left of it is dropped', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send(reply('too much', { status: '413 Content Too Large', fields: ['Connection: close'] }));
      connection.end();
    });
    t.after(() => backend.close());
    const proxy = await startProxy(CONFIG, { PORT: backend.port });
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 6', 'Connection: keep-alive'], body: 'abc' }));
    const answer = await client.answer();
    assert.deepEqual([answer.status, answer.body], [413, 'too much']);
    client.send(`def${request('/', { method: 'POST', fields: ['Content-Length: 3'], body: 'abc' })}`);
    assert.equal((await client.answer()).status, 413);
    client.close();
  });
  test('that the client cuts short is 499 or 400, and the upstream sees no end of it', async (t) => {
    let ended = false;
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      await connection.reader.all();
      ended = connection.reader.ended;
    });
    t.after(() => backend.close());
    const proxy = await startProxy(`log_format s $status; access_log logs/access.log s; ${CONFIG}`, {
      PORT: backend.port,
    });
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 6'], body: 'abc' }));
    await until('the upstream was asked', () => backend.open === 1);
    client.close();
    await until('the upstream connection is closed', () => ended);
    await until('it is logged', () => proxy.accessLog().length === 1);
    assert.match(proxy.accessLog()[0] ?? '', /^(400|499)$/);
  });
});

describe('a buffered request body', () => {
  test('may be answered before it is all sent', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      connection.socket.pause();
      connection.send(reply('early', { fields: ['Connection: close'] }));
    });
    t.after(() => backend.close());
    const proxy = await startProxy(
      `client_max_body_size 0; server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
      { PORT: backend.port },
    );
    t.after(() => proxy.close());
    const answer = await get(proxy.port, '/', { method: 'POST', body: 'x'.repeat(8 << 20) });
    assert.deepEqual([answer.status, answer.body], [200, 'early']);
  });
  test('is sent again to the next server', async (t) => {
    const first = await scriptedBackend(async (connection) => {
      await connection.request();
      connection.reset();
    });
    const second = await answeringBackend(({ body }) => reply(String(body.length)));
    t.after(() => Promise.all([first.close(), second.close()]));
    const proxy = await startProxy(
      `upstream app { server 127.0.0.1:%%A%%; server 127.0.0.1:%%B%% backup; }
      server { listen 127.0.0.1:0; client_max_body_size 0; location / { proxy_pass http://app; } }`,
      { A: first.port, B: second.port },
    );
    t.after(() => proxy.close());
    for (const length of [5, 100_000, 3_000_000]) {
      const answer = await get(proxy.port, '/', { method: 'PUT', body: 'x'.repeat(length) });
      assert.equal(answer.body, String(length));
    }
  });
  test('whose file is cut short by somebody is no request: 500, and no connection is kept with half of it', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      connection.socket.pause();
    });
    t.after(() => backend.close());
    const proxy = await startProxy(
      `client_max_body_size 0; client_body_temp_path bodies; client_body_in_file_only clean;
      server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
      { PORT: backend.port },
    );
    t.after(() => proxy.close());
    const answer = get(proxy.port, '/', { method: 'POST', body: 'x'.repeat(40 << 20) });
    await until('it is being sent', () => backend.connections.length === 1);
    const [connection] = backend.connections;
    const bodies = join(proxy.directory, 'bodies');
    for (const name of readdirSync(bodies)) truncateSync(join(bodies, name), 1 << 20);
    connection?.socket.resume();
    assert.equal((await answer).status, 500);
    await until('the connection is closed', () => connection?.reader.ended === true);
    assert.deepEqual(readdirSync(bodies), []);
    assert.match(proxy.messages('crit').join(), /reading a client request body/);
  });
});

test('an upstream that answers before it has the whole body, and leaves, is heard although writing to it failed', async (t) => {
  const peers: BackendConnection[] = [];
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    peers.push(connection);
  });
  t.after(() => backend.close());
  const proxy = await startProxy(
    `client_max_body_size 0;
    server { listen 127.0.0.1:0; location / { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  t.after(() => proxy.close());
  for (let i = 0; i < 5; i++) {
    const client = await connect(proxy.port);
    client.send(request('/', { method: 'POST', fields: ['Content-Length: 1000000'] })).send('x'.repeat(5000));
    await until('some of the body was passed on', () => peers[i]?.reader.pending.length === 5000);
    // The next piece is at the proxy first, and finds a connection that is reset.
    client.send('more');
    peers[i]?.send(reply('too large', { status: '413 Too Large', fields: ['Connection: close'] })).reset();
    const answer = await client.answer();
    assert.deepEqual([answer.status, answer.body], [413, 'too large']);
    client.close();
  }
});

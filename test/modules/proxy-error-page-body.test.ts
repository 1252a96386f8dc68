/**
 * Request for a proxied error page after the client's body was consumed: streamed to another upstream, refused, or
 * truncated.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

describe('a proxied error page', () => {
  let failing: Backend;
  let pages: Backend;
  let proxy: TestProxy;
  before(async () => {
    failing = await scriptedBackend(async (connection) => {
      await connection.head();
      await connection.reader.bytes(5);
      connection.send(reply('', { status: '502 Bad Gateway' }));
    });
    pages = await answeringBackend(({ field, target, body }) =>
      reply(`${target} ${field('content-length') ?? '-'} ${field('transfer-encoding') ?? '-'} ${body}`),
    );
    proxy = await startProxy(
      `
      upstream failing { server 127.0.0.1:%%FAILING%%; }
      upstream pages { server 127.0.0.1:%%PAGES%%; }
      server {
        listen 127.0.0.1:0;
        client_max_body_size 20;
        error_page 400 413 502 = @page;
        location / { proxy_request_buffering off; proxy_intercept_errors on; proxy_pass http://failing; }
        location /read { proxy_pass http://pages; }
        location @page { proxy_request_buffering off; proxy_pass http://pages; }
      }`,
      { FAILING: failing.port, PAGES: pages.port },
    );
  });
  after(() => Promise.all([proxy.close(), failing.close(), pages.close()]));

  const head = (path: string, field: string) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${field}\r\n\r\n`;
  /** The body of the answer, and of that to a plain request behind it on the same upstream connection. */
  async function ask(bytes: string): Promise<[string, string]> {
    const client = await connect(proxy.port);
    client.send(bytes);
    const first = (await client.answer()).body;
    client.close();
    const other = await connect(proxy.port);
    const second = (await other.send('GET /read HTTP/1.1\r\nHost: localhost\r\n\r\n').answer()).body;
    other.close();
    return [first, second];
  }

  test('announces no body that was streamed to another server', async () => {
    assert.deepEqual(await ask(`${head('/', 'Content-Length: 10')}12345`), ['/ 0 - ', '/read - - ']);
  });
  test('announces no body that is refused for its length', async () => {
    assert.deepEqual(await ask(`${head('/read', 'Content-Length: 21')}`), ['/read 0 - ', '/read - - ']);
    const chunked = `${head('/read', 'Transfer-Encoding: chunked')}15\r\n${'x'.repeat(21)}\r\n`;
    assert.deepEqual(await ask(chunked), ['/read 0 - ', '/read - - ']);
  });
  test('announces no body that is badly framed', async () => {
    assert.deepEqual(await ask(`${head('/read', 'Transfer-Encoding: chunked')}Z\r\n`), ['/read 0 - ', '/read - - ']);
  });
});

test('a client that cuts its body short while the error page is fetched leaves no connection behind', async (t) => {
  const failing = await scriptedBackend(async (connection) => {
    await connection.head();
    await connection.reader.bytes(5);
    connection.send(reply('', { status: '502 Bad Gateway' }));
  });
  let answer = (): void => {};
  const pages = await scriptedBackend(async (connection) => {
    await connection.head();
    answer = () => connection.send(reply('page', { fields: ['Connection: close'] }));
  });
  const proxy = await startProxy(
    `log_format short "$status $upstream_status";
    upstream pages { server 127.0.0.1:%%PAGES%% max_conns=1; }
    server {
      listen 127.0.0.1:0;
      access_log logs/access.log short;
      location / {
        proxy_request_buffering off; proxy_intercept_errors on; error_page 502 = @page;
        proxy_pass http://127.0.0.1:%%FAILING%%;
      }
      location @page { proxy_pass http://pages; }
    }`,
    { FAILING: failing.port, PAGES: pages.port },
  );
  t.after(() => Promise.all([proxy.close(), failing.close(), pages.close()]));
  const client = await connect(proxy.port);
  client.send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345');
  await until('the page is asked for', () => pages.connections.length === 1);
  client.end();
  assert.equal(await client.all(), '');
  answer();
  client.close();
  await until('it is logged', () => proxy.accessLog().length === 1);
  assert.equal(proxy.accessLog()[0], '400 502 : -');
});

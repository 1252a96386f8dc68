/** Answers that go another way: `proxy_intercept_errors`, `X-Accel-Redirect`, and what becomes of timeouts. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
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
} from '../kit/index.js';
import { deafPort } from '../stress/deaf.js';

describe('proxy_intercept_errors and X-Accel-Redirect', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(({ target }) => {
      const status = /^\/(?:\w+\/)?(\d{3})/.exec(target)?.[1];
      if (status !== undefined) {
        return reply('theirs', {
          status: `${status} Theirs`,
          fields: ['X-Theirs: 1', 'WWW-Authenticate: Basic', 'WWW-Authenticate: Other'],
        });
      }
      const to = /to=(.*)$/.exec(target)?.[1];
      if (to === undefined) return reply(target);
      const fields = [
        'Content-Type: text/accel',
        'Set-Cookie: a=b',
        'Cache-Control: no-cache',
        'Content-Disposition: inline',
        'Expires: 0',
        'X-Theirs: 1',
        'Accept-Ranges: bytes',
      ];
      return reply('theirs', { fields: [`X-Accel-Redirect: ${to}`, ...fields] });
    });
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; }
      root %%DIR%%/html;
      server {
        listen 127.0.0.1:0;
        location / {
          error_page 404 /pages/404;
          error_page 500 502 =200 @page;
          error_page 301 401 /pages/other;
          proxy_intercept_errors on;
          proxy_pass http://app;
        }
        location /plain/ { proxy_pass http://app; }
        location /none/ { proxy_intercept_errors on; error_page 418 /pages/x; proxy_pass http://app; }
        location /pages/ { internal; return 200 "page $uri $upstream_status"; }
        location @page { return 200 "named $uri $upstream_status"; }
        location /accel { proxy_pass http://app; }
        location /ignoring { proxy_ignore_headers X-Accel-Redirect; proxy_pass http://app; }
        location /cookies { proxy_cookie_path / /other; proxy_cookie_flags ~ secure; proxy_pass http://app; }
        location /typeless/ { internal; proxy_pass http://app; }
        location /internal/ { internal; return 200 "$request_method $uri|$args|$sent_http_content_type"; }
        location /files/ { internal; }
        location /upstream/ { internal; proxy_pass http://app/from-accel; }
        location @named { return 200 "named $uri"; }
      }`,
      { PORT: backend.port },
      { files: { 'html/files/a file.txt': 'a file', secret: 'a secret' } },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  test('errors of the upstream are passed on without it', async () => {
    const answer = await get(proxy.port, '/plain/404');
    assert.deepEqual([answer.status, answer.body, answer.field('x-theirs')], [404, 'theirs', '1']);
  });
  test('error_page takes the place of the statuses that it names', async () => {
    const missing = await get(proxy.port, '/404');
    assert.deepEqual(
      [missing.status, missing.body, missing.field('x-theirs')],
      [404, 'page /pages/404 404', undefined],
    );
    const broken = await get(proxy.port, '/500');
    assert.deepEqual([broken.status, broken.body], [200, 'named /500 500']);
    assert.equal((await get(proxy.port, '/301')).body, 'page /pages/other 301');
    assert.equal((await get(proxy.port, '/403')).body, 'theirs');
  });
  test('a challenge goes along with 401', async () => {
    const answer = await get(proxy.port, '/401');
    assert.deepEqual([answer.status, answer.field('www-authenticate')], [401, 'Basic, Other']);
  });
  test('only the error pages of the location count', async () => {
    assert.equal((await get(proxy.port, '/none/404')).body, 'theirs');
  });
  test('the connection to the client goes on', async () => {
    const client = await connect(proxy.port);
    const keep = { fields: ['Connection: keep-alive'] };
    assert.equal((await client.send(request('/404', keep)).answer()).status, 404);
    assert.equal((await client.send(request('/plain/x', keep)).answer()).body, '/plain/x');
    client.close();
  });

  const accel = (to: string, options = {}) => get(proxy.port, `/accel?to=${to}`, options);
  test('X-Accel-Redirect goes on in another location, as GET', async () => {
    assert.equal((await accel('/internal/x?y=z')).body, 'GET /internal/x|y=z|text/accel');
    assert.equal(
      (await accel('/internal/a%20b', { method: 'POST', body: 'hello' })).body,
      'GET /internal/a b||text/accel',
    );
    assert.equal((await accel('@named')).body, 'named /accel');
    assert.equal((await accel('/internal/x', { method: 'HEAD' })).status, 200);
  });
  test('it keeps the fields that describe the content, and no others', async () => {
    const answer = await accel('/internal/x');
    assert.deepEqual(
      [
        answer.field('set-cookie'),
        answer.field('cache-control'),
        answer.field('content-disposition'),
        answer.field('expires'),
      ],
      ['a=b', 'no-cache', 'inline', '0'],
    );
    assert.deepEqual([answer.field('x-theirs'), answer.field('x-accel-redirect')], [undefined, undefined]);
  });
  test('cookies that go along are rewritten like others', async () => {
    const answer = await get(proxy.port, '/cookies?to=/internal/x');
    assert.equal(answer.field('set-cookie'), 'a=b; Secure');
  });
  test('the type goes along to an upstream that names none', async () => {
    assert.equal((await accel('/typeless/x')).field('content-type'), 'text/accel');
  });
  test('it can serve a file, or ask an upstream again', async () => {
    const file = await accel('/files/a%20file.txt');
    assert.deepEqual([file.status, file.body, file.field('content-type')], [200, 'a file', 'text/accel']);
    assert.equal((await accel('/upstream/x')).body, '/from-accelx');
  });
  test('an unsafe URI is 404', async () => {
    for (const to of ['/files/../../secret', '/files/%2e%2e/%2e%2e/secret', '/files/..', '..', '?x', '/files/%00']) {
      assert.equal((await accel(to)).status, 404, to);
    }
    assert.ok(proxy.messages('error').some((line) => line.includes('unsafe URI "/files/../../secret" was detected')));
  });
  test('a named location that is not there is 500', async () => {
    assert.equal((await accel('@nowhere')).status, 500);
  });
  test('proxy_ignore_headers lets the answer pass', async () => {
    const answer = await get(proxy.port, '/ignoring?to=/internal/x');
    assert.deepEqual([answer.body, answer.field('x-theirs')], ['theirs', '1']);
  });
});

describe('an upstream that is too slow', () => {
  async function slow(
    t: TestContext,
    script: (connection: BackendConnection) => void | Promise<void>,
    settings: string,
  ): Promise<TestProxy> {
    const backend = await scriptedBackend(script);
    const proxy = await startProxy(
      `log_format s '$status $upstream_status'; access_log logs/access.log s; client_max_body_size 0;
      server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } }`,
      { PORT: backend.port },
    );
    t.after(async () => {
      await proxy.close();
      await backend.close();
    });
    return proxy;
  }
  test('to answer is 504', async (t) => {
    const proxy = await slow(t, () => {}, 'proxy_read_timeout 100ms;');
    assert.equal((await get(proxy.port, '/')).status, 504);
    assert.deepEqual(proxy.accessLog(), ['504 504']);
    assert.match(
      proxy.messages('error').join('\n'),
      /upstream timed out \(110: Connection timed out\) while reading response header from upstream/,
    );
  });
  test('to finish its head is 504', async (t) => {
    const proxy = await slow(
      t,
      (connection) => void connection.send('HTTP/1.1 200 OK\r\n'),
      'proxy_read_timeout 100ms;',
    );
    assert.equal((await get(proxy.port, '/')).status, 504);
  });
  test('to finish its body is cut off, so that nobody takes it for whole', async (t) => {
    const half = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';
    const proxy = await slow(t, (connection) => void connection.send(half), 'proxy_read_timeout 100ms;');
    const client = await connect(proxy.port);
    const all = await client.send(request('/')).all();
    assert.match(all, /\r\n\r\n3\r\nabc\r\n$/);
    assert.match(proxy.messages('error').join('\n'), /timed out \(110: Connection timed out\) while reading upstream/);
    client.close();
  });
  test('to take the request is 504', async (t) => {
    const proxy = await slow(t, (connection) => void connection.socket.pause(), 'proxy_send_timeout 100ms;');
    assert.equal((await get(proxy.port, '/', { method: 'PUT', body: 'x'.repeat(16 << 20) })).status, 504);
    assert.match(
      proxy.messages('error').join('\n'),
      /timed out \(110: Connection timed out\) while sending request to upstream/,
    );
  });
  test('to be connected is 504', async (t) => {
    const deaf = await deafPort();
    t.after(() => deaf.close());
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; location / { proxy_connect_timeout 100ms; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
      { PORT: deaf.port },
    );
    t.after(() => proxy.close());
    assert.equal((await get(proxy.port, '/')).status, 504);
    assert.match(
      proxy.messages('error').join('\n'),
      /timed out \(110: Connection timed out\) while connecting to upstream/,
    );
  });
  test('is waited for between two reads, not for the whole', async (t) => {
    const proxy = await slow(
      t,
      async (connection) => {
        connection.send('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n');
        for (let i = 0; i < 8; i++) {
          await new Promise((resolve) => setTimeout(resolve, 60));
          connection.send(String(i));
        }
      },
      'proxy_read_timeout 300ms;',
    );
    assert.equal((await get(proxy.port, '/')).body, '01234567');
  });
});

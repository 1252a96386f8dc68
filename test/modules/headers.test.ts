import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { exchange, get, request, startProxy, type TestProxy } from '../kit/index.js';

/** Times of files below the prefix come from the clock; everything else here is constant. */
const DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

describe('add_header', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      add_header X-Http http;
      root %%DIR%%/html;
      server {
        listen 127.0.0.1:0;
        location / { return 200 ok; }
        location /own { add_header X-Own "a $arg_a"; add_header X-Own b; add_header X-Empty $arg_none; return 200 ok; }
        location /status { add_header X-Safe yes; add_header X-Always yes always; return 404 no; }
        location /moved { add_header X-Safe yes; return 302 /x; }
        location /none { add_header X-Safe yes; return 204; }
        location /merge {
          add_header X-Outer outer;
          add_header_inherit merge;
          location /merge/in { add_header X-Inner inner; return 200 ok; }
          location /merge/on { add_header_inherit on; return 200 ok; }
          location /merge/off { add_header_inherit off; return 200 ok; }
          return 200 ok;
        }
        location /file { add_header Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT"; add_header ETag '"mine"'; }
        location /bare { add_header Last-Modified ""; add_header ETag ""; }
        location /link { add_header Link one; add_header Link two; add_header X-Sent $sent_http_link; return 200 ok; }
      }`,
      {},
      { files: { 'html/file': 'a file', 'html/bare': 'a file' } },
    );
  });
  after(() => proxy.close());
  const fields = async (path: string, names: string[]) => {
    const answer = await get(proxy.port, path);
    return names.map((name) => answer.field(name));
  };

  test('adds fields with variables, in the order written, and none that is empty', async () => {
    assert.deepEqual(await fields('/own?a=1', ['x-own', 'x-empty', 'x-http']), ['a 1, b', undefined, undefined]);
  });
  test('is inherited by blocks that have none', async () => {
    assert.deepEqual(await fields('/', ['x-http']), ['http']);
  });
  test('leaves out errors, unless always is given', async () => {
    assert.deepEqual(await fields('/status', ['x-safe', 'x-always']), [undefined, 'yes']);
    assert.deepEqual(await fields('/moved', ['x-safe']), ['yes']);
    assert.deepEqual(await fields('/none', ['x-safe']), ['yes']);
  });
  test('is merged, inherited or not as add_header_inherit says', async () => {
    const names = ['x-inner', 'x-outer', 'x-http'];
    assert.deepEqual(await fields('/merge/in', names), ['inner', 'outer', 'http']);
    assert.deepEqual(await fields('/merge/on', names), [undefined, 'outer', 'http']);
    assert.deepEqual(await fields('/merge/off', names), [undefined, undefined, undefined]);
  });
  test('replaces and removes Last-Modified and ETag', async () => {
    const names = ['last-modified', 'etag'];
    assert.deepEqual(await fields('/file', names), ['Mon, 28 Sep 1970 06:00:00 GMT', '"mine"']);
    assert.deepEqual(await fields('/bare', names), [undefined, undefined]);
  });
  test('shows what was added before to the fields after it', async () => {
    assert.deepEqual(await fields('/link', ['link', 'x-sent']), ['one, two', 'one, two']);
  });
});

describe('expires', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      root %%DIR%%/html;
      map $arg_e $expiry { default $arg_e; }
      server {
        listen 127.0.0.1:0;
        location /epoch { expires epoch; return 200 ok; }
        location /max { expires max; return 200 ok; }
        location /zero { expires 0; return 200 ok; }
        location /hour { expires 1h; add_header Cache-Control public; return 200 ok; }
        location /past { expires -1; return 200 ok; }
        location /daily { expires @12h; return 200 ok; }
        location /error { expires 1h; return 404 no; }
        location /variable { expires $expiry; return 200 ok; }
        location /file { expires modified +1h; }
        location /off { expires max; location /off/in { expires off; return 200 ok; } }
      }`,
      {},
      { files: { 'html/file': 'a file' } },
    );
  });
  after(() => proxy.close());
  const both = async (path: string) => {
    const answer = await get(proxy.port, path);
    return [answer.field('expires'), answer.field('cache-control')] as const;
  };

  test('forbids and allows caching', async () => {
    assert.deepEqual(await both('/epoch'), ['Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache']);
    assert.deepEqual(await both('/max'), ['Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000']);
    assert.deepEqual(await both('/error'), [undefined, undefined]);
    assert.deepEqual(await both('/off/in'), [undefined, undefined]);
  });
  test('counts from now', async () => {
    const [at, caching] = await both('/hour');
    assert.match(at ?? '', DATE);
    assert.ok(Math.abs(Date.parse(at ?? '') - Date.now() - 3_600_000) < 5000);
    assert.equal(caching, 'max-age=3600, public');
    assert.equal((await both('/zero'))[1], 'max-age=0');
    const [past, never] = await both('/past');
    assert.ok(Date.parse(past ?? '') < Date.now());
    assert.equal(never, 'no-cache');
  });
  test('is at a time of the day', async () => {
    const [at] = await both('/daily');
    const date = new Date(at ?? '');
    assert.deepEqual([date.getHours(), date.getMinutes()], [12, 0]);
    assert.ok(date.getTime() > Date.now() && date.getTime() <= Date.now() + 25 * 3_600_000);
  });
  test('counts from the last change', async () => {
    const answer = await get(proxy.port, '/file');
    const changed = Date.parse(answer.field('last-modified') ?? '');
    assert.equal(Date.parse(answer.field('expires') ?? ''), changed + 3_600_000);
    assert.match(answer.field('cache-control') ?? '', /^max-age=3(59\d|600)$/);
  });
  test('takes its value from a variable, and does nothing where that makes no sense', async () => {
    assert.equal((await both('/variable?e=1d'))[1], 'max-age=86400');
    assert.equal((await both('/variable?e=max'))[1], 'max-age=315360000');
    assert.deepEqual(await both('/variable?e=off'), [undefined, undefined]);
    assert.deepEqual(await both('/variable?e=soon'), [undefined, undefined]);
  });
});

describe('add_trailer', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      root %%DIR%%/html;
      server {
        listen 127.0.0.1:0;
        add_trailer X-Var $host;
        add_trailer X-Always $host always;
        add_trailer X-Empty '';
        add_trailer X-Sent $sent_trailer_x_var;
        location /text { return 200 body; }
        location /nothing { return 200 ""; }
        location /empty { }
        location /file { }
        location /missing { return 404 no; }
        location /built-in { return 403; }
        location /plain { chunked_transfer_encoding off; return 200 body; }
      }`,
      {},
      { files: { 'html/file': 'a file', 'html/empty': '' } },
    );
  });
  after(() => proxy.close());
  const trailers = [
    ['X-Var', 'localhost'],
    ['X-Always', 'localhost'],
    ['X-Sent', 'localhost'],
  ];

  for (const [path, body] of [
    ['/text', 'body'],
    ['/file', 'a file'],
    ['/nothing', ''],
    ['/empty', ''],
  ] as const) {
    test(`follows the body of ${path}`, async () => {
      const answer = await get(proxy.port, path);
      assert.equal(answer.body, body);
      assert.deepEqual(answer.trailers, trailers);
      assert.equal(answer.field('content-length'), undefined);
    });
  }
  test('leaves out errors, unless always is given', async () => {
    assert.deepEqual((await get(proxy.port, '/missing')).trailers, [['X-Always', 'localhost']]);
    assert.deepEqual((await get(proxy.port, '/built-in')).trailers, [['X-Always', 'localhost']]);
  });
  test('is not sent where there are no chunks', async () => {
    const plain = await get(proxy.port, '/plain');
    assert.deepEqual([plain.trailers, plain.field('content-length')], [[], '4']);
    assert.equal((await get(proxy.port, '/text', { method: 'HEAD' })).field('content-length'), '4');
    const old = await exchange(proxy.port, request('/text').replace('HTTP/1.1', 'HTTP/1.0'));
    assert.match(old, /\r\n\r\nbody$/);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('location', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      server {
        listen 127.0.0.1:0;
        location / { return 200 root; }
        location = /exact { return 200 exact; }
        location /exact { return 200 prefix; }
        location /a/ {
          location /a/b { return 200 nested; }
          location ~ \\.x$ { return 200 nested-regex; }
          return 200 outer;
        }
        location ^~ /static/ { return 200 static; }
        location ~ \\.(css)$ { return 200 "regex $1"; }
        location ~* \\.JPG$ { return 200 caseless; }
        location /secret { internal; return 200 secret; }
        location /to-secret { rewrite ^ /secret last; }
        location /methods {
          limit_except GET { deny all; }
          error_page 405 =200 @ok;
          return 405;
        }
        location @ok { return 200 allowed; }
        location /passed/ { proxy_pass http://127.0.0.1:1; }
      }`);
  });
  after(() => proxy.close());
  const body = async (path: string) => (await get(proxy.port, path)).body;

  test('prefers an exact one, then ^~, then regular expressions, then the longest prefix', async () => {
    assert.equal(await body('/exact'), 'exact');
    assert.equal(await body('/exactly'), 'prefix');
    assert.equal(await body('/static/a.css'), 'static');
    assert.equal(await body('/x/a.css'), 'regex css');
    assert.equal(await body('/x.jpg'), 'caseless');
    assert.equal(await body('/none'), 'root');
  });
  test('holds others', async () => {
    assert.equal(await body('/a/'), 'outer');
    assert.equal(await body('/a/bc'), 'nested');
    assert.equal(await body('/a/c.x'), 'nested-regex');
    assert.equal(await body('/a/b.css'), 'regex css');
  });
  test('is 404 to clients where it is internal', async () => {
    assert.equal((await get(proxy.port, '/secret')).status, 404);
    assert.equal(await body('/to-secret'), 'secret');
  });
  test('holds something else for other methods', async () => {
    assert.equal(await body('/methods'), 'allowed');
    assert.equal((await get(proxy.port, '/methods', { method: 'HEAD' })).status, 200);
    assert.equal((await get(proxy.port, '/methods', { method: 'POST' })).status, 403);
  });
  test('redirects to itself where only the slash at its end is missing', async () => {
    const answer = await get(proxy.port, '/passed?a=1', { fields: ['Host: example.com'] });
    assert.equal(answer.status, 301);
    assert.equal(answer.field('location'), `http://example.com:${proxy.port}/passed/?a=1`);
  });
});

describe('error_page', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      error_page 404 /404.html;
      server {
        listen 127.0.0.1:0;
        root %%DIR%%/html;
        location /403 { error_page 403 =200 /page?from=403; return 403; }
        location /kept { error_page 403 = /page; return 403; }
        location /named { error_page 500 502 @named; return 502; }
        location /away { error_page 404 http://example.com/$uri; return 404; }
        location /moved { error_page 404 =301 http://example.com/; return 404; }
        location /twice { error_page 403 /forbidden; return 403; }
        location /thrice { error_page 403 /forbidden; recursive_error_pages on; return 403; }
        location /forbidden { error_page 404 =200 /page; return 404; }
        location /page { return 201 "$uri $args $request_method"; }
        location @named { return 503 "named $uri"; }
      }`,
      {},
      { files: { 'html/404.html': 'not here' } },
    );
  });
  after(() => proxy.close());

  test('is a file of the server, with the status of the error', async () => {
    const answer = await get(proxy.port, '/none');
    assert.equal(answer.status, 404);
    assert.equal(answer.body, 'not here');
    assert.equal(answer.field('content-type'), 'text/html');
  });
  test('changes the status', async () => {
    const answer = await get(proxy.port, '/403', { method: 'POST', body: 'x' });
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '/page from=403 GET');
  });
  test('leaves the status to the page', async () => {
    assert.equal((await get(proxy.port, '/kept')).status, 201);
  });
  test('is a named location', async () => {
    const answer = await get(proxy.port, '/named');
    assert.equal(answer.status, 502);
    assert.equal(answer.body, 'named /named');
  });
  test('redirects', async () => {
    const away = await get(proxy.port, '/away');
    assert.equal(away.status, 302);
    assert.equal(away.field('location'), 'http://example.com//away');
    assert.equal((await get(proxy.port, '/moved')).status, 301);
  });
  test('is not caught again, unless recursive_error_pages says so', async () => {
    const twice = await get(proxy.port, '/twice');
    assert.equal(twice.status, 404);
    assert.match(twice.body, /404 Not Found/);
    const thrice = await get(proxy.port, '/thrice');
    assert.equal(thrice.status, 200);
    assert.equal(thrice.body, '/page  GET');
  });
});

describe('root and alias', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      server {
        listen 127.0.0.1:0;
        root one/;
        types { text/x-a a A; } types { text/x-b b; }
        default_type text/x-other;
        location / { }
        location /two/ { root %%DIR%%; }
        location /al/ {
          alias %%DIR%%/two/;
          location /al/b { }
          if ($arg_one) { root one; }
        }
        location ~ ^/re/(.*)$ { alias %%DIR%%/two/$1; }
        location /show { return 200 "$document_root $request_filename"; }
        location /var { root $arg_root; return 200 "$document_root"; }
      }`,
      {},
      { files: { 'one/f.a': '1', 'one/al/f.b': 'al', 'two/f.b': '2', 'two/b/f.c': '3' } },
    );
  });
  after(() => proxy.close());
  const body = async (path: string) => (await get(proxy.port, path)).body;

  test('root puts a directory in front of the URI', async () => {
    assert.equal(await body('/f.a'), '1');
    assert.equal(await body('/two/f.b'), '2');
    assert.equal(await body('/show'), `${proxy.directory}/one ${proxy.directory}/one/show`);
  });
  test('a relative root starts from the prefix, also where it comes from a variable', async () => {
    assert.equal(await body('/var?root=x'), `${proxy.directory}/x`);
    assert.equal(await body('/var?root=/y'), '/y');
  });
  test('alias stands in for the name of the location, also in locations inside', async () => {
    assert.equal(await body('/al/f.b'), '2');
    assert.equal(await body('/al/b/f.c'), '3');
    assert.equal(await body('/re/f.b'), '2');
  });
  test('root in an if wins over the alias around it', async () => {
    assert.equal(await body('/al/f.b?one=1'), 'al');
  });
  test('types add up within one level', async () => {
    const type = async (path: string) => (await get(proxy.port, path)).field('content-type');
    assert.equal(await type('/f.a'), 'text/x-a');
    assert.equal(await type('/two/f.b'), 'text/x-b');
    assert.equal(await type('/al/b/f.c'), 'text/x-other');
  });
});

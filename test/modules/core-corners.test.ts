/** Where several directives meet: server rewrites, hosts that nobody named, content in `if`, files that stand for directories. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange, get, startProxy, type TestProxy } from '../kit/index.js';

let proxy: TestProxy;
before(async () => {
  proxy = await startProxy(
    `
    server {
      listen 127.0.0.1:0;
      server_name named.example;
      root %%DIR%%/html;
      rewrite ^/once/(.*)$ /counted/$1;
      location /counted/ { set $n "$n+"; return 200 "$uri $n"; }
      location /dir { }
      location /own { server_name_in_redirect on; return 301 /there; }
      location /pixel { empty_gif; if ($arg_a) { add_header X-A 1; } if ($arg_b) { proxy_pass http://127.0.0.1:1; } }
      location /named { error_page 418 = @small; return 418; }
      location @small { client_max_body_size 3; return 200 small; }
      location /late { if ($arg_a) { set $late 1; } return 200 "<$late><$late>"; }
      location /file/ { alias %%DIR%%/html/page.txt; error_page 500 =502 /failed; }
      location /small/ { client_max_body_size 3; proxy_pass http://127.0.0.1:1; }
      location /failed { return 200 failed; }
    }`,
    {},
    { files: { 'html/page.txt': 'page', 'html/dir/x': '' } },
  );
});
after(() => proxy.close());

test('a location that a rewrite of the server led to is entered once', async () => {
  assert.equal((await get(proxy.port, '/once/x')).body, '/counted/x +');
});

test('a redirect for a client that named no host leads to the address at which it came', async () => {
  const answer = await exchange(proxy.port, 'GET /dir HTTP/1.0\r\n\r\n');
  assert.match(answer, new RegExp(`\r\nLocation: http://127.0.0.1:${proxy.port}/dir/\r\n`));
  const own = await exchange(proxy.port, 'GET /own HTTP/1.0\r\n\r\n');
  assert.match(own, new RegExp(`\r\nLocation: http://named.example:${proxy.port}/there\r\n`));
  const named = await exchange(proxy.port, 'GET http://other.example/dir HTTP/1.0\r\n\r\n');
  assert.match(named, new RegExp(`\r\nLocation: http://other.example:${proxy.port}/dir/\r\n`));
});

test('a pixel is sent from if as well', async () => {
  const answer = await get(proxy.port, '/pixel?a=1');
  assert.deepEqual([answer.status, answer.field('content-type'), answer.field('x-a')], [200, 'image/gif', '1']);
});

test('a file in the place of a directory is a mistake of the configuration', async () => {
  assert.equal((await get(proxy.port, '/file/')).status, 502);
  assert.match(proxy.messages('alert')[0] ?? '', /\/html\/page\.txt" is not a directory, client: /);
});

test('a body that a location refuses is refused before the redirect that adds a slash to its name', async () => {
  assert.equal((await get(proxy.port, '/small', { method: 'POST', body: 'abc' })).status, 301);
  assert.equal((await get(proxy.port, '/small', { method: 'POST', body: 'abcd' })).status, 413);
});

test('a proxy in if goes before the pixel of the location around it', async () => {
  assert.equal((await get(proxy.port, '/pixel?b=1')).status, 502);
});

test('the size of a body is not looked at on the way into a named location', async () => {
  const post = (path: string) => get(proxy.port, path, { method: 'POST', body: 'abcd' });
  assert.equal((await post('/named')).status, 200);
  assert.equal((await post('/small/')).status, 413);
});

test('a variable without a value is told once in a request', async () => {
  const told = () => proxy.messages('warn').filter((message) => message.includes('uninitialized "late"')).length;
  const before = told();
  assert.equal((await get(proxy.port, '/late')).body, '<><>');
  assert.equal(told(), before + 1);
  assert.equal((await get(proxy.port, '/late?a=1')).body, '<1><1>');
  assert.equal(told(), before + 1);
});

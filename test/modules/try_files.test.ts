import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('try_files', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `root %%DIR%%/www;
      server {
        listen 127.0.0.1:0;
        location / { try_files $uri $uri.html $uri/ /fallback?from=$uri; index page; }
        location /code/ { try_files $uri =418; }
        location /named/ { try_files $uri @named; }
        location /missing/ { try_files $uri @nobody; }
        location /dir/ { try_files /found/ =404; }
        location /alias/ { alias %%DIR%%/www/sub/; try_files $uri =404; }
        location ~ ^/re/ { alias %%DIR%%/www/sub; try_files /file $uri =404; }
        location /fallback { return 200 "fallback $args"; }
        location @named { return 200 "named $uri"; }
      }`,
      {},
      { files: { 'www/found': 'found', 'www/b.html': 'b', 'www/d/page': 'page', 'www/sub/file': 'sub' } },
    );
  });
  after(() => proxy.close());

  it('serves the first that exists', async () => {
    assert.equal((await get(proxy.port, '/found')).body, 'found');
    assert.equal((await get(proxy.port, '/b')).body, 'b');
  });

  it('takes a directory only where a slash asks for one', async () => {
    assert.equal((await get(proxy.port, '/d/')).body, 'page');
    assert.equal((await get(proxy.port, '/dir/')).status, 404);
  });

  it('falls back to a URI with arguments of its own', async () => {
    assert.equal((await get(proxy.port, '/none?lost=1')).body, 'fallback from=/none');
  });

  it('falls back to a status', async () => {
    assert.equal((await get(proxy.port, '/code/x')).status, 418);
  });

  it('falls back to a named location, where the URI stays', async () => {
    assert.equal((await get(proxy.port, '/named/x')).body, 'named /named/x');
  });

  it('answers 500 for a named location that is not there', async () => {
    assert.equal((await get(proxy.port, '/missing/x')).status, 500);
    assert.ok(proxy.messages('error').some((message) => message.includes('could not find named location "@nobody"')));
  });

  it('works below an alias', async () => {
    assert.equal((await get(proxy.port, '/alias/file')).body, 'sub');
    assert.equal((await get(proxy.port, '/re/x')).body, 'sub');
  });
});

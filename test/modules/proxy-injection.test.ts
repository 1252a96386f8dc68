/** Line breaks that a client hides in its URI do not become lines of a head, on neither side. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answeringBackend, type Backend, get, reply, startProxy, type TestProxy } from '../kit/index.js';

describe('a decoded line break', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(({ head }) => reply(head));
    proxy = await startProxy(
      `upstream app { server 127.0.0.1:%%PORT%%; }
      server {
        listen 127.0.0.1:0;
        location /return { return 302 http://other$uri; }
        location /page { error_page 404 =302 http://other$uri; return 404; }
        location /add { add_header X-Path $uri; add_header ETag $uri; add_trailer X-End $uri; return 200 ok; }
        location /field { proxy_set_header X-Path $uri; proxy_pass http://app; }
        location /host { proxy_set_header Host $uri; proxy_pass http://app; }
        location /target { proxy_pass http://app$uri; }
        location /args { set $args $uri; proxy_pass http://app/x; }
      }`,
      { PORT: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));
  const evil = '%0d%0aEvil:%201%0d%0a%0d%0aGET%20/';

  for (const path of ['/return', '/page', '/add']) {
    test(`adds no field to the answer of ${path}`, async () => {
      const answer = await get(proxy.port, `${path}/${evil}`);
      assert.equal(answer.field('evil'), undefined);
      assert.doesNotMatch(answer.raw, /\nEvil/);
    });
  }
  for (const path of ['/field', '/host', '/target', '/args']) {
    test(`adds no field to the request of ${path}`, async () => {
      const { body } = await get(proxy.port, `${path}/${evil}`);
      assert.match(body, /^GET \S+ HTTP\/1\.1\r\n/);
      assert.doesNotMatch(body, /\nEvil/);
    });
  }
  test('and a space stay escaped in a target that is made of $uri', async () => {
    const { body } = await get(proxy.port, '/target/a%20b%0Ac');
    assert.match(body, /^GET \/target\/a%20b%0Ac HTTP/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../src/index.js';

test('a client that is bound to a server is passed to it, and the binding is explained', async () => {
  const http = (sticky: string) => `
    upstream app { server 127.0.0.1:1 route=a; server 127.0.0.1:2 route=b drain; server 127.0.0.1:3 route=c down; server 127.0.0.1:4; ${sticky} }
    server { listen 80; location / { proxy_pass http://app; } }`;
  const upstreamOf = async (sticky: string, request: string) =>
    (await explain(`events {}\nhttp {${http(sticky)}}\n`, request, { prefix: '/nonexistent' })).upstreams[0];
  const bound = await upstreamOf('sticky route $arg_r;', 'http://x/?r=b');
  assert.equal(bound?.sticky?.text, 'sticky route $arg_r');
  assert.equal(bound?.boundTo, '127.0.0.1:2');
  assert.deepEqual(bound?.order, ['127.0.0.1:2', '127.0.0.1:1']);
  assert.equal(bound?.requests[0]?.address, '127.0.0.1:2');
  const down = await upstreamOf('sticky route $arg_r;', 'http://x/?r=c');
  assert.deepEqual([down?.boundTo, down?.order], ['127.0.0.1:3', ['127.0.0.1:1', '127.0.0.1:4']]);
  const stranger = await upstreamOf('sticky cookie srv;', 'http://x/');
  assert.deepEqual([stranger?.boundTo, stranger?.order], [null, ['127.0.0.1:1', '127.0.0.1:4']]);
  const learned = 'sticky learn create=$upstream_cookie_s lookup=$cookie_s zone=s:32k;';
  assert.equal((await upstreamOf(learned, 'http://x/'))?.sticky?.text, learned.slice(0, -1));
  const lost = await upstreamOf('sticky cookie srv; least_conn;', 'http://x/');
  assert.equal(lost?.sticky, null);
});

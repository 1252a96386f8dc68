/** `$proxy_host` and `$proxy_port` of URLs with the default port of their scheme (nginx's ngx_http_proxy_set_vars). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget } from '../../src/modules/proxy/pass.js';
import { get, startProxy } from '../kit/index.js';

function hostOf(url: string): string {
  const target = parseTarget(url);
  assert.ok(typeof target !== 'string', url);
  return target.host;
}

test('the default port of the scheme is not part of $proxy_host, as in nginx', () => {
  assert.equal(hostOf('http://a.example:80/'), 'a.example');
  assert.equal(hostOf('https://a.example:443/x:443'), 'a.example');
  assert.equal(hostOf('wss://[::1]:443'), '[::1]');
  assert.equal(hostOf('http://[::1]'), '[::1]');
});

test('another port is part of it', () => {
  assert.equal(hostOf('http://a.example:443'), 'a.example:443');
  assert.equal(hostOf('https://a.example:80'), 'a.example:80');
  assert.equal(hostOf('http://[::1]:8080'), '[::1]:8080');
});

test('a URL with variables is treated alike', async (t) => {
  const proxy = await startProxy(`
    add_header X "$proxy_host $proxy_port" always;
    server {
      listen 127.0.0.1:0;
      location / { set $name unknown.invalid; proxy_pass https://$name:$arg_port/; }
    }`);
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/?port=443')).field('x'), 'unknown.invalid 443');
  assert.equal((await get(proxy.port, '/?port=80')).field('x'), 'unknown.invalid:80 80');
});

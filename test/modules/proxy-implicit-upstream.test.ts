/** A `proxy_pass` with variables whose value names the upstream of another one (nginx's ngx_http_upstream_init_request). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeringBackend, get, reply, startProxy } from '../kit/index.js';

test('a variable target leads to the implicit upstream of a fixed target with that host and port, without a resolver', async (t) => {
  const backend = await answeringBackend(() => reply('reached'));
  t.after(() => backend.close());
  const proxy = await startProxy(
    `
    upstream blocked { server 127.0.0.1:%%PORT%%; }
    server {
      listen 127.0.0.1:0;
      location /fixed { proxy_pass http://localhost:%%PORT%%; }
      location /same { set $name LOCALHOST:%%PORT%%; proxy_pass http://$name; }
      location /other-port { set $name localhost:1; proxy_pass http://$name; }
      location /block { set $name blocked; proxy_pass http://$name; }
      location /name { set $name unknown:8080; proxy_pass http://$name; add_header X-Host $proxy_host always; }
      location /block-port { set $name blocked:80; proxy_pass http://$name; }
    }`,
    { PORT: backend.port },
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/fixed')).body, 'reached');
  assert.equal((await get(proxy.port, '/same')).body, 'reached');
  assert.equal((await get(proxy.port, '/block')).body, 'reached');
  // Neither another port nor an upstream block with a port is meant: both names would have to be resolved.
  assert.equal((await get(proxy.port, '/other-port')).status, 502);
  assert.equal((await get(proxy.port, '/block-port')).status, 502);
  // As in nginx, the name is known even if it cannot be resolved.
  assert.equal((await get(proxy.port, '/name')).field('x-host'), 'unknown:8080');
  const errors = proxy.messages('error').filter((message) => message.includes('no resolver defined'));
  assert.equal(errors.length, 3);
});

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { forgetShapes, keepShapes, keptObjects, ShapeSlot } from '../../src/net/kept-shapes.js';
import { get, startProxy } from '../kit/index.js';

function keptClasses(): string[] {
  return keptObjects()
    .map((object) => object.constructor.name)
    .sort();
}

test('nothing is kept until a process asks for it, and then only of the configuration in force', () => {
  const slot = new ShapeSlot();
  const first = { number: 1 };
  forgetShapes(1);
  slot.keep(first, 1);
  assert.equal(slot.kept, null);
  keepShapes();
  slot.keep(first, 2);
  assert.equal(slot.kept, null);
  slot.keep(first, 1);
  slot.keep({ number: 2 }, 1);
  // Within a tick of the clock, the first one is kept.
  assert.equal(slot.kept, first);
  forgetShapes(2);
  assert.equal(slot.kept, null);
});

test('an exchange, its upstream request and a subrequest are kept until a reload', async (t) => {
  keepShapes();
  const backEnd = createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1');
  await new Promise((resolve) => backEnd.once('listening', resolve));
  t.after(() => backEnd.close());
  const { port } = backEnd.address() as { port: number };
  const text = `
    server {
      listen 127.0.0.1:0;
      location / { auth_request /auth; proxy_pass http://127.0.0.1:${port}; }
      location = /auth { internal; proxy_pass http://127.0.0.1:${port}; }
    }`;
  const proxy = await startProxy(text);
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port)).status, 200);
  assert.deepEqual(keptClasses(), ['HttpExchange', 'HttpExchange', 'UpstreamRequest']);
  await proxy.reload(text.replace('location = /auth { ', 'location = /auth { proxy_read_timeout 7s; '));
  assert.deepEqual(keptClasses(), []);
});

test('an exchange whose request has a body is not kept', async (t) => {
  keepShapes();
  const proxy = await startProxy(`
    server {
      listen 127.0.0.1:0;
      location / { client_max_body_size 1m; proxy_pass http://127.0.0.1:1; }
    }`);
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'x' })).status, 502);
  assert.deepEqual(keptClasses(), []);
});

/** Functions of scripts that observe. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { get, startProxy, type TestProxy, until, WebSocketClient, websocket, websocketEcho } from '../kit/index.js';

const SCRIPT = `
  import fs from 'node:fs';
  const write = (file, value) => fs.appendFileSync(file, JSON.stringify(value) + '\\n');
  export async function audit(request) {
    await null;
    write(ngx.prefix + 'requests', [request.method, request.target, request.host, request.client, request.status,
      request.bytes, request.completed, request.dropped, request.duration >= 0, request.upstream !== '',
      Object.fromEntries(request.headersIn)['X-User'], new Map(request.headersOut).get('Content-Type')]);
  }
  export async function record(r, message) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    write(ngx.prefix + 'messages', [r.uri, message.from, message.binary, message.binary ? message.data.length : message.text, message.dropped]);
    if (message.text === 'throw') throw new Error('on purpose');
    if (message.text.startsWith('{')) write(ngx.prefix + 'messages', message.json());
  }
  export const never = () => new Promise(() => {});
`;

async function started(t: TestContext, locations: string): Promise<TestProxy> {
  const proxy = await startProxy(
    `js_import main from main.js; server { listen 127.0.0.1:0; ${locations} }`,
    {},
    { files: { 'main.js': SCRIPT } },
  );
  t.after(() => proxy.close());
  return proxy;
}

function linesOf(proxy: TestProxy, file: string): unknown[] {
  return proxy
    .file(file)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(Buffer.from(line, 'latin1').toString()) as unknown);
}

test('a function is called with each request after its end', async (t) => {
  const proxy = await started(
    t,
    `location / { js_observe main.audit; default_type text/plain; return 200 "body"; }
     location /quiet { return 200 "body"; }`,
  );
  await get(proxy.port, '/a?b=c', { fields: ['X-User: me', 'Host: example.com'] });
  await get(proxy.port, '/quiet');
  await get(proxy.port, '/second', { method: 'POST', body: 'x' });
  await until('both are observed', () => linesOf(proxy, 'requests').length === 2);
  assert.deepEqual(linesOf(proxy, 'requests'), [
    ['GET', '/a?b=c', 'example.com', '127.0.0.1', 200, 4, true, 0, true, false, 'me', 'text/plain'],
    ['POST', '/second', 'localhost', '127.0.0.1', 200, 4, true, 0, true, false, null, 'text/plain'],
  ]);
});

test('messages of both sides are observed in order, compressed or not, while they pass', async (t) => {
  for (const perMessageDeflate of [false, true]) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
    server.on('connection', (socket) =>
      socket.on('message', (data, binary) => socket.send(data as Buffer, { binary })),
    );
    await new Promise((resolve) => server.once('listening', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const proxy = await started(
      t,
      `location / { proxy_pass ws://127.0.0.1:${port}; js_websocket_observe main.record; }`,
    );
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/path`, { perMessageDeflate });
    const client = new WebSocketClient(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    assert.equal(socket.extensions.includes('permessage-deflate'), perMessageDeflate);
    const sent = ['text ü', 'throw', '{"a":1}', Buffer.alloc(2000, 7), 'long '.repeat(1000)];
    for (const message of sent) assert.deepEqual(await client.ask(message), message);
    await client.close();
    const expected = (from: string) =>
      sent.map((data) => (typeof data === 'string' ? ['/path', from, false, data, 0] : ['/path', from, true, 2000, 0]));
    await until('all are observed', () => linesOf(proxy, 'messages').length === 2 * sent.length + 2);
    const lines = linesOf(proxy, 'messages').filter((line) => Array.isArray(line)) as (readonly unknown[])[];
    for (const from of ['client', 'upstream'])
      assert.deepEqual(
        lines.filter(([, each]) => each === from),
        expected(from),
      );
    assert.ok(proxy.messages('error').some((line) => line.includes('on purpose')));
  }
});

test('a function that never settles delays nothing, and its queue is bounded', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await started(
    t,
    `location / { proxy_pass ws://127.0.0.1:${echo.port}; js_websocket_observe main.never; }`,
  );
  const client = await websocket(proxy.port);
  const data = Buffer.alloc(300_000, 1);
  for (let i = 0; i < 8; i++) assert.equal((await client.ask(data)).length, data.length);
  await client.close();
});

test('after a message that is too long its sender is no longer observed, and the WebSocket continues', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await started(
    t,
    `location / { proxy_pass ws://127.0.0.1:${echo.port}; js_websocket_observe main.record; js_websocket_observe_size 1000; }`,
  );
  const client = await websocket(proxy.port);
  assert.equal(await client.ask('short'), 'short');
  const long = 'x'.repeat(2000);
  assert.equal(await client.ask(long), long);
  assert.equal(await client.ask('after'), 'after');
  await client.close();
  await until(
    'it is logged',
    () => proxy.messages('warn').filter((line) => line.includes('no longer observed')).length === 2,
  );
  assert.deepEqual(
    linesOf(proxy, 'messages').map((line) => (line as unknown[])[3]),
    ['short', 'short'],
  );
  assert.ok(readFileSync(join(proxy.directory, 'messages')).length > 0);
});

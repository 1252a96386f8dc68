/** The feed of the console, with real clients, servers and viewers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { messagesOf } from '../../src/console/messages.js';
import { FeedClient } from '../console/feed-client.js';
import {
  connect,
  get,
  startProxy,
  type TestProxy,
  until,
  type WebSocketEcho,
  websocket,
  websocketEcho,
} from '../kit/index.js';

const SERVER = `server { listen 127.0.0.1:0; server_name main.example;
  location /console/ { console; console_payload on; %%MORE%% }
  location /hidden/ { console; }
  location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }
  location /up/ { proxy_pass http://127.0.0.1:%%PORT%%; }
  location / { return 200 ok; } }`;

async function scene(t: TestContext, more = ''): Promise<{ proxy: TestProxy; echo: WebSocketEcho }> {
  const echo = await websocketEcho();
  const proxy = await startProxy(SERVER, { PORT: echo.port, MORE: more });
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  return { proxy, echo };
}

test('a viewer receives a hello message, requests and responses', async (t) => {
  const { proxy, echo } = await scene(t);
  const feed = await FeedClient.watch(proxy.port);
  assert.deepEqual(await feed.message('hello'), {
    ...{
      type: 'hello',
      version: 1,
      generation: 1,
      workers: 1,
      control: false,
      replay: false,
      payload: true,
      token: null,
    },
  });
  await get(proxy.port, '/up/a?token=secret&x=1');
  const { request, response } = await feed.exchange('/up/a?token=[redacted]&x=1');
  assert.match(request.client, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual([request.method, request.generation], ['GET', 1]);
  assert.deepEqual(
    [response.status, response.completed, response.server, response.location, response.sent],
    [200, true, 'main.example', '/up/', 33],
  );
  assert.ok(response.duration >= 0 && response.received > 50);
  const [first, ...others] = response.tries;
  assert.ok(first !== undefined && others.length === 0);
  assert.deepEqual([first.address, first.status], [`127.0.0.1:${echo.port}`, 200]);
  assert.ok(first.start >= 0 && first.connect >= 0 && first.head >= first.connect && first.done >= first.head);
  await feed.close();
});

test('a viewer that joins during a request receives its request with its response', async (t) => {
  const { proxy } = await scene(t);
  const early = await websocket(proxy.port, '/ws?early');
  const feed = await FeedClient.watch(proxy.port);
  const [open] = await feed.first('open');
  await early.close();
  const { response } = await feed.exchange('/ws?early');
  assert.equal(response.id, open?.id);
  assert.equal(response.status, 101);
  await feed.close();
});

test('frames are rows with masking keys, and totals follow once per second', async (t) => {
  const { proxy } = await scene(t);
  const feed = await FeedClient.watch(proxy.port, { payload: 5 });
  const client = await websocket(proxy.port, '/ws?x=1');
  assert.equal(await client.ask('hellö world'), 'hellö world');
  await client.ask(Buffer.from([1, 2, 3]));
  const [text, echoed, binary] = await feed.first('frame', 4);
  assert.ok(text !== undefined && echoed !== undefined && binary !== undefined);
  assert.deepEqual(
    [
      text.from,
      text.opcode,
      text.fin,
      text.rsv,
      text.compressed,
      text.length,
      Buffer.from(text.payload ?? []).toString(),
    ],
    ['client', 1, true, 0, false, 12, 'hell\ufffd'],
  );
  assert.ok(text.mask !== null && echoed.mask === null);
  assert.deepEqual([binary.opcode, [...(binary.payload ?? [])]], [2, [1, 2, 3]]);
  const [totals] = await feed.first('tunnel');
  assert.equal(totals?.id, text.id);
  await until('totals of both messages', () => feed.of('tunnel').some(({ sent }) => sent.messages === 2));
  assert.equal(feed.of('tunnel').at(-1)?.sent.bytes, 15);
  client.socket.close(4000, 'ciao');
  await client.closed;
  const [close] = await feed.first('close');
  assert.deepEqual([close?.by, close?.code, close?.reason], ['client', 4000, 'ciao']);
  await feed.close();
});

test('frames are sent only of the WebSockets that the viewer has selected, and a later subscription replaces it', async (t) => {
  const { proxy } = await scene(t);
  const feed = await FeedClient.watch(proxy.port, { frames: 'none' });
  const one = await websocket(proxy.port, '/ws?1');
  const two = await websocket(proxy.port, '/ws?2');
  const opened = await feed.first('open', 2);
  const id = opened.find(({ target }) => target === '/ws?2')?.id ?? '';
  await Promise.all([one.ask('unseen'), two.ask('unseen')]);
  feed.subscribe({ frames: [id] });
  // The next request shows that the subscription has arrived.
  await until('the subscription', () => {
    two.send('seen');
    return feed.of('frame').length > 1;
  });
  await one.ask('unseen');
  feed.subscribe({ frames: 'all' });
  await until('all frames', () => {
    one.send('later');
    return feed.of('frame').some((frame) => frame.id !== id);
  });
  assert.ok(feed.frames.every((frame) => /seen|later/.test(frame) && !frame.includes('unseen')));
  assert.ok(feed.of('frame').some((frame) => frame.id === id));
  await Promise.all([one.close(), two.close(), feed.close()]);
});

test('payloads are hidden unless the configuration shows them', async (t) => {
  const { proxy } = await scene(t);
  const feed = await FeedClient.watch(proxy.port, {}, { path: '/hidden/feed' });
  assert.equal((await feed.message('hello')).payload, false);
  const client = await websocket(proxy.port, '/ws');
  await client.ask('secret');
  const frames = await feed.first('frame', 2);
  assert.ok(frames.every(({ payload, withheld, length }) => payload === null && withheld === 'hidden' && length === 6));
  await Promise.all([client.close(), feed.close()]);
});

test('several viewers watch at once, and each one ends alone', async (t) => {
  const { proxy } = await scene(t);
  const feeds = await Promise.all([1, 2, 3].map(() => FeedClient.watch(proxy.port)));
  await get(proxy.port, '/first');
  await Promise.all(feeds.map((feed) => feed.exchange('/first')));
  const [gone, ...rest] = feeds;
  gone?.socket.terminate();
  await get(proxy.port, '/second');
  await Promise.all(rest.map((feed) => feed.exchange('/second')));
  await Promise.all(rest.map((feed) => feed.close()));
});

test('a reload that does not change the console does not interrupt the feed', async (t) => {
  const { proxy, echo } = await scene(t);
  const feed = await FeedClient.watch(proxy.port);
  await feed.message('hello');
  await proxy.reload(SERVER.replace('return 200 ok', 'return 200 other'), { PORT: echo.port, MORE: '' });
  await until('another hello', () => feed.messages.filter(({ type }) => type === 'hello').length === 2);
  assert.equal(feed.messages.filter(({ type }) => type === 'hello').at(-1)?.generation, 2);
  await get(proxy.port, '/after');
  const { request } = await feed.exchange('/after');
  assert.equal(request.generation, 2);
  await until('the end of generation 1', () => proxy.messages().some((line) => /generation 1 exited/.test(line)));
  // The second reload finds the viewer in the first one's table.
  await proxy.reload(SERVER, { PORT: echo.port, MORE: '' });
  await until('a third hello', () => feed.messages.filter(({ type }) => type === 'hello').length === 3);
  await feed.close();
});

test('a reload that changes or removes the console closes the feed with 1012', async (t) => {
  const { proxy, echo } = await scene(t);
  const feed = await FeedClient.watch(proxy.port);
  await proxy.reload(SERVER, { PORT: echo.port, MORE: 'console_redact_field X-New;' });
  assert.equal(await feed.closed, 1012);
  const again = await FeedClient.watch(proxy.port);
  await proxy.reload('server { listen 127.0.0.1:0; }', {});
  assert.equal(await again.closed, 1012);
});

test('a shutdown closes the feed and does not wait for it', async (t) => {
  const { proxy } = await scene(t);
  const feed = await FeedClient.watch(proxy.port);
  await feed.message('hello');
  await proxy.proxy.close();
  assert.ok([1001, 1006].includes(await feed.closed));
});

test('requests that are not a valid handshake of the feed are refused', async (t) => {
  const { proxy } = await scene(t);
  const plain = await get(proxy.port, '/console/feed');
  assert.equal(plain.status, 426);
  assert.equal((await get(proxy.port, '/console/other')).status, 404);
  const attempt = (protocol: string[], headers: Record<string, string> = {}): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/console/feed`, protocol, { headers });
      socket.on('error', (error) => resolve(error.message));
      socket.on('open', () => {
        socket.terminate();
        resolve('open');
      });
    });
  assert.match(await attempt([]), /400/);
  assert.match(await attempt(['other']), /400/);
  assert.match(await attempt(['tsproxy.console.1'], { Origin: 'http://evil.example' }), /403/);
  assert.match(await attempt(['tsproxy.console.1'], { 'Sec-Fetch-Site': 'cross-site' }), /403/);
  assert.match(await attempt(['tsproxy.console.1'], { Host: 'evil.example' }), /421/);
  assert.equal(await attempt(['tsproxy.console.1'], { Origin: `http://127.0.0.1:${proxy.port}` }), 'open');
});

test('access rules of the location apply to the feed', async (t) => {
  const { proxy } = await scene(t, 'deny all;');
  await assert.rejects(FeedClient.open(proxy.port), /403/);
});

test('malformed messages of a viewer are answered by an error, and too long ones end the feed', async (t) => {
  const { proxy } = await scene(t);
  const feed = await FeedClient.open(proxy.port);
  const invalid = [
    '{',
    'null',
    '[]',
    '{"type":"subscribe"}',
    '{"type":"subscribe","kinds":["x"],"frames":"all","payload":0}',
    '{"type":"subscribe","kinds":[],"frames":[1],"payload":0}',
    '{"type":"subscribe","kinds":[],"frames":"all","payload":1e9}',
    '{"type":"details"}',
  ];
  for (const message of invalid) feed.socket.send(message);
  feed.socket.send(Buffer.from('{}'));
  await until('errors', () => feed.messages.filter(({ type }) => type === 'error').length === invalid.length + 1);
  feed.socket.send('x'.repeat(70_000));
  assert.equal(await feed.closed, 1009);
});

test('a viewer that sends endless fragments, or more pings than it takes pongs, is cut off', async (t) => {
  const { proxy } = await scene(t);
  const fragments = await FeedClient.open(proxy.port);
  for (let i = 0; i < 1100; i++) fragments.socket.send('', { fin: false });
  assert.equal(await fragments.closed, 1008);
  const pings = await FeedClient.open(proxy.port);
  await pings.message('hello');
  const tcp = (pings.socket as unknown as { readonly _socket: Socket })._socket;
  tcp.write(Buffer.concat(Array.from({ length: 500 }, () => Buffer.from([0x89, 0x80, 0, 0, 0, 0]))));
  assert.equal(await pings.closed, 1006);
  assert.equal((await get(proxy.port, '/')).status, 200);
});

test('a viewer that resets its connection in any state is released completely', async (t) => {
  const { proxy } = await scene(t);
  const client = await websocket(proxy.port, '/ws');
  const head = `GET /console/feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: tsproxy.console.1\r\n\r\n`;
  const subscribe = Buffer.from('{"type":"subscribe","kinds":["http","websocket"],"frames":"all","payload":100}');
  const frame = Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), subscribe]);
  const states = [
    head.slice(0, 40),
    head,
    [head, frame.subarray(0, 3)],
    [head, frame],
    [head, frame, Buffer.from([0x88, 0x80, 0, 0, 0, 0])],
  ];
  for (const parts of states) {
    const raw = await connect(proxy.port);
    for (const part of [parts].flat()) raw.send(part);
    if (parts !== states[0]) assert.match(await raw.until('\r\n\r\n'), /^HTTP\/1.1 101 /);
    raw.reset();
    await client.ask('traffic');
  }
  // A subscriber that is still there would keep the tap active.
  const feed = await FeedClient.watch(proxy.port);
  assert.equal(await client.ask('still alive'), 'still alive');
  await feed.first('frame');
  await Promise.all([client.close(), feed.close()]);
});

test('compressed frames are given as sent, and followed by the message', async (t) => {
  const deflating = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
  await once(deflating, 'listening');
  deflating.on('connection', (socket) =>
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary })),
  );
  const proxy = await startProxy(SERVER, { PORT: (deflating.address() as AddressInfo).port, MORE: '' });
  t.after(() => Promise.all([proxy.close(), new Promise((resolve) => deflating.close(resolve))]));
  const feed = await FeedClient.watch(proxy.port, { payload: 20 });
  const client = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`, { perMessageDeflate: { threshold: 0 } });
  await once(client, 'open');
  const text = 'a message that is compressed, compressed, compressed';
  client.send(text);
  await feed.first('message', 2);
  // The second time the message refers to the first one; in fragments.
  client.send(text.slice(0, 10), { fin: false });
  client.send(text.slice(10), { fin: true });
  const messages = await feed.first('message', 4);
  for (const { opcode, length, payload, withheld } of messages) {
    assert.deepEqual(
      [opcode, length, Buffer.from(payload ?? []).toString(), withheld],
      [1, 52, text.slice(0, 20), null],
    );
  }
  const frames = feed.of('frame').filter(({ from, opcode }) => from === 'client' && opcode < 8);
  assert.deepEqual(
    frames.map(({ compressed, rsv, fin, opcode }) => [compressed, rsv, fin, opcode]),
    [
      [true, 4, true, 1],
      [true, 4, false, 1],
      [true, 0, true, 0],
    ],
  );
  assert.ok((frames[0]?.length ?? 99) < text.length);
  const [open] = await feed.first('open');
  assert.match(open?.extensions ?? '', /permessage-deflate/);
  const whole = messagesOf(feed.rows);
  assert.deepEqual(
    whole
      .filter(({ opcode }) => opcode === 1)
      .map(({ frames: count }) => count)
      .slice(0, 2),
    [1, 1],
  );
  assert.ok(whole.some(({ frames: count, from }) => count === 2 && from === 'client'));
  client.terminate();
  await feed.close();
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import type { WebSocket } from 'ws';
import { get, startProxy, type TestProxy, until, type WebSocketEcho, websocket, websocketEcho } from '../kit/index.js';
import { RawWebSocket } from '../websocket/raw-client.js';
import type { TestFrame } from '../websocket/stage-harness.js';

let echo: WebSocketEcho;
let proxy: TestProxy;
/** Messages that the back end has received. */
let received = 0;

const CLASSIC = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

const CONFIGURATION = `
  websocket_limit_zone $arg_key zone=keys:1m;
  limit_conn_zone $arg_key zone=open:1m;
  log_format status '$uri $websocket_limit_status';
  access_log logs/status.log status;
  upstream one { server 127.0.0.1:%%PORT%% max_conns=1; }
  server {
    listen 127.0.0.1:0;
    ${CLASSIC}
    location / { proxy_pass http://127.0.0.1:%%PORT%%; }
    location /size { websocket_max_message_size 100; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /frame { websocket_max_frame_size 100; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /fragments { websocket_max_fragments 3; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /text { websocket_opcodes text pong; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /rate { websocket_limit_messages 10/h; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /bytes { websocket_limit_bytes 1k/h code=1013; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /slow { websocket_limit_bytes 1k/s delay; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /delay { websocket_limit_messages 20/s burst=1 delay; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /key { websocket_limit_messages 5/h zone=keys; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /keydelay { websocket_limit_messages 20/s burst=1 zone=keys delay; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /keybytes { websocket_limit_bytes 100/h zone=keys code=1013; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /dry {
      websocket_limit_dry_run on; websocket_limit_log_level warn;
      websocket_max_message_size 10; websocket_limit_messages 1/h; websocket_opcodes text;
      proxy_pass http://127.0.0.1:%%PORT%%;
    }
    location /down { websocket_limit_from upstream; websocket_max_message_size 10; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /open { limit_conn open 1; proxy_pass http://127.0.0.1:%%PORT%%; }
    location /server { proxy_pass http://one; }
  }`;

before(async () => {
  echo = await websocketEcho();
  echo.sockets.on('connection', (socket) => socket.on('message', () => received++));
  proxy = await startProxy(CONFIGURATION, { PORT: echo.port });
});

after(async () => {
  await proxy.close();
  await echo.close();
});

const text = (payload: string): TestFrame => ({ opcode: 1, payload });

/** Sends frames, and returns the code of the proxy's Close frame with the number of messages that arrived before. */
async function rejected(path: string, ...frames: readonly (TestFrame | Buffer)[]): Promise<[number, number]> {
  const closes = echo.closeCodes.length;
  received = 0;
  const client = await RawWebSocket.open(proxy.port, path);
  const { code } = await client.send(...frames).closing();
  await until('the end at the back end', () => echo.closeCodes.length > closes);
  assert.equal(echo.closeCodes[closes], code);
  client.connection.close();
  return [code, received];
}

test('a message larger than the limit closes with 1009, whole or in fragments, and earlier ones arrive', async () => {
  assert.deepEqual(await rejected('/size', text('x'.repeat(100)), text('x'.repeat(101))), [1009, 1]);
  const fragment = (opcode: number, fin: boolean) => ({ opcode, fin, payload: 'x'.repeat(60) });
  assert.deepEqual(await rejected('/size', text('a'), fragment(1, false), fragment(0, true)), [1009, 1]);
  await until('the log', () => proxy.accessLog('logs/status.log').includes('/size REJECTED'));
  const [line] = proxy.messages('error').filter((message) => message.includes('websocket_max_message_size'));
  assert.match(line ?? '', /limiting WebSocket: client's message of 101 bytes exceeds "websocket_max_message_size"/);
});

test('a length of 2^63-1 closes with 1009 if there is a limit of size', async () => {
  const huge = Buffer.from('82ff7fffffffffffffff00000000', 'hex');
  assert.deepEqual(await rejected('/size', text('a'), huge), [1009, 1]);
  assert.deepEqual(await rejected('/frame', text('a'), huge), [1009, 1]);
});

test('a length with its highest bit set closes with 1002, whatever the limits', async () => {
  const frame = Buffer.from('81ffffffffffffffffff0000000041', 'hex');
  for (const path of ['/size', '/frame', '/fragments', '/text', '/rate', '/bytes', '/slow', '/keybytes?key=top']) {
    assert.deepEqual(await rejected(path, frame), [1002, 0], path);
    assert.deepEqual(await rejected(path, frame.subarray(0, 3), frame.subarray(3)), [1002, 0], path);
  }
});

test('a frame that would have to wait for years is not passed on at once', async () => {
  const opened = once(echo.sockets, 'connection');
  const endless = await RawWebSocket.open(proxy.port, '/slow');
  const [, request] = (await opened) as [WebSocket, IncomingMessage];
  const { bytesRead } = request.socket;
  endless.send(Buffer.from('82ff000fffffffffffff00000000', 'hex'), Buffer.alloc(10_000));
  // A message of another WebSocket that has to wait for 0.1 s.
  const short = await websocket(proxy.port, '/slow');
  await short.ask('x'.repeat(100));
  assert.equal(request.socket.bytesRead, bytesRead);
  endless.connection.close();
  await short.close();
});

test('a frame larger than the limit closes with 1009', async () => {
  const half = 'x'.repeat(60);
  const fragments = [
    { opcode: 1, fin: false, payload: half },
    { opcode: 0, payload: half },
  ];
  assert.deepEqual(await rejected('/frame', ...fragments, text('x'.repeat(101))), [1009, 1]);
});

test('more fragments than the limit close with 1008, however many a client sends', async () => {
  const more = { opcode: 0, fin: false };
  const three = [{ opcode: 1, fin: false }, more, { opcode: 0 }];
  assert.deepEqual(await rejected('/fragments', ...three, { opcode: 1, fin: false }, more, more, more), [1008, 1]);
});

test('types of messages that are not permitted close with 1003, other control frames with 1008', async () => {
  assert.deepEqual(await rejected('/text', text('a'), { opcode: 2, payload: 'b' }), [1003, 1]);
  assert.deepEqual(await rejected('/text', text('a'), { opcode: 9 }), [1008, 1]);
  const client = await websocket(proxy.port, '/text');
  assert.equal(await client.ask('hello'), 'hello');
  assert.equal(await client.close(1000), 1000);
});

test('messages above the rate close with 1008, pings and empty messages as well', async () => {
  assert.deepEqual(await rejected('/rate', ...new Array<TestFrame>(11).fill(text('a'))), [1008, 10]);
  assert.deepEqual(await rejected('/rate', ...new Array<TestFrame>(100).fill({ opcode: 9 })), [1008, 0]);
  assert.deepEqual(await rejected('/rate', ...new Array<TestFrame>(100).fill({ opcode: 2 })), [1008, 10]);
});

test('bytes above the rate close with the configured code', async () => {
  const half = text('x'.repeat(120));
  assert.deepEqual(await rejected('/bytes', ...new Array<TestFrame>(9).fill(half)), [1013, 8]);
});

test('messages above a rate with delay wait, in order', async () => {
  for (const path of ['/delay', '/keydelay?key=d']) {
    const client = await websocket(proxy.port, path);
    const start = performance.now();
    for (let i = 0; i < 5; i++) client.send(String(i));
    for (let i = 0; i < 5; i++) assert.equal(await client.next(), String(i));
    // 50 ms for each after the first one; timers may be 1 ms early.
    assert.ok(performance.now() - start >= 195);
    await client.close();
  }
  await until('the log', () => proxy.accessLog('logs/status.log').includes('/delay DELAYED'));
});

test('messages of a key are counted over its connections, and messages and bytes separately', async () => {
  const first = await websocket(proxy.port, '/key?key=a');
  for (const message of ['1', '2', '3']) assert.equal(await first.ask(message), message);
  const second = await websocket(proxy.port, '/key?key=a');
  assert.equal(await second.ask('4'), '4');
  assert.equal(await second.ask('5'), '5');
  second.send('6');
  assert.equal(await second.closed, 1008);
  const other = await websocket(proxy.port, '/key?key=b');
  assert.equal(await other.ask('1'), '1');
  const bytes = await websocket(proxy.port, '/keybytes?key=a');
  assert.equal(await bytes.ask('x'.repeat(90)), 'x'.repeat(90));
  bytes.send('x'.repeat(90));
  assert.equal(await bytes.closed, 1013);
  // An empty key is not counted.
  const none = await websocket(proxy.port, '/key');
  for (let i = 0; i < 10; i++) assert.equal(await none.ask('x'), 'x');
  await Promise.all([first.close(), other.close(), none.close()]);
});

test('a dry run closes nothing and logs each limit once', async () => {
  const client = await websocket(proxy.port, '/dry');
  for (let i = 0; i < 3; i++) assert.equal(await client.ask('longer than ten'), 'longer than ten');
  client.send(Buffer.from('binary'));
  await client.next();
  await client.close();
  await until('the log', () => proxy.accessLog('logs/status.log').includes('/dry REJECTED_DRY_RUN'));
  const lines = proxy.messages('warn').filter((message) => message.includes('limiting WebSocket, dry run'));
  assert.equal(lines.length, 3, lines.join('\n'));
});

test('frames of the upstream are limited if configured', async () => {
  const client = await websocket(proxy.port, '/down');
  assert.equal(await client.ask('short'), 'short');
  client.send('longer than ten');
  assert.equal(await client.closed, 1009);
});

test('a reload applies other limits to open WebSockets', async () => {
  const own = await startProxy(CONFIGURATION, { PORT: echo.port });
  const client = await websocket(own.port, '/size');
  assert.equal(await client.ask('x'.repeat(100)), 'x'.repeat(100));
  await own.reload(CONFIGURATION.replace('websocket_max_message_size 100', 'websocket_max_message_size 200'), {
    PORT: echo.port,
  });
  assert.equal(await client.ask('x'.repeat(200)), 'x'.repeat(200));
  client.send('x'.repeat(201));
  assert.equal(await client.closed, 1009);
  await own.close();
});

test('limit_conn and max_conns count a WebSocket until it closes', async () => {
  for (const [path, status] of [
    ['/open?key=a', 503],
    ['/server', 502],
  ] as const) {
    const client = await websocket(proxy.port, path);
    assert.equal((await get(proxy.port, path)).status, status);
    await client.close();
    for (let tries = 0; (await get(proxy.port, path)).status !== 200; tries++) assert.ok(tries < 100);
  }
});

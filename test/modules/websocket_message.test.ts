import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { bufferedMemory } from '../../src/net/buffer-limit.js';
import {
  startProxy,
  type TestProxy,
  until,
  WebSocketClient,
  type WebSocketEcho,
  websocket,
  websocketEcho,
} from '../kit/index.js';
import { RawWebSocket } from '../websocket/raw-client.js';

let echo: WebSocketEcho;
/** Messages that the mirror has received. */
const mirrored: string[] = [];
let mirror: WebSocketServer;
let compressing: WebSocketServer;
let proxy: TestProxy;

const PASS = 'proxy_pass http://127.0.0.1:%%PORT%%;';

before(async () => {
  echo = await websocketEcho();
  mirror = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  mirror.on('connection', (socket) => {
    socket.send('ignored');
    socket.on('message', (data) => mirrored.push(String(data)));
  });
  compressing = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
  compressing.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary }));
  });
  await Promise.all([mirror, compressing].map((server) => once(server, 'listening')));
  proxy = await startProxy(
    `
  log_format status '$uri $websocket_message_status';
  access_log logs/status.log status;
  upstream copies { server 127.0.0.1:%%MIRROR%%; }
  server {
    listen 127.0.0.1:0;
    proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    location /plain { ${PASS} }
    location /utf8 { websocket_utf8 on; ${PASS} }
    location /json { websocket_json on; ${PASS} }
    location /schema { websocket_json_schema %%DIR%%/chat.json; ${PASS} }
    location /names { websocket_json_schema %%DIR%%/names.json; ${PASS} }
    location /new { websocket_json_schema %%DIR%%/new.json; ${PASS} }
    location /patterns { websocket_message_allow "^[a-z ]+$" "^\\d"; websocket_message_deny "(?i)secret"; ${PASS} }
    location /slow { websocket_message_deny "^(?:(?:a|a)+)+[bc]"; ${PASS} }
    location /drop { websocket_message_deny drop; websocket_message_reject drop; ${PASS} }
    location /dry { websocket_message_deny x; websocket_json on; websocket_message_redact x y; websocket_message_dry_run on; ${PASS} }
    location /redact { websocket_message_redact "\\b\\d{13,16}\\b" "[card]"; websocket_message_redact "(?:é)+" from=upstream; ${PASS} }
    location /log { websocket_log_messages notice size=10 rate=2/s from=client; websocket_log_messages_redact "token"; ${PASS} }
    location /mirror { websocket_mirror ws://copies/all; ${PASS} }
    location /lost { websocket_mirror ws://127.0.0.1:1/; ${PASS} }
    location /small { websocket_log_messages debug; websocket_message_buffer_size 100; ${PASS} }
    location /deflate { websocket_deflate on; proxy_pass http://127.0.0.1:%%COMPRESSING%%; }
    location /read { websocket_message_deny secret; websocket_deflate_window_bits 10; proxy_pass http://127.0.0.1:%%COMPRESSING%%; }
    location /off { websocket_deflate off; proxy_pass http://127.0.0.1:%%COMPRESSING%%; }
    location /through { proxy_pass http://127.0.0.1:%%COMPRESSING%%; }
  }`,
    {
      PORT: echo.port,
      MIRROR: (mirror.address() as AddressInfo).port,
      COMPRESSING: (compressing.address() as AddressInfo).port,
    },
    {
      files: {
        'chat.json': '{"type":"object","required":["type"],"properties":{"type":{"enum":["join"]}}}',
        'names.json': '{"additionalProperties":{"type":"number"}}',
        'new.json': '{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{"type":"number"}]}',
      },
    },
  );
});

after(async () => {
  await proxy.close();
  await echo.close();
  for (const server of [mirror, compressing]) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

/** Connects with permessage-deflate. */
function compressed(path: string): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}${path}`, { perMessageDeflate: { threshold: 0 } });
    const client = new WebSocketClient(socket);
    socket.once('open', () => resolve(client));
    socket.once('error', reject);
  });
}

/** Code with which the WebSocket is closed for a message. */
async function codeFor(path: string, message: string | Buffer, opcode = 1): Promise<number> {
  const client = await RawWebSocket.open(proxy.port, path);
  const { code } = await client.send({ opcode, payload: message }).closing();
  client.connection.close();
  return code;
}

test('text that is not UTF-8 closes with 1007, and other messages of any size pass', async () => {
  assert.equal(await codeFor('/utf8', Buffer.from([0x61, 0xff])), 1007);
  assert.equal(await codeFor('/utf8', Buffer.from([0xe2, 0x82])), 1007);
  const client = await websocket(proxy.port, '/utf8');
  const large = 'κόσμε'.repeat(50_000);
  assert.equal(await client.ask(large), large);
  assert.deepEqual(await client.ask(Buffer.from([0xff])), Buffer.from([0xff]));
  await client.close();
  assert.match(proxy.messages('error').join('\n'), /rejecting WebSocket message: client's text is not valid UTF-8/);
});

test('compressed text is validated as well', async () => {
  const client = await compressed('/utf8');
  assert.equal(client.socket.extensions, 'permessage-deflate');
  assert.equal(await client.ask('κόσμε'), 'κόσμε');
  client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
  assert.equal(await client.closed, 1007);
});

test('text that is not JSON, or violates the schema, closes the WebSocket', async () => {
  const client = await websocket(proxy.port, '/json');
  assert.equal(await client.ask('{"a":[1]}'), '{"a":[1]}');
  client.send('{');
  assert.equal(await client.closed, 1007);
  const chat = await websocket(proxy.port, '/schema');
  assert.equal(await chat.ask('{"type":"join"}'), '{"type":"join"}');
  await chat.close();
  const raw = await RawWebSocket.open(proxy.port, '/schema');
  const { code, reason } = await raw.send({ opcode: 1, payload: '{"type":"leave"}' }).closing();
  assert.equal(code, 1008);
  assert.equal(reason, '/type must be equal to one of the allowed values');
  raw.connection.close();
  assert.equal(await codeFor('/schema', 'no JSON'), 1007);
  assert.equal(await codeFor('/new', '["a"]'), 1008);
});

test('a reason with names from the message is cut to the length of a Close frame, between characters', async () => {
  for (const [name, length] of [
    ['a'.repeat(500), 123],
    ['é'.repeat(90), 123],
    ['漢'.repeat(90), 121],
    [`x${'𐍈'.repeat(90)}`, 122],
  ] as const) {
    const raw = await RawWebSocket.open(proxy.port, '/names');
    const { code, reason } = await raw.send({ opcode: 1, payload: JSON.stringify({ [name]: 'text' }) }).closing();
    assert.deepEqual([code, Buffer.byteLength(reason), reason], [1008, length, `/${name}`.slice(0, reason.length)]);
    raw.connection.close();
  }
});

test('a schema that cannot be used prevents the start', async () => {
  for (const [content, reason] of [
    ['{', /JSON/],
    ['{"type":"nothing"}', /type/],
    ['[]', /object or a boolean/],
  ] as const) {
    const start = startProxy(
      'server { listen 127.0.0.1:0; websocket_json_schema %%DIR%%/bad.json; }',
      {},
      { files: { 'bad.json': content } },
    );
    await assert.rejects(start, reason);
  }
  await assert.rejects(startProxy('server { listen 127.0.0.1:0; websocket_json_schema none.json; }'), /ENOENT/);
});

test('expressions allow and deny text', async () => {
  const client = await websocket(proxy.port, '/patterns');
  assert.equal(await client.ask('hello world'), 'hello world');
  assert.equal(await client.ask('1'), '1');
  client.send(Buffer.from('SECRET'));
  assert.deepEqual(await client.next(), Buffer.from('SECRET'));
  client.send('no Match!');
  assert.equal(await client.closed, 1008);
  assert.equal(await codeFor('/patterns', 'my secret'), 1008);
  await until('the log', () => proxy.accessLog('logs/status.log').includes('/patterns REJECTED'));
});

test('an expression that would take too long denies the message', async () => {
  assert.equal(await codeFor('/slow', 'a'.repeat(60)), 1008);
});

test('messages are dropped if configured, and the others keep their order', async () => {
  const client = await websocket(proxy.port, '/drop');
  for (const message of ['a', 'drop me', 'b', 'drop', 'c']) client.send(message);
  for (const message of ['a', 'b', 'c']) assert.equal(await client.next(), message);
  assert.equal(await client.close(1000), 1000);
});

test('a dry run changes nothing', async () => {
  const client = await websocket(proxy.port, '/dry');
  assert.equal(await client.ask('x'), 'x');
  await client.close();
  await until('the log', () => proxy.accessLog('logs/status.log').includes('/dry REJECTED_DRY_RUN'));
});

test('matches are redacted in the configured direction', async () => {
  const client = await websocket(proxy.port, '/redact');
  assert.equal(await client.ask('4111111111111111 and 1234567890123, not 12'), '[card] and [card], not 12');
  assert.equal(await client.ask('caféé!'), 'caf[redacted]!');
  assert.equal(await client.ask(''), '');
  await client.close();
});

test('messages are logged with limits of size and rate, redacted', async () => {
  const client = await websocket(proxy.port, '/log');
  await client.ask('my token is long');
  await client.ask(Buffer.from([1, 2, 255]));
  await client.ask('third');
  await client.close();
  const lines = proxy.messages('notice').filter((line) => line.includes('WebSocket message'));
  assert.match(lines[0] ?? '', /WebSocket message of client: text, 16 bytes: "my \[redact\.\.\."/);
  assert.match(lines[1] ?? '', /binary, 3 bytes: 0102ff/);
  // A new second may have begun.
  assert.ok(lines.length === 2 || /third/.test(lines[2] ?? ''));
});

test('copies of messages reach the mirror, and a mirror that fails disturbs nothing', async () => {
  const client = await websocket(proxy.port, '/mirror');
  assert.equal(await client.ask('one'), 'one');
  assert.equal(await client.ask('two'), 'two');
  await until('the copies', () => mirrored.length === 2);
  assert.deepEqual(mirrored, ['one', 'two']);
  await client.close();
  await until('the end of the mirror', () => mirror.clients.size === 0);
  const lost = await websocket(proxy.port, '/lost');
  for (let i = 0; i < 5; i++) assert.equal(await lost.ask('x'), 'x');
  await lost.close();
  assert.match(proxy.messages('warn').join('\n'), /mirror ws:\/\/127\.0\.0\.1:1\/: connect ECONNREFUSED/);
});

test('a length with its highest bit set closes with 1002', async () => {
  const frame = Buffer.from('81ffffffffffffffffff0000000041', 'hex');
  for (const path of ['/utf8', '/json', '/small', '/deflate']) {
    const client = await RawWebSocket.open(proxy.port, path);
    assert.equal((await client.send(frame).closing()).code, 1002, path);
    client.connection.close();
  }
});

test('a message larger than the buffer closes with 1009, and so does a bomb', async () => {
  assert.equal(await codeFor('/small', 'x'.repeat(101)), 1009);
  const client = await RawWebSocket.open(proxy.port, '/read', [
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  ]);
  assert.match(
    client.head,
    /Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10; server_max_window_bits=10\r\n/i,
  );
  const bomb = deflateRawSync(Buffer.alloc(32 << 20), { finishFlush: 2, windowBits: 10 }).subarray(0, -4);
  const { code } = await client.send({ opcode: 2, rsv: 4, payload: bomb }).closing();
  assert.equal(code, 1009);
  client.connection.close();
});

test('compression is negotiated with each side that supports it', async () => {
  const random = randomBytes(3000);
  for (const path of ['/deflate', '/read']) {
    for (const connectTo of [compressed, (to: string) => websocket(proxy.port, to)]) {
      const client = await connectTo(path);
      for (const message of ['hello', 'hello '.repeat(2000), '']) assert.equal(await client.ask(message), message);
      assert.deepEqual(await client.ask(random), random);
      assert.equal(await client.close(1000), 1000);
    }
  }
  const denied = await compressed('/read');
  denied.send('a secret');
  assert.equal(await denied.closed, 1008);
});

test('compression passes through without policies, and is not offered if it is off', async () => {
  const through = await compressed('/through');
  assert.equal(through.socket.extensions, 'permessage-deflate');
  assert.equal(await through.ask('hello '.repeat(100)), 'hello '.repeat(100));
  await through.close();
  const off = await compressed('/off');
  assert.equal(off.socket.extensions, '');
  assert.equal(await off.ask('hello'), 'hello');
  await off.close();
});

test('a response with an extension that was not offered is a 502', async () => {
  const server = createServer();
  server.on('upgrade', (request, socket) => {
    const accept = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n';
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\n${accept}Sec-WebSocket-Extensions: ${request.url?.slice(1)}\r\n\r\n`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const own = await startProxy(
    `server { listen 127.0.0.1:0; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade; websocket_json on; location / { proxy_pass http://127.0.0.1:${port}; } }`,
  );
  await assert.rejects(websocket(own.port, '/permessage-deflate'), /502/);
  assert.match(
    own.messages('error').join('\n'),
    /invalid "Sec-WebSocket-Extensions: permessage-deflate": no extension was offered/,
  );
  await own.close();
  await new Promise((resolve) => server.close(resolve));
});

test('what a slow receiver has not read is bounded, and arrives', async () => {
  const message = randomBytes(16_384);
  for (const [path, connectTo] of [
    ['/plain', (to: string) => websocket(proxy.port, to)],
    ['/utf8', (to: string) => websocket(proxy.port, to)],
    ['/patterns', (to: string) => websocket(proxy.port, to)],
    ['/read', compressed],
  ] as const) {
    let back: WebSocket | undefined;
    const accepted = (socket: WebSocket): void => {
      back = socket;
      socket.pause();
    };
    const server = path === '/read' ? compressing : echo.sockets;
    server.once('connection', accepted);
    const client = await connectTo(path);
    let most = 0;
    for (let i = 0; i < 512; i++) {
      client.send(message);
      if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, bufferedMemory());
    }
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      most = Math.max(most, bufferedMemory());
    }
    assert.ok(most < 1 << 20, `${path}: ${most} bytes`);
    back?.resume();
    for (let i = 0; i < 512; i++) assert.equal((await client.next()).length, message.length);
    await client.close();
  }
});

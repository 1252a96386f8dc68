/** Tunnels on streams: splits, resets in every state, reloads, and the features of WebSockets. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { Setting } from '../../src/http2/settings.js';
import { acceptOf } from '../../src/websocket/handshake.js';
import { FeedClient, PROTOCOL } from '../console/feed-client.js';
import { scriptedBackend, startProxy, type TestProxy, until, websocketEcho } from '../kit/index.js';
import { close, frame as webSocketFrame } from '../tunnel/raw-frames.js';
import { eventsOf, frame, settingsFrame, uint32 } from './frames.js';
import { dataFrame, headersFrame, RawHttp2Client } from './raw-client.js';
import { reloadUnderStreams } from './stream-reloads.js';
import { closeSession, extendedConnect, handshake, http2Session, streamWebSocket } from './stream-websocket.js';

async function serve(t: TestContext, port: number, directives = '', more = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `${more} server { listen 127.0.0.1:0; http2 on; http2_extended_connect on;
     location / { proxy_websocket on; proxy_pass http://127.0.0.1:${port}; ${directives} } }`,
  );
  t.after(() => proxy.close());
  return proxy;
}

async function accepting(t: TestContext): Promise<number> {
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.head();
    if (request === null) return;
    const accept = acceptOf(request.field('sec-websocket-key') ?? '');
    connection.send(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    if (request.target === '/large') connection.send(webSocketFrame({ payload: 'x'.repeat(60_000) }).repeat(50));
    if (request.target === '/closes') connection.send(close(1000));
    for (;;) {
      const some = await connection.reader.some();
      if (some === '') break;
      if (request.target === '/echo') connection.send(some);
    }
    connection.end();
  });
  t.after(() => backend.close());
  return backend.port;
}

const CONNECT = Object.entries(handshake('/echo')) as [string, string][];

test('a handshake and its messages may be split at every byte', async (t) => {
  const proxy = await serve(t, await accepting(t));
  const message = webSocketFrame({ payload: 'hello' }, true);
  const bytes = Buffer.concat([
    Buffer.from(PREFACE, 'latin1'),
    settingsFrame([]),
    headersFrame(1, CONNECT, false),
    dataFrame(1, message.slice(0, 3)),
    frame(FrameType.Settings, Flag.Ack, 0),
    // Padded, so that its padding is split as well.
    frame(FrameType.Data, Flag.Padded, 1, `\x02${message.slice(3)}\0\0`),
    dataFrame(1, close(1000, true)),
  ]);
  const exchange = async (pieces: readonly Buffer[]): Promise<string> => {
    const socket = net.connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    const received: Buffer[] = [];
    socket.on('error', () => {}).on('data', (chunk) => received.push(chunk));
    const expected = `${message}${close(1000, true)}`;
    const echoed = (): string =>
      eventsOf(received, { peer: 'upstream', preface: false, maxBlock: 65_536 })
        .lines.filter((line) => line.startsWith('data 1 '))
        .map((line) => line.slice(7))
        .join('');
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the messages are echoed', () => echoed().length >= expected.length);
    socket.destroy();
    return echoed().slice(0, expected.length);
  };
  const expected = `${message}${close(1000, true)}`;
  const cuts = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
  for (let i = 0; i < cuts.length; i += 30) {
    const answers = await Promise.all(
      cuts.slice(i, i + 30).map((cut) => exchange([bytes.subarray(0, cut), bytes.subarray(cut)])),
    );
    for (const answer of answers) assert.equal(answer, expected);
  }
  assert.equal(await exchange([...bytes].map((byte) => Buffer.of(byte))), expected);
});

/** States in which a client gives up a stream: what it has sent on the stream before. */
const STATES: Readonly<Record<string, (client: RawHttp2Client, id: number) => Promise<void> | void>> = {
  'before the response': () => {},
  'after the response': (client, id) => client.until(new RegExp(`^headers ${id} :status=200`)).then(() => {}),
  'inside a frame': async (client, id) => {
    await client.until(new RegExp(`^headers ${id} :status=200`));
    client.send(dataFrame(id, webSocketFrame({ payload: 'x'.repeat(100) }, true).slice(0, 50)));
  },
  'inside a message': async (client, id) => {
    await client.until(new RegExp(`^headers ${id} :status=200`));
    client.send(dataFrame(id, webSocketFrame({ payload: 'part', more: true }, true)));
  },
  'after its Close frame': (client, id) => {
    client.send(dataFrame(id, close(1000, true)));
  },
  'after its end': (client, id) => {
    client.send(dataFrame(id, '', true));
  },
  'while it does not read': (client, id) => client.until(new RegExp(`^data ${id} `)).then(() => {}),
  'after the Close frame of the server': (client, id) => client.until(new RegExp(`^data ${id} `)).then(() => {}),
};

test('200 tunnels that are reset, in every state, leave nothing and disturb no other stream', async (t) => {
  const proxy = await serve(t, await accepting(t));
  const clients = await Promise.all([1, 2].map(() => RawHttp2Client.connect(proxy.port)));
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  const names = Object.keys(STATES);
  for (const client of clients) {
    // Only the windows of the streams hold back the server.
    client.send(frame(FrameType.WindowUpdate, 0, 0, uint32(2 ** 30)));
    // The stream that stays.
    client.send(headersFrame(1, CONNECT, false));
    await client.until(/^headers 1 :status=200/);
    const given: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      const id = 3 + 2 * i;
      const name = names[i % names.length] ?? '';
      const path =
        name === 'while it does not read' ? '/large' : name.startsWith('after the Close frame') ? '/closes' : '/silent';
      client.send(headersFrame(id, Object.entries(handshake(path)) as [string, string][], false));
      const before = STATES[name]?.(client, id);
      given.push(
        Promise.resolve(before).then(() => {
          client.send(frame(FrameType.RstStream, 0, id, uint32(8)));
        }),
      );
    }
    await Promise.all(given);
  }
  await until('all other tunnels have ended', () => proxy.proxy.status.active === 2);
  for (const client of clients) {
    assert.equal(client.closed, false);
    client.send(dataFrame(1, webSocketFrame({ payload: 'still open' }, true)));
    assert.ok((await client.until(/still open/)).startsWith('data 1 '));
    client.destroy();
  }
  await until('no tunnel is left', () => proxy.proxy.status.active === 0);
  await until('no connection is left', () => proxy.proxy.status.connections === 0);
});

test('a client with a window of one byte receives everything, and a zero window holds back the upstream', async (t) => {
  const proxy = await serve(t, await accepting(t));
  const client = await RawHttp2Client.connect(proxy.port, [[Setting.InitialWindowSize, 0]]);
  t.after(() => client.destroy());
  client.send(headersFrame(1, CONNECT, false));
  await client.until(/^headers 1 :status=200/);
  const message = webSocketFrame({ payload: 'one byte at a time' }, true);
  client.send(dataFrame(1, message));
  client.send(frame(FrameType.Ping, 0, 0, uint32(0, 7)));
  await client.until(/^ping ack 0 7/);
  const data = (): string =>
    client.lines
      .filter((line) => line.startsWith('data 1 '))
      .map((line) => line.slice(7))
      .join('');
  assert.equal(data(), '');
  for (let count = 1; count <= message.length; count++) {
    client.send(frame(FrameType.WindowUpdate, 0, 1, uint32(1)));
    await until(`${count} bytes have arrived`, () => data().length >= count);
    assert.equal(data().length, count);
  }
  assert.equal(data(), message);
});

test('reloads leave WebSockets on streams open, and messages in flight arrive', async () => {
  assert.deepEqual(await reloadUnderStreams({ connections: 2, streams: 50, reloads: 5 }), { failed: 0, lost: 0 });
});

test('a removed location with tunnel_drain closes its streams with 1012; others of the connection continue', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const location = (path: string, more = ''): string =>
    `location ${path} { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; ${more} }`;
  const text = (locations: string): string =>
    `server { listen 127.0.0.1:0; http2 on; http2_extended_connect on; ${locations} }`;
  const proxy = await startProxy(text(`${location('/stays')} ${location('/leaves', 'tunnel_drain on spread=50ms;')}`));
  t.after(() => proxy.close());
  const session = await http2Session(proxy.port);
  t.after(() => closeSession(session));
  const stays = await streamWebSocket(session, '/stays');
  const leaves = await streamWebSocket(session, '/leaves');
  await proxy.reload(text(location('/stays')));
  assert.equal(await leaves.closed, 1012);
  assert.equal(await stays.ask('still open'), 'still open');
  // New streams of the connection use the new configuration.
  const { stream, head } = await extendedConnect(session, '/leaves');
  assert.equal(head[':status'], 404);
  stream.close();
  assert.equal(await stays.close(), 1000);
});

test('limits, pings, scripts, variables and the log apply to a WebSocket on a stream', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `js_import main from main.js;
     log_format socket '$websocket_event $request_method $server_protocol $status $http_upgrade $websocket_close_code $websocket_closed_by';
     server { listen 127.0.0.1:0; http2 on; http2_extended_connect on;
       location / { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port};
         websocket_log logs/socket.log socket; websocket_ping_interval 20ms; js_websocket_message main.filter; }
       location /limited { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; websocket_max_message_size 10; } }`,
    {},
    { files: { 'main.js': `export function filter(r, message) { message.replace(message.text + ' by ' + r.uri); }` } },
  );
  t.after(() => proxy.close());
  const session = await http2Session(proxy.port);
  t.after(() => closeSession(session));
  const socket = await streamWebSocket(session, '/path');
  let pings = 0;
  socket.socket.on('ping', () => pings++);
  assert.equal(await socket.ask('text'), 'text by /path by /path');
  await until('pings arrive', () => pings >= 2);
  assert.equal(await socket.close(4003), 4003);
  const limited = await streamWebSocket(session, '/limited');
  limited.send('longer than ten bytes');
  assert.equal(await limited.closed, 1009);
  await until('the WebSocket is logged', () => proxy.file('logs/socket.log').split('\n').length >= 2);
  assert.match(proxy.file('logs/socket.log'), /GET HTTP\/2\.0 101 websocket 4003 client/);
});

test('the console shows WebSockets on streams, and its own feed is one', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; http2 on; http2_extended_connect on;
     location /console/ { console; console_payload on; }
     location / { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; } }`,
  );
  t.after(() => proxy.close());
  const session = await http2Session(proxy.port);
  t.after(() => closeSession(session));
  const viewer = await streamWebSocket(session, '/console/feed', {
    'sec-websocket-protocol': PROTOCOL,
    ':authority': `127.0.0.1:${proxy.port}`,
  });
  assert.equal(viewer.head['sec-websocket-protocol'], PROTOCOL);
  const feed = FeedClient.over(viewer.socket);
  await feed.message('hello');
  feed.subscribe({});
  await feed.message('state');
  const socket = await streamWebSocket(session, '/chat');
  assert.equal(await socket.ask('seen'), 'seen');
  const frames = await feed.first('frame', 2);
  assert.deepEqual(
    frames.map(({ from, payload }) => [from, String(payload)]),
    [
      ['client', 'seen'],
      ['upstream', 'seen'],
    ],
  );
  const [opened] = await feed.first('open');
  assert.equal(opened?.target, '/chat');
  assert.equal(await socket.close(4007), 4007);
  const [closed] = await feed.first('close');
  assert.equal(closed?.code, 4007);
  await viewer.close();
});

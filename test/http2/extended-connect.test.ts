/** WebSockets over HTTP/2 (RFC 8441): the handshake, its refusals, and the announcement. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, constants, type IncomingHttpHeaders } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { acceptOf } from '../../src/websocket/handshake.js';
import {
  type BackendConnection,
  certificates,
  type ReceivedRequest,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';
import { codeOf, frame } from '../tunnel/raw-frames.js';
import { headersFrame, RawHttp2Client } from './raw-client.js';
import { closeSession, extendedConnect, handshake, http2Session, streamWebSocket } from './stream-websocket.js';

const FIELDS =
  'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;';
const MAP = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }";

/** A proxy whose server has these locations; `more`: directives of http. */
async function serve(t: TestContext, locations: string, port = 1, more = ''): Promise<TestProxy> {
  const proxy = await startProxy(
    `${MAP} ${more} server { listen 127.0.0.1:0; http2 on; http2_extended_connect on; ${locations} }`,
    { PORT: port },
  );
  t.after(() => proxy.close());
  return proxy;
}

async function session(t: TestContext, proxy: TestProxy): Promise<ClientHttp2Session> {
  const client = await http2Session(proxy.port);
  t.after(() => closeSession(client));
  return client;
}

/** A back end that accepts a WebSocket; `more`: further field lines of its response, and what follows it. */
async function accept(connection: BackendConnection, fields = '', after = ''): Promise<ReceivedRequest> {
  const request = await connection.head();
  assert.ok(request !== null);
  const key = request.field('sec-websocket-key') ?? '';
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n`;
  connection.send(`${head}${fields}\r\n${after}`);
  return request;
}

for (const [name, directives, scheme] of [
  ['the fields of an nginx configuration', FIELDS, 'http'],
  ['proxy_websocket on', 'proxy_websocket on;', 'http'],
  ['a target ws://', '', 'ws'],
] as const) {
  test(`an extended CONNECT is the handshake of HTTP/1.1 to the upstream, with ${name}`, async (t) => {
    let received: ReceivedRequest | null = null;
    const backend = await scriptedBackend(async (connection) => {
      received = await accept(
        connection,
        'Sec-WebSocket-Protocol: chat\r\nX-Server: yes\r\n',
        frame({ payload: 'first' }),
      );
      connection.send(await connection.reader.bytes(11));
    });
    t.after(() => backend.close());
    const proxy = await serve(
      t,
      `location / { ${directives} proxy_pass ${scheme}://127.0.0.1:%%PORT%%; }`,
      backend.port,
    );
    const client = await session(t, proxy);
    assert.equal(client.remoteSettings.enableConnectProtocol, true);
    const { stream, head } = await extendedConnect(client, '/chat?x=1', {
      'sec-websocket-protocol': 'chat, superchat',
      // A client of HTTP/2 has no use for it.
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      origin: 'https://localhost',
    });
    assert.deepEqual(
      [head[':status'], head['sec-websocket-protocol'], head['x-server'], head['sec-websocket-accept'], head.upgrade],
      [200, 'chat', 'yes', undefined, undefined],
    );
    const [first] = (await once(stream, 'data')) as [Buffer];
    assert.equal(first.latin1Slice(), frame({ payload: 'first' }));
    stream.write(frame({ payload: 'hello' }, true), 'latin1');
    const [echoed] = (await once(stream, 'data')) as [Buffer];
    assert.equal(echoed.latin1Slice(), frame({ payload: 'hello' }, true));
    const request = received as unknown as ReceivedRequest;
    assert.equal(request.line, 'GET /chat?x=1 HTTP/1.1');
    const keys = request.fields.filter(([field]) => field.toLowerCase() === 'sec-websocket-key');
    assert.equal(keys.length, 1);
    assert.match(keys[0]?.[1] ?? '', /^[A-Za-z0-9+/]{21}[AQgw]==$/);
    assert.notEqual(keys[0]?.[1], 'dGhlIHNhbXBsZSBub25jZQ==');
    assert.deepEqual(
      [
        'upgrade',
        'sec-websocket-version',
        'sec-websocket-protocol',
        'origin',
        'content-length',
        'transfer-encoding',
      ].map((field) => request.field(field)),
      ['websocket', '13', 'chat, superchat', 'https://localhost', undefined, undefined],
    );
    assert.equal(request.field('connection')?.toLowerCase(), 'upgrade');
    stream.close();
  });
}

test('messages of all sizes pass in both directions, and the closing handshake ends the stream', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await serve(t, 'location / { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }', echo.port);
  const client = await session(t, proxy);
  const socket = await streamWebSocket(client);
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const message = Buffer.alloc(size, size % 251);
    assert.ok(message.equals((await socket.ask(message)) as Buffer));
  }
  assert.equal(await socket.ask('text ü'), 'text ü');
  const ended = once(socket.stream, 'close');
  assert.equal(await socket.close(4001), 4001);
  await ended;
  assert.equal(socket.stream.rstCode, 0);
  await until('the back end has received the code', () => echo.closeCodes.length === 1);
  assert.deepEqual(echo.closeCodes, [4001]);
  await until('the tunnel has ended', () => proxy.proxy.status.active === 0);
});

test('several WebSockets and requests share a connection', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await serve(t, 'location / { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }', echo.port);
  const client = await session(t, proxy);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => streamWebSocket(client)));
  const answers = await Promise.all(sockets.map((socket, i) => socket.ask(`message ${i}`)));
  assert.deepEqual(
    answers,
    sockets.map((_, i) => `message ${i}`),
  );
  const plain = client.request({ ':path': '/plain' });
  let body = '';
  plain.setEncoding('latin1').on('data', (text: string) => {
    body += text;
  });
  await once(plain, 'end');
  assert.equal(body, 'plain echo /plain');
  assert.equal(await sockets[7]?.ask('still open'), 'still open');
  await Promise.all(sockets.map((socket) => socket.close()));
});

test('DATA that arrives before the tunnel waits for it, and is not sent to a server that refuses', async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const early: string[] = [];
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.head();
    await released;
    early.push(connection.reader.pending);
    if (request?.target === '/refused') {
      connection.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
      return;
    }
    const key = request?.field('sec-websocket-key') ?? '';
    connection.send(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
    );
    connection.send(await connection.reader.bytes(11));
  });
  t.after(() => backend.close());
  const proxy = await serve(t, `location / { ${FIELDS} proxy_pass http://127.0.0.1:%%PORT%%; }`, backend.port);
  const client = await session(t, proxy);
  const streams = ['/accepted', '/refused'].map((path) => {
    const stream = client.request(handshake(path), { endStream: false });
    stream.on('error', () => {});
    stream.write(frame({ payload: 'early' }, true), 'latin1');
    return stream;
  });
  await until('both requests have arrived', () => backend.connections.length === 2);
  // The proxy has read the frames when it has answered a PING that follows them.
  await new Promise((resolve) => client.ping((error) => resolve(error)));
  const heads = streams.map((stream) => once(stream, 'response'));
  release();
  const [accepted, refused] = streams;
  const [[head], [refusal]] = (await Promise.all(heads)) as [IncomingHttpHeaders[], IncomingHttpHeaders[]];
  assert.deepEqual([head?.[':status'], refusal?.[':status']], [200, 403]);
  const [echoed] = accepted === undefined ? [] : ((await once(accepted, 'data')) as [Buffer]);
  assert.equal(echoed?.latin1Slice(), frame({ payload: 'early' }, true));
  assert.deepEqual(early, ['', '']);
  for (const stream of [accepted, refused]) stream?.close();
});

test('other statuses of the upstream are passed on, and 2xx becomes 502', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.head();
    const status = request?.target.slice(1) ?? '';
    const location = status === '302' ? 'Location: https://elsewhere.example/\r\n' : '';
    connection.send(`HTTP/1.1 ${status} Reason\r\n${location}Content-Length: 4\r\n\r\nbody`);
  });
  t.after(() => backend.close());
  const proxy = await serve(t, `location / { ${FIELDS} proxy_pass http://127.0.0.1:%%PORT%%; }`, backend.port);
  const client = await session(t, proxy);
  for (const status of [302, 403, 404, 426, 500, 503]) {
    const { stream, head } = await extendedConnect(client, `/${status}`);
    assert.deepEqual(
      [head[':status'], head.location],
      [status, status === 302 ? 'https://elsewhere.example/' : undefined],
    );
    stream.close();
  }
  for (const status of [200, 201, 206]) {
    const { stream, head } = await extendedConnect(client, `/${status}`);
    assert.equal(head[':status'], 502);
    stream.close();
  }
  const expected = /no WebSocket was opened for a client that requested one: the response had status 20[016],/;
  const messages = proxy.messages('error').filter((message) => expected.test(message));
  assert.equal(messages.length, 3, proxy.messages('error').join('\n'));
});

test('a location that cannot open a WebSocket does not answer an extended CONNECT with 2xx', async (t) => {
  const proxy = await serve(
    t,
    `location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }
     location /text { return 200 text; }
     location /page { error_page 502 =200 /text; return 200 text; }
     location /redirect { return 301 /ws; }
     location /forbidden { deny all; }`,
  );
  const client = await session(t, proxy);
  for (const [path, status] of [
    ['/text', 502],
    ['/page', 502],
    ['/redirect', 301],
    ['/forbidden', 403],
    ['/missing', 404],
  ] as const) {
    const { stream, head } = await extendedConnect(client, path);
    assert.equal(head[':status'], status, path);
    stream.close();
  }
});

test('an invalid response to the handshake is 502, whatever the configuration', async (t) => {
  const responses: Readonly<Record<string, string>> = {
    '/accept': 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n',
    '/missing': 'Upgrade: websocket\r\nConnection: Upgrade\r\n',
    '/protocol': 'Upgrade: h2c\r\nConnection: Upgrade\r\n',
    '/subprotocol': 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: other\r\n',
  };
  const backend = await scriptedBackend(async (connection) => {
    const request = await connection.head();
    const path = request?.target ?? '';
    const accept =
      path === '/subprotocol' ? `Sec-WebSocket-Accept: ${acceptOf(request?.field('sec-websocket-key') ?? '')}\r\n` : '';
    connection.send(`HTTP/1.1 101 Switching Protocols\r\n${responses[path]}${accept}\r\n`);
  });
  t.after(() => backend.close());
  for (const directives of [FIELDS, 'proxy_websocket on;']) {
    const proxy = await serve(t, `location / { ${directives} proxy_pass http://127.0.0.1:%%PORT%%; }`, backend.port);
    const client = await session(t, proxy);
    for (const path of Object.keys(responses)) {
      const { stream, head } = await extendedConnect(client, path);
      assert.equal(head[':status'], 502, path);
      stream.close();
    }
    const invalid = proxy
      .messages('error')
      .filter((message) => /invalid WebSocket handshake|was not requested/.test(message));
    assert.equal(invalid.length, 4, proxy.messages('error').join('\n'));
  }
});

test('the protocol of an extended CONNECT must be WebSocket, and its fields complete', async (t) => {
  const proxy = await serve(t, 'location / { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; }');
  const client = await session(t, proxy);
  for (const [fields, status] of [
    [{ ':protocol': 'connect-udp' }, 501],
    [{ ':protocol': 'WebSocket' }, 501],
    [{ ':method': 'GET' }, 400],
    [{ 'content-length': '5' }, 400],
    [{ 'sec-websocket-version': '8' }, 426],
  ] as const) {
    const { stream, head } = await extendedConnect(client, '/', fields);
    assert.equal(head[':status'], status, JSON.stringify(fields));
    stream.close();
  }
});

test('extended CONNECT is announced only where it is enabled and a location opens WebSockets', async (t) => {
  const passes = `location / { ${FIELDS} proxy_pass http://127.0.0.1:1; }`;
  for (const [server, announced] of [
    [`http2_extended_connect on; ${passes}`, true],
    ['http2_extended_connect on; location / { proxy_websocket on; proxy_pass http://127.0.0.1:1; }', true],
    ['http2_extended_connect on; location / { if ($args) { proxy_pass ws://127.0.0.1:1; } }', true],
    ['http2_extended_connect on; location /console { console; allow all; }', true],
    [passes, false],
    ['http2_extended_connect on; location / { proxy_pass http://127.0.0.1:1; }', false],
    ['http2_extended_connect on; location / { proxy_set_header Upgrade ""; proxy_pass http://127.0.0.1:1; }', false],
    ['http2_extended_connect on; return 200;', false],
  ] as const) {
    const proxy = await startProxy(`${MAP} server { listen 127.0.0.1:0; http2 on; ${server} }`);
    t.after(() => proxy.close());
    const client = await session(t, proxy);
    assert.equal(client.remoteSettings.enableConnectProtocol === true, announced, server);
    await proxy.close();
  }
});

test('a request with :protocol is refused on a connection without the announcement', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await startProxy(
    `${MAP} server { listen 127.0.0.1:0; http2 on; location / { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; } }`,
  );
  t.after(() => proxy.close());
  const client = await RawHttp2Client.connect(proxy.port);
  t.after(() => client.destroy());
  client.send(headersFrame(1, Object.entries(handshake('/')) as [string, string][], false));
  assert.equal(await client.outcome(1), '400');
  assert.equal(echo.upgrades.length, 0);
});

test('with TLS, the server that the client names decides about the announcement', {
  skip: withoutOpenssl,
}, async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const authority = certificates();
  const location = `location / { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; }`;
  const proxy = await startProxy(
    `ssl_certificate ${authority.directory}/ec.crt; ssl_certificate_key ${authority.directory}/ec.key; http2 on;
     server { listen 127.0.0.1:0 ssl; server_name off.example; ${location} }
     server { listen 127.0.0.1:0 ssl; server_name localhost; http2_extended_connect on; ${location} }`,
  );
  t.after(() => proxy.close());
  for (const [servername, announced] of [
    ['localhost', true],
    ['off.example', false],
  ] as const) {
    const secure = { ca: authority.read('ca.crt'), servername, checkServerIdentity: () => undefined };
    const client = await http2Session(proxy.port, secure);
    t.after(() => closeSession(client));
    assert.equal(client.remoteSettings.enableConnectProtocol === true, announced, servername);
    if (!announced) continue;
    const socket = await streamWebSocket(client, '/', { ':scheme': 'https', ':authority': servername });
    assert.equal(await socket.ask('over TLS'), 'over TLS');
    assert.equal(await socket.close(), 1000);
  }
});

test('lost ends: the client receives a Close frame with 1014, the upstream one with 1001', async (t) => {
  const received: string[] = [];
  const backend = await scriptedBackend(async (connection) => {
    const { target } = await accept(connection);
    if (target === '/reset') received.push(await connection.reader.all());
    connection.end();
  });
  t.after(() => backend.close());
  const proxy = await serve(t, `location / { ${FIELDS} proxy_pass http://127.0.0.1:%%PORT%%; }`, backend.port);
  const client = await session(t, proxy);
  const lost = await streamWebSocket(client, '/lost');
  assert.equal(await lost.closed, 1014);
  const { stream } = await extendedConnect(client, '/reset');
  stream.close(constants.NGHTTP2_CANCEL);
  await until('the upstream has received the end', () => received.length === 1);
  assert.equal(codeOf(received[0] ?? ''), 1001);
  await until('both tunnels have ended', () => proxy.proxy.status.active === 0);
});

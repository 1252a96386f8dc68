/** WebSockets to upstreams over HTTP/2 (extended CONNECT, RFC 8441). */
import assert from 'node:assert/strict';
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startProxy, type TestProxy, until, websocket } from '../kit/index.js';
import { close, frame } from '../tunnel/raw-frames.js';
import { closeSession, http2Session, streamWebSocket } from './stream-websocket.js';

interface Upstream {
  readonly port: number;
  /** Fields of the requests, in order. */
  readonly requests: IncomingHttpHeaders[];
  /** Codes with which streams were closed. */
  readonly codes: number[];
}

/** A server whose streams are handled by `handle` (default: accepts, and echoes the bytes without their masks of zeros). */
async function upstream(
  t: TestContext,
  handle: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void = echo,
  enableConnectProtocol = true,
): Promise<Upstream> {
  const server: Http2Server = createServer({ settings: { enableConnectProtocol } });
  const result = { port: 0, requests: [] as IncomingHttpHeaders[], codes: [] as number[] };
  server.on('session', (session) => {
    t.after(() => session.destroy());
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    result.requests.push(headers);
    stream.on('error', () => {});
    stream.on('close', () => result.codes.push(stream.rstCode));
    handle(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  result.port = (server.address() as AddressInfo).port;
  return result;
}

function echo(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  if (headers[':method'] !== 'CONNECT') {
    stream.respond({ ':status': 200 });
    stream.end('plain');
    return;
  }
  stream.respond({ ':status': 200, 'x-upstream': 'yes' });
  stream.write(frame({ payload: 'welcome' }), 'latin1');
  let pending = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const length = (pending[1] ?? 0) & 0x7f;
      if (pending.length < 6 + length) return;
      const mask = pending.subarray(2, 6);
      const payload = pending.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
      const opcode = (pending[0] ?? 0) & 0xf;
      pending = pending.subarray(6 + length);
      stream.write(Buffer.concat([Buffer.of(0x80 | opcode, length), payload]));
      if (opcode === 8) stream.end();
    }
  });
}

const WAYS = {
  'proxy_websocket with http_version=2': 'proxy_websocket on http_version=2;',
  'the fields of an nginx configuration':
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;',
};

async function serve(t: TestContext, port: number, directives: string): Promise<TestProxy> {
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; http2 on; http2_extended_connect on;
     location / { proxy_http_version 2; ${directives} proxy_pass http://127.0.0.1:${port}; } }`,
  );
  t.after(() => proxy.close());
  return proxy;
}

for (const [name, directives] of Object.entries(WAYS)) {
  test(`a WebSocket of a client with HTTP/1.1 or HTTP/2 is an extended CONNECT to the upstream, with ${name}`, async (t) => {
    const server = await upstream(t);
    const proxy = await serve(t, server.port, directives);
    const session = await http2Session(proxy.port);
    t.after(() => closeSession(session));
    const clients = [
      await websocket(proxy.port, '/chat?x=1', { 'Sec-WebSocket-Protocol': '' }),
      await streamWebSocket(session, '/chat?x=1'),
    ];
    for (const client of clients) {
      assert.equal(await client.next(), 'welcome');
      assert.equal(await client.ask('hello'), 'hello');
    }
    for (const headers of server.requests) {
      assert.deepEqual(
        [':method', ':protocol', ':path', ':scheme', 'sec-websocket-version', 'sec-websocket-key', 'upgrade'].map(
          (field) => headers[field],
        ),
        ['CONNECT', 'websocket', '/chat?x=1', 'http', '13', undefined, undefined],
      );
    }
    assert.equal(server.requests.length, 2);
    for (const client of clients) assert.equal(await client.close(4001), 4001);
    await until('both streams have ended', () => server.codes.length === 2);
    assert.deepEqual(server.codes, [0, 0]);
    await until('no tunnel is left', () => proxy.proxy.status.active === 0);
  });
}

test('an upstream that has not announced extended CONNECT gets no such request; the client gets 502', async (t) => {
  const server = await upstream(t, echo, false);
  const proxy = await serve(t, server.port, 'proxy_websocket on http_version=2;');
  await assert.rejects(websocket(proxy.port), /502/);
  await assert.rejects(websocket(proxy.port), /502/);
  assert.equal(server.requests.length, 0);
  const message = 'upstream does not support WebSockets over HTTP/2';
  assert.equal(proxy.messages('error').filter((text) => text.includes(message)).length, 2);
});

test('other statuses of the upstream are passed on, and the end and reset of its stream end the WebSocket', async (t) => {
  const server = await upstream(t, (stream, headers) => {
    const path = headers[':path'];
    if (path === '/403') {
      stream.respond({ ':status': 403 });
      stream.end('no');
      return;
    }
    stream.respond({ ':status': 200 });
    stream.on('data', () => {});
    stream.write(frame({ payload: 'open' }), 'latin1');
    if (path === '/ends') stream.end();
    else if (path === '/closes') stream.end(close(1000), 'latin1');
    else setTimeout(() => stream.close(2), 20);
  });
  const proxy = await serve(t, server.port, 'proxy_websocket on http_version=2;');
  await assert.rejects(websocket(proxy.port, '/403'), /403/);
  for (const [path, code] of [
    ['/ends', 1014],
    ['/closes', 1000],
    ['/resets', 1014],
  ] as const) {
    const client = await websocket(proxy.port, path);
    assert.equal(await client.next(), 'open');
    assert.equal(await client.closed, code, path);
  }
  await until('no tunnel is left', () => proxy.proxy.status.active === 0);
});

test('reloads leave WebSockets to upstreams over HTTP/2 open', async (t) => {
  const server = await upstream(t);
  const text = (n: number): string =>
    `upstream app { server 127.0.0.1:${server.port}; keepalive 4; }
     server { listen 127.0.0.1:0; location / { proxy_http_version 2; proxy_websocket on http_version=2; proxy_pass http://app; }
       location /n { return 200 ${n}; } }`;
  const proxy = await startProxy(text(0));
  t.after(() => proxy.close());
  const clients = await Promise.all(Array.from({ length: 10 }, () => websocket(proxy.port)));
  for (const client of clients) assert.equal(await client.next(), 'welcome');
  for (let n = 1; n <= 3; n++) {
    await proxy.reload(text(n));
    const answers = await Promise.all(clients.map((client, i) => client.ask(`${n} ${i}`)));
    assert.deepEqual(
      answers,
      clients.map((_, i) => `${n} ${i}`),
    );
  }
  await Promise.all(clients.map((client) => client.close()));
  await until('no tunnel is left', () => proxy.proxy.status.active === 0);
});

test('a lost client resets or closes the stream of the upstream, whose connection stays', async (t) => {
  const server = await upstream(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.on('data', () => {}).on('end', () => stream.end());
  });
  const proxy = await serve(t, server.port, 'proxy_websocket on http_version=2;');
  for (let i = 0; i < 5; i++) (await websocket(proxy.port)).socket.terminate();
  await until('the streams have ended', () => server.codes.length === 5);
  await until('no tunnel is left', () => proxy.proxy.status.active === 0);
});

/** `proxy_http_version 2`: requests to HTTP/2 servers (nghttp2, as part of Node), and connections that they share. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import {
  certificates,
  connect,
  exchange,
  get,
  request,
  startProxy,
  type TestProxy,
  until,
  withoutOpenssl,
} from '../kit/index.js';

const MIB = 1_048_576;

interface Scene {
  readonly proxy: TestProxy;
  /** Requests that have arrived. */
  readonly streams: http2.ServerHttp2Stream[];
  readonly sessions: http2.ServerHttp2Session[];
}

type Serve = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

async function server(t: TestContext, serve: Serve, settings: http2.Settings = {}) {
  const listener = http2.createServer({ settings });
  const streams: http2.ServerHttp2Stream[] = [];
  const sessions: http2.ServerHttp2Session[] = [];
  listener.on('session', (session) => sessions.push(session));
  listener.on('stream', (stream, headers) => {
    streams.push(stream);
    stream.on('error', () => {});
    serve(stream, headers);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    listener.close();
  });
  return { port: (listener.address() as net.AddressInfo).port, streams, sessions }; // it listens on a port
}

/** `conf`: directives of the location; `upstream`: directives of the upstream. */
async function start(
  t: TestContext,
  serve: Serve,
  conf = '',
  upstream = '',
  settings: http2.Settings = {},
  http = '',
): Promise<Scene> {
  const { port, streams, sessions } = await server(t, serve, settings);
  const proxy = await startProxy(
    `${http} upstream u { server 127.0.0.1:%%PORT%%; ${upstream} }
    server {
      listen 127.0.0.1:0; client_max_body_size 0;
      location / { proxy_pass http://u; proxy_http_version 2; ${conf} }
    }`,
    { PORT: port },
  );
  t.after(() => proxy.close());
  return { proxy, streams, sessions };
}

/** Responds with the body's length, or `echo`, after the body has arrived. */
const measure: Serve = (stream) => {
  let length = 0;
  stream.on('data', (bytes: Buffer) => (length += bytes.length));
  stream.on('end', () => {
    stream.respond({ ':status': 200 });
    stream.end(`${length}`);
  });
};

test('a head is sent as pseudo-fields and fields in lower case, without those of a connection', async (t) => {
  const { proxy } = await start(
    t,
    (stream, headers) => {
      stream.respond({ ':status': 404, 'x-one': 'a' });
      stream.end(JSON.stringify(headers));
    },
    'proxy_set_header X-Own "$host"; proxy_set_header Connection upgrade; proxy_set_header Upgrade websocket;',
  );
  const text = [
    'GET /path?a=1 HTTP/1.1',
    'Host: client.example',
    'X-Mixed-Case: Kept',
    'TE: trailers',
    'Keep-Alive: 5',
    'Connection: close',
    '',
    '',
  ];
  const answer = await exchange(proxy.port, text.join('\r\n'));
  assert.match(answer, /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.match(answer, /\r\nx-one: a\r\n/);
  const fields = JSON.parse(/\{.*\}/.exec(answer)?.[0] ?? '') as Record<string, string>;
  assert.deepEqual(fields, {
    ':method': 'GET',
    ':scheme': 'http',
    ':path': '/path?a=1',
    ':authority': 'u',
    'x-own': 'client.example',
    'x-mixed-case': 'Kept',
  });
});

for (const buffering of ['on', 'off']) {
  test(`a body larger than the windows arrives whole with proxy_request_buffering ${buffering}`, async (t) => {
    const { proxy } = await start(t, measure, `proxy_request_buffering ${buffering};`);
    const body = 'x'.repeat(2 * MIB);
    const declared = await exchange(
      proxy.port,
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    assert.match(declared, new RegExp(`\\r\\n\\r\\n.*${body.length}`, 's'));
    const chunk = `${(MIB).toString(16)}\r\n${'y'.repeat(MIB)}\r\n`;
    const chunked = await exchange(
      proxy.port,
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
    );
    assert.match(chunked, new RegExp(`\\r\\n\\r\\n.*${2 * MIB}`, 's'));
  });
}

test('a server that does not read a body slows the client down', async (t) => {
  const { proxy, streams } = await start(t, () => {}, 'proxy_request_buffering off;');
  const client = net.connect(proxy.port, '127.0.0.1');
  t.after(() => client.destroy());
  client.on('error', () => {});
  const total = 32 * MIB;
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
  const piece = Buffer.alloc(MIB);
  let accepted = 0;
  const write = (): void => {
    while (accepted < total) {
      accepted += piece.length;
      if (!client.write(piece)) return void client.once('drain', write);
    }
  };
  write();
  await until('the request has arrived', () => streams.length === 1);
  // Sockets and windows hold some MiB.
  let before = -1;
  while (before !== client.bytesWritten - client.writableLength) {
    before = client.bytesWritten - client.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(accepted < total, `${accepted} bytes were accepted`);
  streams[0]?.on('data', () => {});
  await until('the whole body is read', () => accepted >= total);
});

test('a client that does not read a response slows the server down', async (t) => {
  let written = 0;
  const serve: Serve = (stream) => {
    stream.respond({ ':status': 200 });
    const piece = Buffer.alloc(65_536);
    const write = (): void => {
      while (written < 64 * MIB) {
        written += piece.length;
        if (!stream.write(piece)) return void stream.once('drain', write);
      }
      stream.end();
    };
    write();
  };
  const { proxy } = await start(t, serve, 'proxy_buffering off;');
  const client = await connect(proxy.port);
  t.after(() => client.socket.destroy());
  client.socket.pause();
  client.socket.write(request('/'));
  await until('the response has begun', () => written > 0);
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(written < 48 * MIB, `${written} bytes were written`);
});

test('trailers and early hints are forwarded', async (t) => {
  const { proxy } = await start(
    t,
    (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '3' }));
      stream.end('abc');
    },
    'proxy_pass_trailers on; early_hints 1;',
  );
  const answer = await exchange(
    proxy.port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\nTE: trailers\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n$/);
});

test('a client that leaves resets its stream only', async (t) => {
  const resets: number[] = [];
  const { proxy, streams, sessions } = await start(
    t,
    (stream, headers) => {
      stream.on('close', () => resets.push(stream.rstCode));
      if (headers[':path'] !== '/wait') stream.respond({ ':status': 204 }, { endStream: true });
    },
    '',
    'keepalive 1;',
  );
  const client = await connect(proxy.port);
  client.socket.write(request('/wait'));
  await until('the request has arrived', () => streams.length === 1);
  client.socket.destroy();
  await until('the stream is reset', () => resets.length === 1);
  assert.deepEqual(resets, [http2.constants.NGHTTP2_CANCEL]);
  assert.equal((await get(proxy.port, '/')).status, 204);
  assert.equal(sessions.length, 1);
});

test('concurrent requests use connections of their own unless keepalive_streams allows more', async (t) => {
  const { proxy, streams, sessions } = await start(t, () => {}, '', 'keepalive 8;');
  const answers = [1, 2, 3].map((i) => get(proxy.port, `/${i}`));
  await until('all have arrived', () => streams.length === 3);
  assert.equal(sessions.length, 3);
  for (const stream of streams) stream.respond({ ':status': 204 }, { endStream: true });
  for (const answer of answers) assert.equal((await answer).status, 204);
  // One after the other they share.
  const next = get(proxy.port);
  await until('it has arrived', () => streams.length === 4);
  streams[3]?.respond({ ':status': 204 }, { endStream: true });
  await next;
  assert.equal(sessions.length, 3);
});

test('requests share connections up to the limits of streams and connections; the others wait', async (t) => {
  let active = 0;
  let most = 0;
  const { proxy, streams, sessions } = await start(
    t,
    (stream) => {
      most = Math.max(most, ++active);
      setTimeout(() => {
        active--;
        stream.respond({ ':status': 200 });
        stream.end('ok');
      }, 20);
    },
    '',
    'keepalive 8; keepalive_streams 4 connections=2;',
  );
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => get(proxy.port, `/${i}`)));
  assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['ok']));
  assert.equal(streams.length, 40);
  assert.ok(sessions.length <= 2, `${sessions.length} connections`);
  assert.ok(most <= 8 && most > 2, `${most} requests at a time`);
});

test("the server's limit of concurrent streams is respected", async (t) => {
  let active = 0;
  let most = 0;
  const { proxy, sessions } = await start(
    t,
    (stream) => {
      most = Math.max(most, ++active);
      setTimeout(() => {
        active--;
        stream.respond({ ':status': 204 }, { endStream: true });
      }, 10);
    },
    '',
    'keepalive 8; keepalive_streams 100 connections=1;',
    { maxConcurrentStreams: 3 },
  );
  // The limit is known after the first response.
  await get(proxy.port);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(proxy.port)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([204]));
  assert.equal(most, 3);
  assert.equal(sessions.length, 1);
});

test('a request beyond the queue is answered with 503', async (t) => {
  const { proxy, streams } = await start(t, () => {}, '', 'keepalive 8; keepalive_streams 2 connections=1 queue=1;');
  const first = [get(proxy.port), get(proxy.port)];
  await until('both have arrived', () => streams.length === 2);
  // One waits, the other one is refused.
  const others = [get(proxy.port), get(proxy.port)];
  assert.equal((await Promise.race(others)).status, 503);
  assert.match(
    proxy.messages('error').join('\n'),
    /too many requests wait for connections to upstream while connecting to upstream/,
  );
  for (const stream of streams) stream.respond({ ':status': 204 }, { endStream: true });
  for (const answer of first) assert.equal((await answer).status, 204);
  await until('the waiting one has arrived', () => streams.length === 3);
  streams[2]?.respond({ ':status': 204 }, { endStream: true });
  const statuses = (await Promise.all(others)).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [204, 503]);
});

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc';

test('a POST that a server refuses is sent to the next one; one that fails otherwise is not', async (t) => {
  const refusing = await server(t, (stream, headers) => {
    stream.close(
      headers[':path'] === '/' ? http2.constants.NGHTTP2_REFUSED_STREAM : http2.constants.NGHTTP2_INTERNAL_ERROR,
    );
  });
  const serving = await server(t, measure);
  const proxy = await startProxy(
    `upstream u { server 127.0.0.1:%%A%% max_fails=0; server 127.0.0.1:%%B%% backup; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://u; proxy_http_version 2; } }`,
    { A: refusing.port, B: serving.port },
  );
  t.after(() => proxy.close());
  assert.match(await exchange(proxy.port, POST), /^HTTP\/1\.1 200 .*3/s);
  assert.match(await exchange(proxy.port, POST.replace(' / ', ' /other ')), /^HTTP\/1\.1 502 /);
  assert.deepEqual(
    proxy.messages('error').map((line) => /upstream rejected request with error \d/.exec(line)?.[0]),
    ['upstream rejected request with error 7', 'upstream rejected request with error 2'],
  );
});

test('a request that GOAWAY excludes is sent again on another connection', async (t) => {
  let goaway = true;
  const { proxy, sessions } = await start(
    t,
    (stream, headers) => {
      if (headers[':path'] === '/first' || !goaway) {
        measure(stream, headers);
        return;
      }
      goaway = false;
      stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR, 1);
    },
    '',
    'keepalive 1;',
  );
  assert.equal((await get(proxy.port, '/first')).body, '0');
  assert.match(await exchange(proxy.port, POST), /^HTTP\/1\.1 200 .*3/s);
  assert.equal(sessions.length, 2);
});

test('a line break in the value of a field becomes a space', async (t) => {
  const { proxy } = await start(
    t,
    (stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(JSON.stringify([headers['x-evil'], headers.injected]));
    },
    'proxy_set_header X-Evil $evil;',
    '',
    {},
    'map $arg_x $evil { ~^(?<a>.*)$ "a\r\nInjected: b"; }',
  );
  assert.equal((await get(proxy.port, '/?x=1')).body, '["a Injected: b",null]');
});

test('a server of HTTP/1 is an invalid response', async (t) => {
  const listener = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%PORT%%; proxy_http_version 2; } }',
    { PORT: (listener.address() as net.AddressInfo).port },
  );
  t.after(async () => {
    await proxy.close();
    listener.close();
  });
  assert.equal((await get(proxy.port)).status, 502);
  assert.match(proxy.messages('error')[0] ?? '', /upstream sent .* while reading response header from upstream/);
});

test('h2 is offered to a server with TLS', { skip: withoutOpenssl }, async (t) => {
  const authority = certificates();
  const listener = http2.createSecureServer({ key: authority.read('ec.key'), cert: authority.read('ec.crt') });
  listener.on('stream', (stream, headers) => {
    const socket = stream.session?.socket as TLSSocket; // the server requires TLS
    stream.respond({ ':status': 200 });
    stream.end(`${socket.alpnProtocol} ${headers[':scheme']}`);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1:%%PORT%%; proxy_http_version 2; } }',
    { PORT: (listener.address() as net.AddressInfo).port },
  );
  t.after(async () => {
    await proxy.close();
    listener.close();
  });
  assert.equal((await get(proxy.port)).body, 'h2 https');
});

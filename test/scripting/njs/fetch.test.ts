import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { type FetchOptions, type FetchRoute, scriptFetch } from '../../../src/scripting/njs/fetch.js';
import { FetchConnections } from '../../../src/scripting/njs/fetch-connections.js';
import { type FetchProxy, parseProxyUrl } from '../../../src/scripting/njs/fetch-proxy.js';
import { Request } from '../../../src/scripting/njs/request.js';
import { repeatAfterStall, until } from '../../kit/index.js';

interface Scripted {
  readonly port: number;
  /** Requests as received, by connection. */
  readonly received: string[][];
}

/** A server that answers each head of a request with the next text; null: the connection is closed. */
async function serve(t: TestContext, answer: (head: string, n: number) => string | null): Promise<Scripted> {
  const received: string[][] = [];
  let count = 0;
  const server = net.createServer((socket) => {
    const own: string[] = [];
    received.push(own);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        const request = text.slice(0, end + 4 + length);
        text = text.slice(request.length);
        own.push(request);
        const response = answer(request, ++count);
        if (response === null) socket.end();
        else socket.write(response, 'latin1');
        if (/connection: close/i.test(response ?? '')) socket.end();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, received };
}

function route(t: TestContext, settings: Partial<FetchRoute> & { keepalive?: number; proxy?: FetchProxy | null } = {}) {
  const connections = new FetchConnections({
    keepalive: settings.keepalive ?? 0,
    maxRequests: 1000,
    maxAge: 60_000,
    idleTimeout: 60_000,
    verifyDepth: 100,
    secureContext: () => tls.createSecureContext(),
  });
  t.after(() => connections.close());
  const logged: string[] = [];
  const full: FetchRoute = {
    timeout: 20_000,
    headSize: 16_384,
    maxBody: 1_048_576,
    verify: true,
    connections,
    hop: {
      proxy: settings.proxy ?? null,
      resolver: { resolver: null, timeout: 1000 },
      log: (message) => logged.push(message),
    },
    ...settings,
  };
  const fetch = (input: unknown, options?: FetchOptions) => scriptFetch(input, options, full);
  return { fetch, logged };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('a request is sent with the default fields, its own, and the length of its body', async (t) => {
  const { port, received } = await serve(t, () => OK);
  const { fetch } = route(t);
  const response = await fetch(`http://127.0.0.1:${port}/a?b`, {
    method: 'POST',
    body: 'xé',
    headers: { 'X-A': 'ü', 'Content-Length': '100', 'Transfer-Encoding': 'chunked', Connection: 'upgrade' },
  });
  assert.deepEqual(
    [response.status, response.statusText, response.ok, response.url],
    [200, 'OK', true, `http://127.0.0.1:${port}/a?b`],
  );
  assert.equal(await response.text(), 'ok');
  const lines = received[0]?.[0]?.split('\r\n');
  assert.deepEqual(lines, [
    'POST /a?b HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'User-Agent: nginx-js',
    'Connection: close',
    `X-A: ${Buffer.from('ü').toString('latin1')}`,
    'Content-Type: text/plain;charset=UTF-8',
    'Content-Length: 3',
    '',
    Buffer.from('xé').toString('latin1'),
  ]);
});

test('a Request object, and own Host and User-Agent fields, are used', async (t) => {
  const { port, received } = await serve(t, () => OK);
  const { fetch } = route(t);
  const request = new Request(`http://127.0.0.1:${port}`, { method: 'PUT', headers: { host: 'x', 'user-agent': 'y' } });
  await fetch(request);
  assert.match(received[0]?.[0] ?? '', /^PUT \/ HTTP\/1\.1\r\nHost: x\r\n/);
  assert.match(received[0]?.[0] ?? '', /\r\nuser-agent: y\r\n/);
  assert.doesNotMatch(received[0]?.[0] ?? '', /nginx-js/);
});

test('headers keep their names and duplicates, and a body may end with the connection', async (t) => {
  const { port } = await serve(
    t,
    () => 'HTTP/1.1 200 OK\r\nFoo: a\r\nF_O_O: b\r\nFoo: c\r\nConnection: close\r\n\r\nbody',
  );
  const response = await route(t).fetch(`http://127.0.0.1:${port}/`);
  assert.deepEqual(Object.entries(response.headers), [
    ['Connection', 'close'],
    ['F_O_O', 'b'],
    ['Foo', 'a, c'],
  ]);
  assert.equal(await response.text(), 'body');
});

test('a response to HEAD has no body, whatever length it declares', async (t) => {
  const { port } = await serve(t, () => 'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
  const response = await route(t).fetch(`http://127.0.0.1:${port}/`, { method: 'head' });
  assert.equal(await response.text(), '');
});

for (const [name, response, message] of [
  ['an incomplete status line', 'HTTP/1.1 2A\r\nConnection: close\r\n\r\n', /^invalid http status line$/],
  ['an incomplete body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nab', /^prematurely closed/],
  ['an invalid header', 'HTTP/1.1 200 OK\r\n@#\r\nConnection: close\r\n\r\n', /^invalid http header$/],
  [
    'an invalid chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    /^invalid http chunked response$/,
  ],
  ['too long a declared body', 'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n', /^http content length is too large$/],
  [
    'too long a chunked body',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n',
    /^very large http chunked/,
  ],
] as const) {
  test(`a response with ${name} rejects`, async (t) => {
    const { port } = await serve(t, () => response);
    await assert.rejects(route(t, { maxBody: 3 }).fetch(`http://127.0.0.1:${port}/`), { name: 'Error', message });
  });
}

test('a connection that is refused rejects with the stack of the caller, and is logged', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  const { fetch, logged } = route(t);
  const error = await fetch(`http://127.0.0.1:${port}/`).then(
    () => assert.fail('it was accepted'),
    (reason: Error) => reason,
  );
  assert.equal(error.message, 'connect failed');
  assert.match(error.stack ?? '', /^Error: connect failed\n.*fetch\.test/s);
  assert.match(logged[0] ?? '', /^connect\(\) to 127\.0\.0\.1:\d+ failed \(111: Connection refused\)$/);
});

test('a server that does not answer in time rejects', async (t) => {
  const { port } = await serve(t, () => '');
  // The message is another one if the connection is not made within the timeout.
  await repeatAfterStall(20, () =>
    assert.rejects(route(t, { timeout: 50 }).fetch(`http://127.0.0.1:${port}/`), { message: 'read timed out' }),
  );
});

test('a name without resolver rejects', async (t) => {
  await assert.rejects(route(t).fetch('http://example.test/'), { message: 'no resolver defined' });
});

test('connections are kept up to the limit, and the last one used is reused first', async (t) => {
  const { port, received } = await serve(t, () => OK);
  const { fetch } = route(t, { keepalive: 2 });
  const all = () => Promise.all([1, 2, 3, 4].map(() => fetch(`http://127.0.0.1:${port}/`)));
  await all();
  await new Promise((resolve) => setImmediate(resolve));
  await all();
  const counts = received.map((each) => each.length).sort();
  assert.deepEqual(counts, [1, 1, 1, 1, 2, 2]);
  assert.match(received[0]?.[0] ?? '', /Connection: keep-alive/);
});

test('connections that become idle at the same time are kept up to the limit, too', async (t) => {
  const waiting: net.Socket[] = [];
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.once('data', () => {
      if (waiting.push(socket) === 20) for (const each of waiting) each.write(OK);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const { fetch } = route(t, { keepalive: 3 });
  await Promise.all(Array.from({ length: 20 }, () => fetch(`http://127.0.0.1:${port}/`)));
  await until('the others are closed', () => open.size === 3);
});

test('a request on a connection that the server has just closed is repeated', async (t) => {
  const { port, received } = await serve(t, (_, n) => (n === 2 ? null : OK));
  const { fetch } = route(t, { keepalive: 2 });
  await fetch(`http://127.0.0.1:${port}/1`);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await fetch(`http://127.0.0.1:${port}/2`)).status, 200);
  assert.deepEqual(
    received.map((each) => each.length),
    [2, 1],
  );
});

test('a request without TLS is sent to the proxy in absolute form with its credentials', async (t) => {
  const { port, received } = await serve(t, () => OK);
  const proxy = parseProxyUrl(`http://us%65r:pass@127.0.0.1:${port}`) as FetchProxy;
  await route(t, { proxy }).fetch('http://example.test/a');
  assert.match(received[0]?.[0] ?? '', /^GET http:\/\/example\.test\/a HTTP\/1\.1\r\nHost: example\.test\r\n/);
  assert.match(received[0]?.[0] ?? '', /\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n/);
});

test('a proxy that refuses a tunnel rejects the request', async (t) => {
  const { port, received } = await serve(t, () => 'HTTP/1.1 403 Forbidden\r\n\r\n');
  const proxy = parseProxyUrl(`http://127.0.0.1:${port}`) as FetchProxy;
  await assert.rejects(route(t, { proxy }).fetch('https://example.test/'), {
    message: 'proxy CONNECT failed with status 403',
  });
  assert.match(received[0]?.[0] ?? '', /^CONNECT example\.test:443 HTTP\/1\.1\r\nHost: example\.test:443\r\n\r\n$/);
});

test('invalid URLs of proxies are reported', () => {
  assert.equal(parseProxyUrl(''), null);
  for (const url of ['https://a', 'http:/', 'http://u@h', 'http://:p@h', 'http://u:@h', 'http://a:x']) {
    assert.ok('mistake' in (parseProxyUrl(url) ?? {}), url);
  }
});

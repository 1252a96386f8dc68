/** The middleware with responses, requests and clients that would otherwise end or stall the program that contains it. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createProxy, type ReverseProxy } from '../../src/index.js';
import { connect, get, listening, until } from '../kit/index.js';

async function listen(t: TestContext, server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function proxyTo(t: TestContext, port: number, directives = ''): Promise<ReverseProxy> {
  const proxy = createProxy({
    config: `events {} http { access_log off; client_max_body_size 1k; server { listen 127.0.0.1:80;
      location / { proxy_pass http://127.0.0.1:${port}; ${directives} } } }`,
    listen: false,
    errorLog: () => {},
  });
  await proxy.start();
  t.after(() => proxy.close());
  return proxy;
}

/** A back end that sends one response, byte for byte, on each connection. */
function sending(t: TestContext, response: string): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.from(response, 'latin1')));
  });
  return listen(t, server);
}

/** A back end that responds with the fields and the body of the request. */
const report: RequestListener = async (req, res) => {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  res.end(JSON.stringify({ headers: req.headers, body: Buffer.concat(parts).toString() }));
};

test('a response that the server cannot send becomes 502', async (t) => {
  const proxy = await proxyTo(t, await sending(t, 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok'));
  const own = await listening(t, createServer(proxy.middleware()));
  const { status, body } = await get(own, '/');
  assert.deepEqual([status, body], [502, '']);
});

test('a response that comes after the program has responded itself is dropped', async (t) => {
  const proxy = await proxyTo(t, await sending(t, 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate'));
  const middleware = proxy.middleware();
  const server = createServer((req, res) => {
    middleware(req, res);
    res.write('own');
    // The response of the proxy ends its connection in the meantime.
    const ended = setInterval(() => {
      if (proxy.status.connections > 0) return;
      clearInterval(ended);
      res.end();
    }, 5);
  });
  const own = await listening(t, server);
  assert.equal((await get(own, '/own')).body, 'own');
});

test('a request that cannot be sent is passed to the error handler', async (t) => {
  const proxy = await proxyTo(t, await sending(t, ''));
  const middleware = proxy.middleware();
  const server = createServer((req, res) => {
    if (req.url === '/path') req.url = '/a b';
    const next = (error: unknown): void => void res.writeHead(500).end((error as Error).message);
    if (req.method === 'GET') middleware(req, res, next);
    else req.resume().on('end', () => middleware(req, res, next));
  });
  const own = await listening(t, server);
  assert.match((await get(own, '/path')).body, /unescaped/);
  const read = await get(own, '/', { method: 'POST', body: 'text' });
  assert.match(read.body, /was read before/);
});

test('a compressed body that a parser has read is sent again without its Content-Encoding', async (t) => {
  const proxy = await proxyTo(t, await listening(t, createServer(report)));
  const middleware = proxy.middleware();
  const server = createServer((req: IncomingMessage & { body?: unknown }, res) => {
    req.body = { a: 1 };
    req.resume().on('end', () => middleware(req, res));
  });
  const own = await listening(t, server);
  const response = await fetch(`http://127.0.0.1:${own}/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    body: gzipSync('{"a":1}'),
  });
  const { headers, body } = (await response.json()) as { headers: Record<string, string>; body: string };
  assert.deepEqual([body, headers['content-encoding'], headers['content-length']], ['{"a":1}', undefined, '7']);
});

test('after a response that comes before the end of a body, the next request of the connection is handled', async (t) => {
  const proxy = await proxyTo(t, await listening(t, createServer(report)));
  const own = await listening(t, createServer(proxy.middleware()));
  const client = await connect(own);
  const length = 5_000_000;
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
  client.send('x'.repeat(length));
  client.send('GET /next HTTP/1.1\r\nHost: next.example\r\n\r\n');
  await client.until('413 Request');
  await client.until('HTTP/1.1 200');
  client.close();
});

test('HTTP/2: the parts of Cookie are joined, and a body without a length is sent', async (t) => {
  const proxy = await proxyTo(t, await listening(t, createServer(report)));
  // The types of the compatibility interface differ from those of `node:http`.
  const server = http2.createServer(proxy.middleware() as unknown as () => void);
  const port = await listen(t, server);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const request = session.request(
    { ':method': 'DELETE', ':path': '/', cookie: ['a=1', 'b=2'] as unknown as string },
    { endStream: false },
  );
  request.end('BODY');
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part as string;
  const { headers, body } = JSON.parse(text) as { headers: Record<string, string>; body: string };
  assert.deepEqual([headers.cookie, body], ['a=1; b=2', 'BODY']);
});

test('the reset of an upgrade that is refused is not an uncaught exception', async (t) => {
  const proxy = createProxy({ config: 'events {} http { server { listen 127.0.0.1:80; } }', listen: false });
  const { upgrade } = proxy.middleware();
  const server = createServer();
  const refused = new Promise<void>((resolve) => {
    server.on('upgrade', (req, socket, head) => {
      upgrade(req, socket, head);
      assert.ok(socket.listenerCount('error') > 0);
      socket.on('close', () => resolve());
      socket.destroy(new Error('reset'));
    });
  });
  const own = await listening(t, server);
  const client = net.connect(own, '127.0.0.1');
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  await refused;
  client.destroy();
});

test('a Fastify plugin leaves upgrades of paths that only begin like its prefix to others', async (t) => {
  const { fastify } = await import('fastify');
  const proxy = await proxyTo(t, await sending(t, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  const app = fastify();
  t.after(() => app.close());
  await app.register(proxy.fastify(), { prefix: '/api' });
  let taken = -1;
  app.server.on('upgrade', (req, socket) => {
    taken = proxy.status.connections;
    if (req.url === '/apis') socket.end('HTTP/1.1 418 Own\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const client = await connect(port);
  client.send('GET /apis HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.until('418 Own');
  assert.equal(taken, 0);
  client.close();
});

test('a client that is slow, and has ended its side, receives all bytes of an upgraded connection', async (t) => {
  const size = 1_000_000;
  const upstream = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n');
      socket.end(`${'x'.repeat(size)}END`);
    });
  });
  const backend = await listen(t, upstream);
  const proxy = await proxyTo(
    t,
    backend,
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;',
  );
  const middleware = proxy.middleware();
  const server = createServer(middleware);
  server.on('upgrade', middleware.upgrade);
  const port = await listening(t, server);
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n');
  let received = '';
  client.setEncoding('latin1');
  client.on('data', (text: string) => {
    received += text;
    client.pause();
    setImmediate(() => client.resume());
  });
  await new Promise((resolve) => client.once('end', resolve));
  client.end();
  assert.equal(received.length, received.indexOf('\r\n\r\n') + 4 + size + 3);
  assert.ok(received.endsWith('xEND'));
  await until('the connection with the proxy has ended', () => proxy.status.connections === 0);
});

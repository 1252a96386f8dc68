/** The proxy as a middleware of Express and plain servers, and as a plugin of Fastify. */
import assert from 'node:assert/strict';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createProxy, type ReverseProxy } from '../../src/index.js';
import { connect, get, listening, until, websocket, websocketEcho } from '../kit/index.js';

interface ExpressApp {
  use(
    ...handlers: (string | ((req: IncomingMessage, res: ServerResponse & { send(text: string): void }) => void))[]
  ): void;
}

/** The part of Express that is used. */
type Express = (() => ExpressApp & RequestListener) & {
  json(): RequestListener;
  urlencoded(options: object): RequestListener;
};

/** Starts a proxy without listeners; `locations`: of its only server. */
async function proxyOf(t: TestContext, locations: string): Promise<ReverseProxy> {
  const proxy = createProxy({
    config: `events {} http { access_log off; server { listen 127.0.0.1:80; ${locations} } }`,
    listen: false,
    errorLog: () => {},
  });
  await proxy.start();
  t.after(() => proxy.close());
  return proxy;
}

/** A server that reports requests: method, target, fields, and body. */
async function reportingServer(t: TestContext): Promise<number> {
  const report: RequestListener = (req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      res.writeHead(200, 'Fine', [
        ['Content-Type', 'application/json'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ]);
      const { method, url, headers } = req;
      res.end(JSON.stringify({ method, url, headers, body: Buffer.concat(parts).toString() }));
    });
  };
  return listening(t, createServer(report));
}

interface Report {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

test('a server passes requests to the proxy: target, fields, body, client address', async (t) => {
  const backend = await reportingServer(t);
  const proxy = await proxyOf(
    t,
    `location / {
       proxy_pass http://127.0.0.1:${backend};
       proxy_set_header X-Client $remote_addr:$scheme;
       proxy_set_header Host $http_host;
     }`,
  );
  const port = await listening(t, createServer(proxy.middleware()));
  const response = await get(port, '/a%20b?c=d', {
    method: 'POST',
    fields: ['Host: example.com', 'X-Own: 1', 'Transfer-Encoding: chunked', 'Connection: close, x-hop', 'X-Hop: 1'],
    body: '4\r\nbody\r\n0\r\n\r\n',
  });
  const { method, url, headers, body } = JSON.parse(response.body) as Report;
  assert.deepEqual([method, url, body], ['POST', '/a%20b?c=d', 'body']);
  assert.deepEqual(
    [headers.host, headers['x-own'], headers['x-client'], headers['x-hop']],
    ['example.com', '1', '127.0.0.1:http', undefined],
  );
  assert.equal(response.statusLine, 'HTTP/1.1 200 Fine');
  assert.equal(response.field('set-cookie'), 'a=1, b=2');
  assert.equal(response.fields.filter(([name]) => name.toLowerCase() === 'date').length, 1);
  assert.equal(proxy.url, '');
});

test('express mounts the middleware; other requests pass it; a body that was parsed before is sent again', async (t) => {
  const express = createRequire(import.meta.url)('express') as Express;
  const backend = await reportingServer(t);
  const proxy = await proxyOf(t, `location / { proxy_pass http://127.0.0.1:${backend}; }`);
  const app = express();
  app.use(express.json());
  app.use(express.urlencoded({ extended: true }));
  app.use('/api', proxy.middleware());
  app.use(proxy.middleware({ filter: ['/more', '/other'] }));
  app.use('/stripped', proxy.middleware({ stripMountPath: true }));
  app.use((_req, res) => res.send('express'));
  const port = await listening(t, createServer(app));
  const urlOf = async (path: string) => (JSON.parse((await get(port, path)).body) as Report).url;
  assert.equal(await urlOf('/api/users?x=1'), '/api/users?x=1');
  assert.equal(await urlOf('/more/a'), '/more/a');
  assert.equal(await urlOf('/stripped/a'), '/a');
  assert.equal((await get(port, '/elsewhere')).body, 'express');
  const send = async (type: string, body: string): Promise<string> => {
    const response = await get(port, '/api', { method: 'POST', fields: [`Content-Type: ${type}`], body });
    return (JSON.parse(response.body) as Report).body;
  };
  assert.equal(await send('application/json', '{ "a": [1, "x"] }'), '{"a":[1,"x"]}');
  assert.equal(await send('application/x-www-form-urlencoded', 'a=1&b=x%20y&b=2'), 'a=1&b=x+y&b=2');
  assert.equal(await send('text/plain', 'as it is'), 'as it is');
});

test('upgrades pass to the proxy, and those that the filter excludes do not', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await proxyOf(t, `location / { proxy_pass ws://127.0.0.1:${echo.port}; }`);
  const middleware = proxy.middleware({ filter: (req) => req.url !== '/hmr' });
  const server = createServer(middleware);
  server.on('upgrade', middleware.upgrade);
  server.on('upgrade', (req, socket) => {
    if (req.url === '/hmr') socket.end('HTTP/1.1 418 Own\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  const port = await listening(t, server);
  const client = await websocket(port);
  assert.equal(await client.ask('text'), 'text');
  assert.deepEqual(await client.ask(Buffer.alloc(300_000, 7)), Buffer.alloc(300_000, 7));
  assert.equal(await client.close(1000), 1000);
  await assert.rejects(websocket(port, '/hmr'), /418/);
});

test('a Fastify plugin passes requests and upgrades below its prefix', async (t) => {
  const { fastify } = await import('fastify');
  const [backend, echo] = await Promise.all([reportingServer(t), websocketEcho()]);
  t.after(() => echo.close());
  const proxy = await proxyOf(
    t,
    `location / { proxy_pass http://127.0.0.1:${backend}; } location /api/ws { proxy_pass ws://127.0.0.1:${echo.port}; }`,
  );
  const app = fastify();
  t.after(() => app.close());
  app.get('/own', async () => 'fastify');
  app.post('/own', async (req: { body: unknown }) => req.body);
  await app.register(proxy.fastify(), { prefix: '/api' });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const body = '{ "kept": "as it is" }';
  const post = async (path: string): Promise<string> =>
    (await get(port, path, { method: 'POST', fields: ['Content-Type: application/json'], body })).body;
  const { url, body: received } = JSON.parse(await post('/api/x?y')) as Report;
  assert.deepEqual([url, received], ['/api/x?y', body]);
  assert.equal((await get(port, '/own')).body, 'fastify');
  assert.equal(await post('/own'), '{"kept":"as it is"}');
  const client = await websocket(port, '/api/ws');
  assert.equal(await client.ask('text'), 'text');
  await client.close();
});

test('a client that disconnects ends the request to the upstream, and a truncated response closes the connection of the client', async (t) => {
  let left = 0;
  const backend = createServer((req, res) => {
    if (req.url === '/short') {
      res.writeHead(200, { 'Content-Length': 10 });
      res.write('12345', () => res.destroy());
      return;
    }
    res.once('close', () => left++);
    res.write('first');
  });
  const port = await listening(t, backend);
  const proxy = await proxyOf(t, `location / { proxy_pass http://127.0.0.1:${port}; }`);
  const own = await listening(t, createServer(proxy.middleware()));
  const client = await connect(own);
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').until('first');
  client.close();
  await until('the upstream request has ended', () => left === 1);
  const outcome = await new Promise<string>((resolve) => {
    const req = httpRequest({ port: own, host: '127.0.0.1', path: '/short' }, (res) => {
      res.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      res.on('end', () => resolve('complete'));
      res.resume();
    });
    req.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    req.end();
  });
  assert.equal(outcome, 'ECONNRESET');
});

test('large bodies pass in both directions while one side is slow', async (t) => {
  const size = 3_000_000;
  const backend = createServer((req, res) => {
    let length = 0;
    req.on('data', (part: Buffer) => {
      length += part.length;
    });
    req.on('end', () => res.end(Buffer.alloc(size, String(length))));
  });
  const port = await listening(t, backend);
  const proxy = await proxyOf(
    t,
    `client_max_body_size 0; location / { proxy_pass http://127.0.0.1:${port}; proxy_request_buffering off; proxy_buffering off; }`,
  );
  const own = await listening(t, createServer(proxy.middleware()));
  const received = await fetch(`http://127.0.0.1:${own}/`, { method: 'POST', body: Buffer.alloc(size) });
  assert.equal((await received.arrayBuffer()).byteLength, size);
});

test('before the start, requests are passed to the error handler, or get 503', async (t) => {
  const proxy = createProxy({ config: 'events {} http { server { listen 127.0.0.1:80; } }', listen: false });
  const middleware = proxy.middleware();
  const port = await listening(t, createServer(middleware));
  assert.equal((await get(port)).status, 503);
  await assert.rejects(
    websocket(
      await listening(
        t,
        createServer().on('upgrade', (req, socket, head) => middleware.upgrade(req, socket, head)),
      ),
    ),
    /503/,
  );
  const errors: unknown[] = [];
  const server = createServer((req, res) =>
    middleware(req, res, (error) => {
      errors.push(error);
      res.writeHead(500).end();
    }),
  );
  assert.equal((await get(await listening(t, server))).status, 500);
  assert.match(String(errors[0]), /not running/);
});

test('a proxy has the URL of its first address, and is closed by "await using"', async () => {
  let url = '';
  {
    await using proxy = createProxy({
      config: 'events {} http { access_log off; server { listen 127.0.0.1:0; return 200 ok; } }',
    });
    await proxy.start();
    ({ url } = proxy);
    assert.equal(await (await fetch(url)).text(), 'ok');
  }
  await assert.rejects(fetch(url));
});

/** The examples of docs/http-proxy-middleware.md, through that package and through the proxy: the responses are the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { createProxy, type ReverseProxy } from '../../src/index.js';
import {
  type Answer,
  certificates,
  get,
  type WebSocketEcho,
  websocket,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';
import { ROOT } from '../structure/sources.js';

/** An example: the options of the other package, the directives, and the functions of the program. */
interface Example {
  readonly option: string;
  readonly theirs: string;
  readonly ours: string;
  readonly hooks: string;
}

function examples(): Example[] {
  const guide = readFileSync(join(ROOT, 'docs/http-proxy-middleware.md'), 'utf8');
  return guide
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const blocks = [...section.matchAll(/```(js|nginx)\n(.*?)```/gs)].map(([, kind, text = '']) => ({ kind, text }));
      const [theirs, hooks] = blocks.filter(({ kind }) => kind === 'js').map(({ text }) => text);
      const ours = blocks.find(({ kind }) => kind === 'nginx')?.text;
      return { option: /`(.*)`/.exec(section)?.[1] ?? '', theirs: theirs ?? '', ours: ours ?? '', hooks: hooks ?? '' };
    });
}

/** A request, and the parts of its responses that are compared; all by default. */
interface Probe {
  readonly path: string;
  readonly fields?: readonly string[];
  readonly method?: string;
  readonly body?: string;
  readonly only?: 'status';
  readonly websocket?: true;
}

/** Requests for the examples; these for those that are not listed. */
const USUAL: readonly Probe[] = [
  { path: '/path?a=1' },
  { path: '/a%20b', method: 'POST', body: 'body', fields: ['Content-Type: text/plain', 'X-Own: 1', 'Cookie: a=b'] },
  { path: '/cookies' },
];
const REDIRECTS: readonly Probe[] = [{ path: '/redirect' }, { path: '/elsewhere' }];
const PROBES: Readonly<Record<string, readonly Probe[]>> = {
  changeOrigin: [{ path: '/', fields: ['Host: www.example.com'] }],
  pathFilter: [{ path: '/api/a' }, { path: '/ajax' }, { path: '/other', only: 'status' }],
  pathRewrite: [{ path: '/api/old-path/a?b=c' }, { path: '/remove/this/path' }, { path: '/kept' }],
  router: [{ path: '/' }, { path: '/', fields: ['Host: beta.example.com'] }, { path: '/rest/a' }],
  xfwd: [
    { path: '/', fields: ['Host: www.example.com'] },
    { path: '/', fields: ['Host: www.example.com:81'] },
  ],
  proxyTimeout: [{ path: '/' }, { path: '/never', only: 'status' }],
  ws: [{ path: '/', websocket: true }, { path: '/plain' }],
  hostRewrite: REDIRECTS,
  autoRewrite: REDIRECTS,
  protocolRewrite: REDIRECTS,
  followRedirects: [{ path: '/' }, { path: '/redirect' }],
  'on.error': [{ path: '/' }],
  'on.proxyReqWs': [{ path: '/', websocket: true }],
};

const servers: Server[] = [];
let echo: WebSocketEcho;
const ports: Record<string, number> = {};

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

/** Reports a request, in fields and in the body. */
function report(name: string): RequestListener {
  return (req, res) => {
    const { method, url, headers } = req;
    const { host = '' } = headers;
    if (url === '/never') return;
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      if (url === '/redirect') res.writeHead(302, { Location: `http://127.0.0.1:${ports['8010']}/target?x=1` });
      else if (url === '/elsewhere') res.writeHead(301, { Location: 'http://elsewhere.example/' });
      else {
        res.writeHead(200, 'Fine', {
          'Content-Type': 'application/json',
          'X-Removed': '1',
          'Set-Cookie': ['a=1; Domain=inner.example; Path=/inner', 'b=2; Path=/inner/deep; HttpOnly'],
        });
      }
      const { connection: _1, 'content-length': _2, 'transfer-encoding': _3, ...rest } = headers;
      const fields = Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
      const from = req.socket.remoteAddress;
      res.end(JSON.stringify({ name, method, url, from, host, fields, body: Buffer.concat(parts).toString() }));
    });
  };
}

before(async () => {
  echo = await websocketEcho();
  ports['8010'] = await listen(createServer(report('first')));
  ports['8011'] = await listen(createServer(report('second')));
  ports['8012'] = echo.port;
  if (withoutOpenssl === false) {
    const authority = certificates();
    const secure = createSecureServer(
      { key: authority.read('ec.key'), cert: authority.read('ec.crt') },
      report('secure'),
    );
    ports['8443'] = await listen(secure as unknown as Server); // the same methods
  }
  // A port without a listener.
  const unused = createServer();
  await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve));
  ports['8019'] = (unused.address() as AddressInfo).port;
  await new Promise((resolve) => unused.close(resolve));
});

after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await echo.close();
});

/** The text with the ports of the servers of this test. */
function filled(text: string): string {
  return text.replace(/127\.0\.0\.1:(80(?:10|11|12|19)|8443)/g, (_, port: string) => `127.0.0.1:${ports[port]}`);
}

interface Middleware {
  (req: IncomingMessage, res: ServerResponse, next: () => void): unknown;
  upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

async function serverOf(middleware: Middleware): Promise<number> {
  const server = createServer((req, res) => middleware(req, res, () => res.writeHead(404).end()));
  if (middleware.upgrade !== undefined) server.on('upgrade', middleware.upgrade);
  return listen(server);
}

const { createProxyMiddleware } = createRequire(import.meta.url)('http-proxy-middleware') as {
  readonly createProxyMiddleware: (options: object) => Middleware;
};

async function theirServer({ theirs }: Example): Promise<number> {
  const create = new Function('createProxyMiddleware', `return ${filled(theirs)}`) as (make: unknown) => Middleware;
  return serverOf(create((options: object) => createProxyMiddleware({ ...options, logger: undefined })));
}

async function ourServer({ ours, hooks }: Example): Promise<{ proxy: ReverseProxy; port: number }> {
  const functions = hooks === '' ? {} : (new Function(`${hooks}; return hooks;`) as () => object)();
  const proxy = createProxy({
    config: `events {} http { access_log off; server { listen 127.0.0.1:80; ${filled(ours)} } }`,
    listen: false,
    hooks: functions,
    errorLog: () => {},
  });
  await proxy.start();
  return { proxy, port: await serverOf(proxy.middleware()) };
}

/** A response without the fields of its connection, and those that differ between any two servers. */
function normal({ status, reason, fields, body }: Answer, port: number): object {
  const ignored = /^(?:connection|keep-alive|date|server|transfer-encoding|content-length)$/i;
  const kept = fields
    .filter(([name]) => !ignored.test(name))
    .map(([name, value]) => `${name.toLowerCase()}: ${value.replaceAll(String(port), 'PORT')}`)
    .sort();
  return { status, reason, fields: kept, body: body.replaceAll(String(port), 'PORT') };
}

async function outcome(port: number, probe: Probe): Promise<unknown> {
  if (probe.websocket === true) {
    const client = await websocket(port, probe.path);
    const answer = await client.ask('text');
    await client.close();
    const { host, 'x-special': special, upgrade } = echo.upgrades.at(-1) ?? {};
    return { answer, host, special, upgrade };
  }
  const response = await get(port, probe.path, probe);
  return probe.only === 'status' ? response.status : normal(response, port);
}

const all = examples();

test('the guide maps at least twenty options', () => {
  assert.ok(all.length >= 20, String(all.length));
  assert.deepEqual(
    all.filter(({ option, theirs, ours }) => option === '' || theirs === '' || ours === ''),
    [],
  );
});

for (const example of all) {
  const skip = example.option === 'secure' ? withoutOpenssl : false;
  test(`the responses are the same: ${example.option}`, { skip }, async () => {
    const [theirs, { proxy, port }] = await Promise.all([theirServer(example), ourServer(example)]);
    try {
      for (const probe of PROBES[example.option] ?? USUAL) {
        assert.deepEqual(await outcome(port, probe), await outcome(theirs, probe), JSON.stringify(probe));
      }
    } finally {
      await proxy.close();
    }
  });
}

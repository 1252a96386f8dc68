/** Requests of several clients on one session: a protocol with concurrent streams below the ordinary upstream request. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { text } from '../../src/config/argument-types.js';
import { httpExchange } from '../../src/exchange/exchange.js';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { defineModule } from '../../src/program/module.js';
import { DONE } from '../../src/program/verdict.js';
import type { ForwardingRules } from '../../src/upstream/forwarding-rules.js';
import { NEXT_UPSTREAM } from '../../src/upstream/next-upstream.js';
import { DEFAULT_PEER } from '../../src/upstream/peer.js';
import { UpstreamRequest } from '../../src/upstream/request.js';
import { Upstream, UpstreamServer } from '../../src/upstream/upstream.js';
import { type Answer, get, startProxy, type TestProxy, until } from '../kit/index.js';
import { MultiplexedServer, MultiplexedSession } from './multiplexed-session.js';

const SECOND = 1000;
const rules: ForwardingRules = {
  settings: {
    connectTimeout: 5 * SECOND,
    sendTimeout: 5 * SECOND,
    readTimeout: 5 * SECOND,
    nextUpstream: NEXT_UPSTREAM.error,
    nextUpstreamTries: 0,
    nextUpstreamTimeout: 0,
    bufferSize: 4096,
    limitRate: null,
    requestBuffering: true,
    buffering: true,
    spool: { memory: 65_536, file: 0, writeSize: 16_384, place: { path: '/nonexistent', levels: [] } },
    store: null,
    cache: null,
    interceptErrors: false,
    ignoreClientAbort: false,
    passTrailers: false,
    obeysRedirect: false,
    obeysBuffering: false,
    obeysLimitRate: false,
  },
  scheme: 'frames://',
  requestHead: (x) => `${x.method} ${x.target} HTTP/1.1\r\n\r\n`,
  asksHead: (x) => x.method === 'HEAD',
  editHead: null,
  setsBody: false,
  requestBody: () => '',
  connectOptions: () => ({ identity: '', keepAlive: false, open: MultiplexedSession.openSession }),
  chunks: true,
  passBody: true,
  responseHead(x, { headers }) {
    x.response.upstream = headers;
  },
  cookie: (_x, value) => value,
  earlyHints() {},
  checkUpgrade: () => null,
  upgrade() {},
};

/** Passes requests to a server of the protocol. */
const frames = defineModule({
  name: 'frames',
  doc: 'Passes requests over sessions with concurrent streams.',
  directives: {
    frames_pass: { contexts: ['location'], takes: text, inherit: 'none', doc: 'Port.', example: 'frames_pass 8080;' },
  },
  phases: {
    content: {
      order: 0,
      compile(conf) {
        if (conf.frames_pass === undefined) return null;
        const upstream = new Upstream('frames');
        const server = new UpstreamServer('', DEFAULT_PEER);
        server.setAddresses([{ host: '127.0.0.1', port: Number(conf.frames_pass) }]);
        upstream.servers.push(server);
        upstream.update();
        return (x) => {
          new UpstreamRequest(httpExchange(x), upstream, rules, upstream).begin();
          return DONE;
        };
      },
    },
  },
});

async function start(t: TestContext): Promise<{ proxy: TestProxy; servers: MultiplexedServer[] }> {
  const servers: MultiplexedServer[] = [];
  const owner = { onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {}, onConnected() {} };
  const listener = net.createServer({ pauseOnConnect: false }, (socket) => {
    servers.push(new MultiplexedServer(SocketTransport.adopt(socket, owner)));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as net.AddressInfo; // it listens on a port
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { frames_pass %%PORT%%; } }',
    { PORT: port },
    { modules: [frames] },
  );
  t.after(async () => {
    await proxy.close();
    for (const server of servers) server.close();
    await new Promise((resolve) => listener.close(resolve));
  });
  return { proxy, servers };
}

test('requests of several clients share a connection, and are answered in any order', async (t) => {
  const { proxy, servers } = await start(t);
  const respond = (server: MultiplexedServer, request: number): void => {
    const path = / (\S+)/.exec(server.requests[request]?.head ?? '')?.[1] ?? '';
    server.head(request, 200, { 'Content-Length': `${path.length}`, 'X-Path': path });
    server.data(request, Buffer.from(path));
  };
  const first = get(proxy.port, '/first');
  await until('a request has arrived', () => servers[0]?.requests[0]?.ended === true);
  const [server] = servers;
  assert.ok(server !== undefined);
  respond(server, 0);
  assert.equal((await first).body, '/first');

  const answers: Promise<Answer>[] = [];
  for (let i = 0; i < 8; i++) answers.push(get(proxy.port, `/${i}`));
  await until('all have arrived', () => server.requests.filter(({ ended }) => ended).length === 9);
  for (let request = 8; request > 0; request--) respond(server, request);
  assert.deepEqual(
    (await Promise.all(answers)).map(({ body }) => body),
    ['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7'],
  );
  assert.equal(servers.length, 1);
  assert.deepEqual(proxy.messages('error'), []);
});

test('a connection that fails affects each of its requests; one on a reused session is sent again', async (t) => {
  const { proxy, servers } = await start(t);
  const first = get(proxy.port, '/first');
  await until('a request has arrived', () => servers[0]?.requests.length === 1);
  const second = get(proxy.port, '/second');
  await until('both have arrived', () => servers[0]?.requests.length === 2);
  servers[0]?.close();
  assert.equal((await first).status, 502);
  await until('the second was sent again', () => servers[1]?.requests[0]?.ended === true);
  servers[1]?.head(0, 204, {});
  assert.equal((await second).status, 204);
  const lines = proxy.messages('error').filter((line) => line.includes('upstream prematurely closed connection'));
  assert.equal(lines.length, 2);
});

import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { type Authority, until, type WebSocketClient, websocket, withoutOpenssl } from '../kit/index.js';
import { startExample, tlsFiles } from './kit.js';

const NAME = 'websocket-secured.conf';
const PRODUCTION = 'api.example.com';
const STAGING = 'staging.example.com';

interface BackEnd {
  readonly port: number;
  readonly handshakes: IncomingHttpHeaders[];
  readonly closeCodes: number[];
}

/** `https.createServer` with `ws`; messages return with the name of the server. */
async function backEnd(t: TestContext, name: string, authority: Authority): Promise<BackEnd> {
  const server = createServer({ cert: authority.read('server.crt'), key: authority.read('server.key') });
  const sockets = new WebSocketServer({ server });
  const handshakes: IncomingHttpHeaders[] = [];
  const closeCodes: number[] = [];
  sockets.on('connection', (socket, request) => {
    handshakes.push(request.headers);
    socket.on('message', (data) => socket.send(`${name} ${String(data)}`));
    socket.on('close', (code) => closeCodes.push(code));
    socket.on('error', () => socket.terminate());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { port: (server.address() as AddressInfo).port, handshakes, closeCodes };
}

async function start(t: TestContext, changes: Record<string, string> = {}) {
  const { authority, files } = tlsFiles(t, [PRODUCTION, STAGING]);
  const production = await backEnd(t, 'production', authority);
  const staging = await backEnd(t, 'staging', authority);
  const proxy = await startExample(
    t,
    NAME,
    { '127.0.0.1:3001': `127.0.0.1:${production.port}`, '127.0.0.1:3002': `127.0.0.1:${staging.port}`, ...changes },
    files,
  );
  const open = (host: string, path: string, key?: string): Promise<WebSocketClient> => {
    const headers = { Host: host, ...(key !== undefined && { 'X-API-Key': key }) };
    return websocket(proxy.port, path, headers, { ca: authority.read('ca.crt'), servername: host });
  };
  const status = async (host: string, path: string, key?: string): Promise<string> => {
    try {
      const client = await open(host, path, key);
      client.socket.terminate();
      return '101';
    } catch (error) {
      return /response: (\d+)/.exec(String(error))?.[1] ?? String(error);
    }
  };
  return { proxy, production, staging, open, status };
}

describe(`conf/examples/${NAME}`, { skip: withoutOpenssl }, () => {
  test('production and staging have their own keys and back ends, with TLS', async (t) => {
    const { production, staging, open, status } = await start(t);
    const ann = await open(PRODUCTION, '/v1/news', 'anns-key');
    assert.equal(await ann.ask('x'), 'production x');
    const tester = await open(STAGING, '/v1/news/today', 'test-key');
    assert.equal(await tester.ask('x'), 'staging x');
    assert.deepEqual([production.handshakes[0]?.['x-client'], staging.handshakes[0]?.['x-client']], ['ann', 'tester']);
    assert.equal(production.handshakes[0]?.['x-api-key'], undefined);
    assert.equal(await status(STAGING, '/v1/news', 'anns-key'), '401');
    assert.equal(await status(PRODUCTION, '/v1/news', 'test-key'), '401');
    assert.equal(await status(PRODUCTION, '/v1/news'), '401');
    await Promise.all([ann.close(), tester.close()]);
  });

  test('requests that no mapping rule matches are refused, and the others are logged by their metric', async (t) => {
    const { proxy, open, status } = await start(t);
    for (const path of ['/', '/v1/newspaper', '/v1/quotes/', '/v1/quotes/a/b', '/v2/news']) {
      assert.equal(await status(PRODUCTION, path, 'anns-key'), '404', path);
    }
    await (await open(PRODUCTION, '/v1/quotes/ACME', 'anns-key')).close();
    await until('it is logged', () => proxy.file('logs/usage.log').includes('quotes'));
    assert.match(proxy.file('logs/usage.log'), / api\.example\.com ann premium quotes 101 /);
  });

  test('a plan limits how many WebSockets a key opens', async (t) => {
    const { status } = await start(t, { 'api_plan basic 100/1h': 'api_plan basic 2/1h' });
    const statuses: string[] = [];
    for (let i = 0; i < 3; i++) statuses.push(await status(PRODUCTION, '/v1/news', 'joes-key'));
    assert.deepEqual(statuses, ['101', '101', '429']);
    assert.equal(await status(PRODUCTION, '/v1/news', 'anns-key'), '101');
  });

  test('a plan limits the messages of a key over all its WebSockets', async (t) => {
    const { open } = await start(t);
    const clients = await Promise.all([1, 2, 3].map(() => open(PRODUCTION, '/v1/news', 'joes-key')));
    const ann = await open(PRODUCTION, '/v1/news', 'anns-key');
    // Ten at once for all three WebSockets together; a single one would be far from its limit.
    for (let i = 0; i < 8; i++) for (const client of clients) client.send('x');
    assert.equal(await Promise.race(clients.map(({ closed }) => closed)), 1008);
    for (let i = 0; i < 50; i++) assert.equal(await ann.ask(`${i}`), `production ${i}`);
    for (const client of [...clients, ann]) client.socket.terminate();
  });

  test('the number of open WebSockets of a key is limited', async (t) => {
    const { open, status } = await start(t, { 'limit_conn keys 10': 'limit_conn keys 2' });
    const clients = await Promise.all([1, 2].map(() => open(PRODUCTION, '/v1/news', 'anns-key')));
    assert.equal(await status(PRODUCTION, '/v1/news', 'anns-key'), '429');
    assert.equal(await status(PRODUCTION, '/v1/news', 'joes-key'), '101');
    for (const client of clients) client.socket.terminate();
  });
});

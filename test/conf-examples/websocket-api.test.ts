import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { certificates } from '../kit/certificates.js';
import {
  closedPort,
  httpsBackend,
  scriptedBackend,
  type TestProxy,
  until,
  type WebSocketEcho,
  websocket,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';
import { closeCode, handshakeStatus, startExample } from './kit.js';

const NAME = 'websocket-api.conf';
const FIRST = '127.0.0.1:3001';
const SECOND = '127.0.0.1:3002';
const TLS = 'localhost:443';

/** The example before an echo server; `first`: another server at the address of the first one. */
async function start(
  t: TestContext,
  changes: Record<string, string> = {},
  first?: number,
): Promise<[TestProxy, WebSocketEcho]> {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const addresses = {
    [FIRST]: `127.0.0.1:${first ?? echo.port}`,
    [SECOND]: `127.0.0.1:${echo.port}`,
    // Without a server with TLS, the example is the same for the other locations.
    [TLS]: `localhost:${await closedPort()}`,
  };
  const files = { 'tls/ca.crt': certificates().read('ca.crt') };
  return [await startExample(t, NAME, { ...addresses, ...changes }, files), echo];
}

describe(`conf/examples/${NAME}`, { skip: withoutOpenssl }, () => {
  test('the listen path is removed', async (t) => {
    const paths: string[] = [];
    const backend = await scriptedBackend(async (connection) => {
      const head = (await connection.head())?.head ?? '';
      paths.push(head.split('\r\n', 1)[0] ?? '');
      connection.send('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n').end();
    });
    t.after(() => backend.close());
    const [proxy] = await start(t, { [SECOND]: `127.0.0.1:${backend.port}` }, backend.port);
    assert.equal(await handshakeStatus(proxy.port, '/chat/room?x=1'), 404);
    assert.deepEqual(paths, ['GET /room?x=1 HTTP/1.1']);
  });

  test('messages are passed, and one that is too large closes with 1009', async (t) => {
    const [proxy] = await start(t);
    const client = await websocket(proxy.port, '/chat/room');
    assert.equal(await client.ask('x'.repeat(65_536)), 'x'.repeat(65_536));
    client.send(Buffer.alloc(65_537));
    assert.equal(await client.closed, 1009);
  });

  test('a client that sends too many messages is closed with 1008', async (t) => {
    const [proxy] = await start(t);
    const client = await websocket(proxy.port, '/chat/room');
    const closed = closeCode(client.socket);
    for (let i = 0; i < 100; i++) client.send('x');
    assert.equal(await closed, 1008);
  });

  test('the number of WebSockets of a client is limited', async (t) => {
    const [proxy, echo] = await start(t, { 'limit_conn clients 50': 'limit_conn clients 3' });
    const clients = await Promise.all([1, 2, 3].map(() => websocket(proxy.port, '/chat/room')));
    assert.equal(await handshakeStatus(proxy.port, '/chat/room'), 429);
    await clients[0]?.close();
    await until('it is closed', () => echo.open === 2 && proxy.proxy.status.active === 2);
    assert.equal(await handshakeStatus(proxy.port, '/chat/room'), 101);
    for (const client of clients) client.socket.terminate();
  });

  test('a server that failed three times gets no more requests, and clients notice nothing', async (t) => {
    let connections = 0;
    const failing = await scriptedBackend((connection) => {
      connections++;
      connection.reset();
    });
    t.after(() => failing.close());
    const [proxy] = await start(t, {}, failing.port);
    for (let i = 0; i < 12; i++) {
      const client = await websocket(proxy.port, '/chat/room');
      assert.equal(await client.ask('x'), 'x');
      await client.close();
    }
    assert.equal(connections, 3);
  });

  test('a server that does not respond to the handshake is given up after proxy_read_timeout', async (t) => {
    const silent = await scriptedBackend(async (connection) => {
      await connection.head();
    });
    t.after(() => silent.close());
    const times = { 'proxy_read_timeout 5s': 'proxy_read_timeout 300ms' };
    const [proxy] = await start(t, { ...times, [SECOND]: `127.0.0.1:${silent.port}` }, silent.port);
    assert.equal(await handshakeStatus(proxy.port, '/chat/room'), 504);
  });

  test('the time limit of the upgrade does not apply to an open WebSocket', async (t) => {
    const [proxy] = await start(t, { 'proxy_read_timeout 5s': 'proxy_read_timeout 200ms' });
    const client = await websocket(proxy.port, '/chat/room');
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(await client.ask('x'), 'x');
    await client.close();
  });

  test('a target with TLS is verified', async (t) => {
    const backend = await httpsBackend();
    t.after(() => backend.close());
    const [proxy] = await start(t, { [TLS]: `localhost:${backend.port}` });
    const client = await websocket(proxy.port, '/quotes/live');
    assert.equal(await client.ask('x'), 'x');
    await client.close();
    const stranger = await httpsBackend({ certificate: 'stranger' });
    t.after(() => stranger.close());
    const [refusing] = await start(t, { [TLS]: `localhost:${stranger.port}` });
    assert.equal(await handshakeStatus(refusing.port, '/quotes/live'), 502);
  });
});

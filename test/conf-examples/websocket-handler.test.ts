import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { get, type TestProxy, type WebSocketEcho, websocket, websocketEcho } from '../kit/index.js';
import { codesOf, handshakeStatus, startExample } from './kit.js';

const NAME = 'websocket-handler.conf';
const PASSWORD = `Basic ${Buffer.from('ann:secret').toString('base64')}`;

async function start(
  t: TestContext,
  changes: Record<string, string> = {},
): Promise<[TestProxy, WebSocketEcho, WebSocketEcho]> {
  const [one, two] = [await websocketEcho({ name: 'one' }), await websocketEcho({ name: 'two' })];
  t.after(() => Promise.all([one.close(), two.close()]));
  const addresses = { '127.0.0.1:3001': `127.0.0.1:${one.port}`, '127.0.0.1:3002': `127.0.0.1:${two.port}` };
  const proxy = await startExample(t, NAME, { ...addresses, ...changes }, { users: 'ann:{PLAIN}secret\n' });
  return [proxy, one, two];
}

describe(`conf/examples/${NAME}`, () => {
  test('a static route passes messages', async (t) => {
    const [proxy, one] = await start(t);
    const client = await websocket(proxy.port, '/events');
    assert.equal(await client.ask('x'), 'x');
    assert.equal(one.open, 1);
    await client.close();
  });

  test('the requested host selects the back end, and hosts that are not listed are refused', async (t) => {
    const [proxy, one, two] = await start(t);
    const clients = await Promise.all([
      websocket(proxy.port, '/rooms/1', { Host: 'one.chat.example' }),
      websocket(proxy.port, '/rooms/1', { Host: 'two.chat.example' }),
    ]);
    for (const client of clients) assert.equal(await client.ask('x'), 'x');
    assert.deepEqual([one.upgrades[0]?.host, two.upgrades[0]?.host], ['one.chat.example', 'two.chat.example']);
    for (const host of ['other.example', '127.0.0.1:22', '169.254.169.254']) {
      assert.equal(await handshakeStatus(proxy.port, '/rooms/1', [`Host: ${host}`]), 421, host);
    }
    for (const client of clients) await client.close();
  });

  test('-t warns without the list of hosts, because the location would be an open proxy', () => {
    // At an address that others reach.
    const open = { '127.0.0.1:8080': '8080' };
    const withoutList = {
      ...open,
      'http://$room_server': 'http://$host:3001',
      "if ($room_server = '')": 'if ($arg_none)',
    };
    assert.ok(codesOf(NAME, withoutList).includes('open-proxy'));
    assert.ok(!codesOf(NAME, open).includes('open-proxy'));
  });

  test('pages of other origins are refused', async (t) => {
    const [proxy] = await start(t);
    const origins: [origin: string, status: number][] = [
      ['https://www.example.com', 101],
      ['https://a.chat.example', 101],
      ['https://evil.example', 403],
      ['http://www.example.com', 403],
      ['https://a.chat.example.evil.example', 403],
      ['null', 403],
    ];
    for (const [origin, status] of origins) {
      assert.equal(await handshakeStatus(proxy.port, '/events', [`Origin: ${origin}`]), status, origin);
    }
  });

  test('plain requests of the static route have the fields of CORS', async (t) => {
    const [proxy] = await start(t);
    const answer = await get(proxy.port, '/events', { fields: ['Origin: https://www.example.com'] });
    assert.equal(answer.body, 'plain one /events');
    assert.equal(answer.field('access-control-allow-origin'), 'https://www.example.com');
  });

  test('one path has passwords, and one WebSocket for each client', async (t) => {
    const [proxy] = await start(t);
    assert.equal(await handshakeStatus(proxy.port, '/trade'), 401);
    const client = await websocket(proxy.port, '/trade', { Authorization: PASSWORD });
    assert.equal(await client.ask('x'), 'x');
    assert.equal(await handshakeStatus(proxy.port, '/trade', [`Authorization: ${PASSWORD}`]), 503);
    await client.close();
  });

  test('the number of WebSockets is limited for one client and for all', async (t) => {
    const [proxy] = await start(t, { 'limit_conn all 1000': 'limit_conn all 2' });
    const clients = await Promise.all([websocket(proxy.port, '/events'), websocket(proxy.port, '/preview')]);
    assert.equal(await handshakeStatus(proxy.port, '/events'), 503);
    for (const client of clients) await client.close();
  });

  const lifetimes: [path: string, from: string, to: string, code: number][] = [
    ['/events', 'websocket_expire 8h', 'websocket_expire 300ms', 1000],
    ['/trade', 'websocket_expire 15m', 'websocket_expire 300ms', 1008],
    ['/rooms/1', 'websocket_expire 1d', 'websocket_expire 300ms', 1000],
    ['/preview', 'websocket_expire 30s', 'websocket_expire 300ms', 1000],
  ];
  for (const [path, from, to, code] of lifetimes) {
    test(`${path}: ${from} ends a WebSocket that is in use, with ${code} on both sides`, async (t) => {
      const [proxy, one, two] = await start(t, { [from]: to });
      const headers = { Authorization: PASSWORD, Host: 'one.chat.example' };
      const client = await websocket(proxy.port, path, headers);
      const timer = setInterval(() => client.send('x'), 20);
      t.after(() => clearInterval(timer));
      assert.equal(await client.closed, code);
      const echo = path === '/preview' ? two : one;
      while (echo.closeCodes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(echo.closeCodes, [code]);
    });
  }

  test('other paths do not exist', async (t) => {
    const [proxy] = await start(t);
    assert.equal(await handshakeStatus(proxy.port, '/'), 404);
  });
});

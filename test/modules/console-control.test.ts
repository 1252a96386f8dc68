/** Control of the proxy by the console, and attacks on it through an operator's browser. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { FeedClient } from '../console/feed-client.js';
import { type Answer, get, startProxy, type WebSocketEcho, websocket, websocketEcho } from '../kit/index.js';
import { ask, tokenField } from './console-client.js';

const SERVERS = `server { listen 127.0.0.1:0; server_name main.example;
  location /console/ { console control=on; }
  location /watched/ { console; }
  location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; } }
  server { listen 127.0.0.2:0; location /ws { proxy_websocket on; websocket_close off; proxy_pass http://127.0.0.1:%%PORT%%; } }`;

const JSON_TYPE = 'Content-Type: application/json';

async function scene(t: { after(fn: () => unknown): void }) {
  const echo: WebSocketEcho = await websocketEcho();
  const proxy = await startProxy(SERVERS, { PORT: echo.port });
  t.after(() => Promise.all([proxy.close(), echo.close()]));
  return { proxy, port: proxy.port, token: await tokenField(proxy.port) };
}

/** A POST with exactly these fields. */
function post(port: number, path: string, fields: readonly string[], body = '{}'): Promise<Answer> {
  return get(port, path, { method: 'POST', fields, body });
}

test('a tunnel is closed with the code and the reason that were given', async (t) => {
  const { port, token } = await scene(t);
  const feed = await FeedClient.watch(port);
  const [one, other] = [await websocket(port, '/ws?one'), await websocket(port, '/ws?other')];
  const opened = await feed.first('open', 2);
  const id = opened.find(({ target }) => target === '/ws?one')?.id ?? '';
  const closed = once(one.socket, 'close');
  const { status, body } = await ask(port, `tunnels/${id}/close`, { code: 1012, reason: 'maintenance é' }, [token]);
  assert.deepEqual([status, body], [200, { closed: 1 }]);
  const [code, reason] = await closed;
  assert.deepEqual([code, String(reason)], [1012, 'maintenance é']);
  assert.equal((await other.ask('still open')).toString(), 'still open');
  const again = await ask(port, `tunnels/${id}/close`, {}, [token]);
  assert.deepEqual([again.status, again.body.error.code], [404, 'TunnelNotFound']);
  for (const wrong of [{ code: 1005 }, { code: 999 }, { code: '1001' }, { reason: 'x'.repeat(124) }, { reason: 1 }]) {
    assert.equal((await ask(port, `tunnels/${id}/close`, wrong, [token])).status, 400, JSON.stringify(wrong));
  }
  await Promise.all([other.close(), feed.close()]);
});

/** Every way to change the proxy, and the resources that only read. */
const CONTROLS = ['reload', 'replay', 'tunnels/1-1/close', 'caches/pages/purge'];
const READS = ['state', 'caches', 'config', 'generations', 'diff?from=1&to=1'];

test('control needs the token, JSON, a same-origin request and a location that allows it', async (t) => {
  const { proxy, port, token } = await scene(t);
  const own = 'Origin: http://localhost';
  for (const path of CONTROLS) {
    const refused = async (fields: readonly string[], status: number, prefix = '/console/') => {
      const answer = await post(port, `${prefix}${path}`, fields);
      assert.equal(answer.status, status, `${prefix}${path} with ${fields.join(', ')}`);
    };
    await refused([JSON_TYPE], 403);
    await refused([JSON_TYPE, 'X-Console-Token: '], 403);
    await refused([JSON_TYPE, `${token}x`], 403);
    await refused([JSON_TYPE, `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`], 403);
    // The types that a form can send, and none.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      await refused([`Content-Type: ${type}`, token], 415);
    }
    await refused([token], 415);
    await refused([JSON_TYPE, token, 'Origin: http://evil.example'], 403);
    await refused([JSON_TYPE, token, 'Origin: null'], 403);
    await refused([JSON_TYPE, token, 'Sec-Fetch-Site: cross-site'], 403);
    await refused([JSON_TYPE, token, 'Sec-Fetch-Site: same-site'], 403);
    await refused([JSON_TYPE, token, own], 403, '/watched/');
    // Neither by a link nor by an image.
    const viaGet = await get(port, `/console/${path}`, { fields: [token] });
    assert.deepEqual([viaGet.status, viaGet.field('allow')], [405, 'POST']);
  }
  assert.equal(proxy.proxy.status.generation, 1);
  const allowed = await post(port, '/console/reload', [JSON_TYPE, token, own, 'Sec-Fetch-Site: same-origin']);
  assert.equal(allowed.status, 200);
  assert.equal(proxy.proxy.status.generation, 2);
});

test('pages of other sites read nothing, also by a name that resolves to a loopback address', async (t) => {
  const { port } = await scene(t);
  for (const path of [...READS, 'feed', '', 'explain', 'no-such-resource']) {
    const fields = path === 'explain' ? { method: 'POST', body: '{"request":"GET /"}' } : {};
    const type = path === 'explain' ? [JSON_TYPE] : [];
    for (const [field, status] of [
      ['Origin: http://evil.example', 403],
      ['Origin: null', 403],
      ['Sec-Fetch-Site: cross-site', 403],
    ] as const) {
      const answer = await get(port, `/console/${path}`, { ...fields, fields: [...type, field] });
      assert.equal(answer.status, status, `${path} with ${field}`);
      assert.equal(answer.field('access-control-allow-origin'), undefined);
    }
    const rebound = await get(port, `/console/${path}`, { ...fields, fields: [...type, 'Host: evil.example'] });
    assert.equal(rebound.status, 421, `${path} for evil.example`);
  }
  for (const host of ['main.example', 'localhost', `127.0.0.1:${port}`]) {
    assert.equal((await get(port, '/console/state', { fields: [`Host: ${host}`] })).status, 200, host);
  }
});

test('the token is not given to viewers of a location without control, and differs between proxies', async (t) => {
  const { port, token } = await scene(t);
  const feed = await FeedClient.open(port, { path: '/watched/feed' });
  assert.deepEqual([(await feed.message('hello')).control, (await feed.message('hello')).token], [false, null]);
  await feed.close();
  assert.ok(token.length > 30);
  const second = await scene(t);
  assert.notEqual(second.token, token);
});

test('malformed and large bodies are refused', async (t) => {
  const { port, token } = await scene(t);
  for (const [body, status] of [
    ['{', 400],
    ['[]', 400],
    ['"x"', 400],
    ['\xff', 400],
    [`{"x":"${'x'.repeat(70_000)}"}`, 413],
  ] as const) {
    const answer = await post(port, '/console/tunnels/1-1/close', [JSON_TYPE, token], body);
    assert.equal(answer.status, status, body.slice(0, 10));
  }
  // Without a length, the size is known when the body has been read.
  const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
  const fields = [JSON_TYPE, token, 'Transfer-Encoding: chunked'];
  assert.equal((await post(port, '/console/tunnels/1-1/close', fields, `${chunk.repeat(5)}0\r\n\r\n`)).status, 413);
});

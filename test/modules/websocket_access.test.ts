import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { get, startProxy, type TestProxy, websocket } from '../kit/index.js';

let server: WebSocketServer;
let proxy: TestProxy;

before(async () => {
  server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  await once(server, 'listening');
  proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
      location /origin {
        websocket_origin same https://www.example.com https://*.example.org:8443 "~^https://[a-z]+\\.example\\.net$";
        proxy_pass http://127.0.0.1:%%PORT%%;
      }
      location /none { websocket_origin none; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /protocol { websocket_subprotocols mqtt chat; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /optional { websocket_subprotocols none chat; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /dry { websocket_access_dry_run on; websocket_origin none; websocket_subprotocols chat; proxy_pass http://127.0.0.1:%%PORT%%; }
    }`,
    { PORT: (server.address() as AddressInfo).port },
  );
});

after(async () => {
  await proxy.close();
  for (const client of server.clients) client.terminate();
  server.close();
});

/** Status of the handshake: 101 or that of the error. */
async function status(path: string, headers: Record<string, string>): Promise<number> {
  try {
    const client = await websocket(proxy.port, path, headers);
    client.socket.terminate();
    return 101;
  } catch (error) {
    return Number(/(\d{3})$/.exec((error as Error).message)?.[1] ?? 0);
  }
}

test('only pages of permitted origins open WebSockets', async () => {
  const permitted = [
    'https://www.example.com',
    'https://WWW.example.com',
    'https://a.b.example.org:8443',
    'https://app.example.net',
    `http://127.0.0.1:${proxy.port}`,
  ];
  for (const origin of permitted) assert.equal(await status('/origin', { Origin: origin }), 101, origin);
  const refused = [
    'http://www.example.com',
    'https://www.example.com.evil.test',
    'https://evilexample.org:8443',
    'https://example.org:8443',
    'https://a/.example.org:8443',
    'https://app.example.net.evil.test',
    'http://127.0.0.1',
    'null',
  ];
  for (const origin of refused) assert.equal(await status('/origin', { Origin: origin }), 403, origin);
  assert.equal(await status('/origin', {}), 403);
  assert.equal(await status('/none', {}), 101);
  assert.equal(await status('/none', { Origin: 'https://www.example.com' }), 403);
  assert.match(proxy.messages('error').join('\n'), /rejecting WebSocket: origin "null" is not permitted/);
});

test('plain requests are not examined', async () => {
  // The back end answers them with 426.
  assert.equal((await get(proxy.port, '/origin')).status, 426);
});

test('subprotocols that are not permitted are refused, in the request and in the response', async () => {
  const offers = (names: string) => ({ 'Sec-WebSocket-Protocol': names });
  const codes = async (path: string, ...lists: string[]) =>
    Promise.all(lists.map((names) => status(path, offers(names))));
  // ws's client rejects a subprotocol that it has not asked for itself: 0.
  assert.deepEqual(await codes('/protocol', 'other', 'Chat'), [403, 403]);
  assert.equal(await status('/protocol', {}), 403);
  assert.equal(await status('/protocol', offers('chat, other')), 502);
  assert.notEqual(await status('/protocol', offers('other, chat')), 502);
  assert.equal(await status('/optional', {}), 101);
});

test('a dry run refuses nothing', async () => {
  assert.equal(await status('/dry', { Origin: 'https://www.example.com' }), 101);
  assert.match(proxy.messages('error').join('\n'), /rejecting WebSocket, dry run: origin/);
});

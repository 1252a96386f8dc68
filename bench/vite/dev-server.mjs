// The middleware in the development server of Vite: requests, a proxied WebSocket, and the WebSocket of Vite's own updates.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createProxy } from 'tsproxy';
import { createServer } from 'vite';
import { WebSocket, WebSocketServer } from 'ws';

const backEnd = createHttpServer((req, res) => res.end(`api ${req.url}`));
new WebSocketServer({ server: backEnd }).on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
await once(backEnd.listen(0, '127.0.0.1'), 'listening');
const { port } = backEnd.address();

const proxy = createProxy({
  config: `events {} http { access_log off; server { listen 127.0.0.1:80;
    location /api/ { proxy_pass http://127.0.0.1:${port}; } location /live { proxy_pass ws://127.0.0.1:${port}; } } }`,
  listen: false,
  errorLog: () => {},
});
await proxy.start();

const vite = await createServer({
  root: 'app',
  logLevel: 'warn',
  server: { port: 0, host: '127.0.0.1' },
  plugins: [
    {
      name: 'tsproxy',
      configureServer({ middlewares, httpServer }) {
        const middleware = proxy.middleware({ filter: ['/api/', '/live'] });
        middlewares.use(middleware);
        httpServer?.on('upgrade', middleware.upgrade);
      },
    },
  ],
});
await vite.listen();
const host = `127.0.0.1:${vite.httpServer.address().port}`;
const textOf = async (path) => (await fetch(`http://${host}${path}`)).text();

assert.equal(await textOf('/api/x?y'), 'api /api/x?y');
assert.match(await textOf('/'), /@vite\/client/);
const [, token] = /wsToken = "([^"]+)"/.exec(await textOf('/@vite/client'));
await textOf('/main.js');

const updates = new WebSocket(`ws://${host}/?token=${token}`, 'vite-hmr');
const updated = new Promise((resolve) => {
  updates.on('message', (data) => {
    if (JSON.parse(String(data)).type === 'update') resolve();
  });
});
const live = new WebSocket(`ws://${host}/live`);
await Promise.all([once(updates, 'open'), once(live, 'open')]);
const ask = async (text) => {
  live.send(text);
  const [data] = await once(live, 'message');
  assert.equal(String(data), text);
};
await ask('before the update');
writeFileSync('app/main.js', 'export const version = 2;\nif (import.meta.hot) import.meta.hot.accept();\n');
await updated;
await ask('after the update');
live.close(1000);
const [code] = await once(live, 'close');
assert.equal(code, 1000);

updates.close();
await vite.close();
await proxy.close();
backEnd.closeAllConnections();
backEnd.close();

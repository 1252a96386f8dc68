/** A production site under `tsproxy dev` in Chromium, which trusts the local CA. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { LocalCa } from '../../../src/cli/local-ca/local-ca.js';
import { programIn } from '../../../src/cli/local-ca/trust/run-program.js';
import type { Machine } from '../../../src/cli/local-ca/trust/trust-store.js';
import { trustStoresOf } from '../../../src/cli/local-ca/trust/trust-stores.js';
import { browser, noBrowser } from '../../kit/browser.js';
import { listening } from '../../kit/index.js';
import { directory, startDev, writeFiles } from './dev-process.js';

const MAIN = `user www-data;
pid /run/nginx.pid;
events {}
http {
    include /etc/nginx/mime.types;
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    upstream app { server app.internal:3000; }
    include /etc/nginx/sites-enabled/*;
}
`;

const SITE = `server {
    listen 80 default_server;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl;
    http2 on;
    server_name shop.com;
    ssl_certificate /etc/letsencrypt/live/shop.com/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/shop.com/privkey.pem;
    add_header Content-Security-Policy "default-src 'self'; script-src 'self' 'unsafe-inline'" always;
    add_header Strict-Transport-Security "max-age=63072000" always;
    location / {
        proxy_pass http://app;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }
    location /reports/ { proxy_pass http://reports.internal:8000; }
}
`;

const PAGE = `<!doctype html><title>shop</title><h1>the shop</h1><output></output><script>
const socket = new WebSocket('wss://' + location.host + '/events');
socket.onmessage = ({ data }) => { document.querySelector('output').textContent = data; };
</script>`;

const certutil = programIn({ environment: process.env } as Machine, 'certutil');
const skip = noBrowser || (certutil === null ? 'certutil is not installed' : process.platform !== 'linux');

test('a browser follows the redirect to https, opens a WebSocket, and sees which upstream is missing', {
  skip,
}, async (t) => {
  const home = directory(t);
  const environment = { PATH: process.env.PATH, HOME: home };
  const machine: Machine = { platform: 'linux', environment, home, uid: 1000, systemRoot: home };
  const ca = LocalCa.open(join(home, '.data/tsproxy/ca'));
  for (const store of trustStoresOf(machine).stores)
    assert.deepEqual(store.add({ certificate: ca.root, file: ca.rootFile }), { done: true });

  const server = createServer(({ headers }, response) => {
    response.setHeader('Set-Cookie', 'session=1; Domain=shop.com; Secure; HttpOnly');
    response.setHeader('Content-Type', 'text/html');
    response.end(headers.host === 'shop.com' ? PAGE : `wrong host ${headers.host}`);
  });
  const sockets = new WebSocketServer({ server });
  t.after(() => sockets.close());
  sockets.on('connection', (socket, { headers }) => socket.send(`hello ${headers.origin} ${headers.cookie}`));
  const port = await listening(t, server);
  writeFiles(home, { 'nginx/nginx.conf': MAIN, 'nginx/sites-enabled/shop': SITE });
  const dev = await startDev(t, home, ['nginx/nginx.conf', '--upstream', `app=localhost:${port}`]);
  const [, plain] = await dev.shows(/ http:\/\/localhost:(\d+)\//);
  const [, secure] = await dev.shows(/ https:\/\/shop\.com\.localhost:(\d+)\//);

  const page = await (await browser(t, ['--no-proxy-server'], { HOME: home })).newPage();
  await page.goto(`http://shop.com.localhost:${plain}/`);
  assert.equal(page.url(), `https://shop.com.localhost:${secure}/`);
  await page.waitForFunction(`document.querySelector('output')?.textContent !== ''`);
  assert.equal(await page.evaluate(`document.querySelector('output').textContent`), 'hello https://shop.com session=1');
  const missing = await page.goto(`https://shop.com.localhost:${secure}/reports/`);
  assert.equal(missing?.status(), 502);
  const text = String(await page.evaluate('document.body.innerText'));
  assert.match(text, /^502\n+reports\.internal:8000 cannot be reached\n/);
  assert.match(text, /nginx\/sites-enabled\/shop:20\b[\s\S]*--upstream reports\.internal=localhost:3000/);
  // The style of the page applies, in spite of the site's policy.
  assert.equal(await page.evaluate(`getComputedStyle(document.querySelector('main')).maxWidth`), '736px');
  await dev.shows(/GET +shop\.com\.localhost\S*\/reports\/ +502|GET +shop\.com\/reports\/ +502/);
});

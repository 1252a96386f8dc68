/** Reloads with changing certificates under open WebSocket tunnels; the suite runs some, `bench/tls-reloads.ts` many. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  certificateFor,
  certificates,
  startProxy,
  type WebSocketClient,
  websocket,
  websocketEcho,
} from '../kit/index.js';

/** Counts of a run. */
export interface ReloadRun {
  readonly tunnels: number;
  readonly reloads: number;
}

/** Returns the number of tunnels closed, messages lost, and wrong certificates. */
export async function reloadUnderTunnels({
  tunnels,
  reloads,
}: ReloadRun): Promise<{ closed: number; lost: number; wrong: number }> {
  const authority = certificates();
  const echo = await websocketEcho();
  const text = (n: number): string => `server {
    listen 127.0.0.1:0 ssl; ssl_certificate own.crt; ssl_certificate_key own.key;
    location / {
      proxy_pass http://127.0.0.1:${echo.port}; proxy_http_version 1.1; proxy_read_timeout 1h;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }
    location /n { return 200 ${n}; }
  }`;
  const files = { 'own.crt': authority.read('ec.crt'), 'own.key': authority.read('ec.key') };
  const proxy = await startProxy(text(0), {}, { files });
  const trust = { ca: authority.read('ca.crt'), servername: 'localhost' };
  const clients: WebSocketClient[] = [];
  for (let i = 0; i < tunnels; i++) clients.push(await websocket(proxy.port, '/', {}, trust));
  let closed = 0;
  for (const client of clients) void client.closed.then(() => closed++);
  let [lost, wrong] = [0, 0];
  for (let n = 1; n <= reloads; n++) {
    const name = n % 2 === 0 ? 'ec' : 'other';
    for (const ending of ['crt', 'key']) {
      copyFileSync(join(authority.directory, `${name}.${ending}`), join(proxy.directory, `own.${ending}`));
    }
    // Messages are in flight during the reload.
    const asked = clients.map((client, i) => client.ask(`${n} ${i}`));
    await proxy.reload(text(n));
    for (const [i, answer] of (await Promise.all(asked)).entries()) if (answer !== `${n} ${i}`) lost++;
    if ((await certificateFor(proxy.port, 'x')) !== (name === 'ec' ? 'example.com' : 'other.example')) wrong++;
  }
  const result = { closed, lost, wrong };
  for (const client of clients) client.socket.terminate();
  await proxy.close();
  await echo.close();
  return result;
}

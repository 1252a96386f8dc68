import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, serve } from '../cli/running.js';
import { until, websocket, websocketEcho } from '../kit/index.js';

test('messages of a key are counted over the WebSockets of all workers', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  let received = 0;
  echo.sockets.on('connection', (socket) => socket.on('message', () => received++));
  const port = await freePort();
  await serve(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 2;
events { }
http {
    access_log off; proxy_websocket on;
    websocket_limit_zone $arg_k zone=z:1m;
    server {
        listen 127.0.0.1:${port};
        location /close { websocket_limit_messages 20/h zone=z; proxy_pass http://127.0.0.1:${echo.port}; }
        location /delay { websocket_limit_bytes 40/s burst=1 zone=z delay; proxy_pass http://127.0.0.1:${echo.port}; }
    }
}
`,
  );
  const clients = await Promise.all(Array.from({ length: 8 }, () => websocket(port, '/close?k=a')));
  for (let i = 0; i < 10; i++) for (const client of clients) client.send('x');
  assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), new Array(8).fill(1008));
  await until('the end at the back end', () => echo.open === 0);
  assert.equal(received, 20);

  const delayed = await websocket(port, '/delay?k=b');
  const start = performance.now();
  for (let i = 0; i < 9; i++) delayed.send(String(i));
  for (let i = 0; i < 9; i++) assert.equal(await delayed.next(), String(i));
  // 25 ms for each byte beyond the first two; the clock of the zone has whole milliseconds.
  assert.ok(performance.now() - start >= 165);
  await delayed.close();
});

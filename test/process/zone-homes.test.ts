/** Contents of zones while the number of workers, and with it the process that keeps the zones, changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, serve } from '../cli/running.js';
import { type Connection, connect, get, request, scriptedBackend, until } from '../kit/index.js';

test('counts and rates are kept where a reload turns one worker into two, and two into one', async (t) => {
  let ended = 0;
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    await connection.reader.all();
    ended++;
  });
  t.after(() => backend.close());
  const port = await freePort();
  const text = (workers: number) => `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes ${workers}; events { }
    http {
      access_log off;
      limit_conn_zone $uri zone=c:1m; limit_req_zone $uri zone=r:1m rate=1r/m;
      server {
        listen 127.0.0.1:${port};
        location /held { limit_conn c 2; proxy_pass http://127.0.0.1:${backend.port}; }
        location /rate { limit_req zone=r burst=1 nodelay; empty_gif; }
      }
    }`;
  const proxy = await serve(t, text(1));
  const reload = async (workers: number, generation: number): Promise<void> => {
    proxy.prefix.write('nginx.conf', text(workers));
    proxy.signal('SIGHUP');
    await until('all have it', () => {
      const started = proxy.prefix.log.split(`generation ${generation} started`).length - 1;
      return started === workers;
    });
  };
  const hold = async (): Promise<Connection> => (await connect(port)).send(request('/held'));
  const first = [await hold(), await hold()];
  await until('two are under way', () => backend.connections.length === 2);
  assert.deepEqual([(await get(port, '/rate')).status, (await get(port, '/rate')).status], [200, 200]);

  const refuseMore = async (): Promise<void> => {
    for (const path of ['/held', '/held', '/held', '/rate', '/rate']) assert.equal((await get(port, path)).status, 503);
  };
  await refuseMore();
  await reload(2, 2);
  await refuseMore();
  await reload(1, 3);
  await refuseMore();

  // Requests that started in the first backend are given back in the second.
  first[0]?.close();
  await until('its place is free', () => ended === 1);
  await hold();
  await until('another has it', () => backend.connections.length === 3);
  await refuseMore();
});

/** The API of a proxy with three worker processes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, until, websocket, websocketEcho } from '../kit/index.js';
import { api, eventually } from '../modules/api-client.js';
import { freePort, serve } from './running.js';

/**
 * Changes keys. The API answers 503 if the master did not respond within a second, as on a busy machine: the change is then
 * repeated, and may have been made before.
 */
async function changeKeys(port: number, method: 'POST' | 'PATCH', value: string): Promise<void> {
  const expected = [method === 'POST' ? 201 : 204];
  await eventually(`${method} succeeds`, async () => {
    const { status, body } = await api(port, method, '/http/keyvals/names', { a: value });
    if (status === 503) {
      if (method === 'POST') expected.push(409);
      return false;
    }
    assert.ok(expected.includes(status), `${status} ${JSON.stringify(body)}`);
    return true;
  });
}

test('three workers have each change when the API answers, also when one of them was killed', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const port = await freePort();
  const back = await freePort();
  const running = await serve(
    t,
    `user root; worker_processes 3; pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice;
    events {}
    http {
      access_log off;
      keyval_zone zone=names:64k state=%%DIR%%/names.json;
      keyval $arg_name $value zone=names;
      upstream app { zone app 64k; state %%DIR%%/app.conf; }
      server {
        listen 127.0.0.1:${port};
        location /api/ { api write=on; }
        location /app { proxy_pass http://app; }
        location /value { return 200 "$value $pid"; }
        location /ws {
          proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
          proxy_pass http://127.0.0.1:${echo.port};
        }
      }
      server { listen 127.0.0.1:${back}; return 200 here; }
    }`,
  );
  const everyWorker = async (check: () => Promise<string>): Promise<void> => {
    for (let i = 0; i < 12; i++) await check();
  };
  for (let round = 0; round < 10; round++) {
    const value = `v${round}`;
    await changeKeys(port, round === 0 ? 'POST' : 'PATCH', value);
    await everyWorker(async () => {
      const [found, pid = ''] = (await get(port, '/value?name=a')).body.split(' ');
      assert.equal(found, value);
      return pid;
    });
  }
  assert.equal((await api(port, 'POST', '/http/upstreams/app/servers', { server: `127.0.0.1:${back}` })).status, 201);
  await everyWorker(async () => {
    const { body } = await get(port, '/app');
    assert.equal(body, 'here');
    return body;
  });
  const [peer] = (await api(port, 'GET', '/http/upstreams/app')).body.peers;
  assert.deepEqual([peer.requests, peer.responses.total, peer.responses['2xx']], [12, 12, 12]);

  const clients = await Promise.all(Array.from({ length: 9 }, () => websocket(port, '/ws')));
  assert.equal((await api(port, 'GET', '/http/tunnels')).body.total, 9);
  assert.deepEqual((await api(port, 'DELETE', '/http/tunnels?location=/ws&code=4001')).body, { closed: 9 });
  assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), new Array(9).fill(4001));

  const workers = (await api(port, 'GET', '/workers')).body.map(({ pid }: { pid: number }) => pid);
  assert.equal(workers.length, 3);
  process.kill(workers[0], 'SIGKILL');
  await running.logged(/exited on signal 9/);
  await eventually('three workers answer', async () => (await api(port, 'GET', '/workers')).body.length === 3);
  assert.deepEqual((await api(port, 'GET', '/processes')).body, { respawned: 1 });
  await everyWorker(async () => {
    const [value = ''] = (await get(port, '/value?name=a')).body.split(' ');
    assert.equal(value, 'v9');
    return value;
  });
  const servers = (await api(port, 'GET', '/http/upstreams/app/servers')).body;
  running.signal('SIGHUP');
  await until('the configuration is in force', () => running.prefix.log.includes('generation 2 started'));
  assert.deepEqual((await api(port, 'GET', '/http/upstreams/app/servers')).body, servers);
  assert.deepEqual((await api(port, 'GET', '/http/keyvals/names')).body, { a: 'v9' });
  assert.equal(running.prefix.read('app.conf'), `server 127.0.0.1:${back};\n`);
});

test('a change to which the master does not respond in time is answered with 503, and made later', async (t) => {
  const port = await freePort();
  const running = await serve(
    t,
    `user root; worker_processes 2; pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice;
    events {}
    http {
      access_log off;
      keyval_zone zone=names:64k;
      keyval $arg_name $value zone=names;
      server { listen 127.0.0.1:${port}; location /api/ { api write=on; } }
    }`,
  );
  await changeKeys(port, 'POST', 'before');
  running.signal('SIGSTOP');
  const { status, body } = await api(port, 'PATCH', '/http/keyvals/names', { a: 'after' });
  running.signal('SIGCONT');
  assert.deepEqual(body, {
    error: {
      status: 503,
      text: 'the master process does not respond; a change may still be made when it responds again',
      code: 'MasterUnavailable',
    },
  });
  assert.equal(status, 503);
  await eventually('the change is made', async () => {
    return (await api(port, 'GET', '/http/keyvals/names')).body.a === 'after';
  });
});

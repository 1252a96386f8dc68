/** Tunnels of a proxy with worker processes, at a reload and at a shutdown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, type WebSocketClient, websocket, websocketEcho } from '../kit/index.js';
import { freePort, serve } from './running.js';

test('HUP logs its changes, and sends Close 1012; QUIT sends Close 1001; with two worker processes', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const port = await freePort();
  const location = (path: string): string =>
    `location ${path} { proxy_pass http://127.0.0.1:${echo.port}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
  const configuration = (locations: string): string =>
    `worker_processes 2; pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice;
    events {}
    http {
      access_log off;
      tunnel_drain on spread=500ms timeout=5s;
      server { listen 127.0.0.1:${port}; server_name localhost; ${locations} }
    }`;
  const running = await serve(t, configuration(`${location('/stays')} ${location('/leaves')}`));
  const open = async (path: string): Promise<WebSocketClient[]> => {
    const clients: WebSocketClient[] = [];
    for (let i = 0; i < 10; i++) clients.push(await websocket(port, path));
    return clients;
  };
  const stays = await open('/stays');
  const leaves = await open('/leaves');

  running.prefix.write('nginx.conf', configuration(location('/stays')));
  running.signal('SIGHUP');
  assert.deepEqual(await Promise.all(leaves.map(({ closed }) => closed)), new Array(10).fill(1012));
  await running.logged(/removed location \/leaves of server localhost \(.*nginx\.conf:6\)/);
  await until('all workers have logged the fate of tunnels', () => {
    const output = [...running.prefix.log.matchAll(/tunnels: (\d+) stay(?:, (\d+) drain)?/g)];
    const sum = (group: number) => output.reduce((all, match) => all + Number(match[group] ?? 0), 0);
    return sum(1) === 10 && sum(2) === 10;
  });
  await until('generation 1 has ended', () => running.prefix.log.includes('generation 1 exited with code 0'));
  for (const client of stays) assert.equal(await client.ask('here'), 'here');

  running.signal('SIGQUIT');
  assert.deepEqual(await Promise.all(stays.map(({ closed }) => closed)), new Array(10).fill(1001));
  assert.equal(await running.exited, 0);
  await until('the back end has noticed', () => echo.closeCodes.length === 20);
  assert.deepEqual(echo.closeCodes.sort(), [...new Array(10).fill(1001), ...new Array(10).fill(1012)]);
});

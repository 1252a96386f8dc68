import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answeringBackend,
  connect,
  reply,
  request,
  startProxy,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';

test('a hundred reloads under load close no tunnel, fail no request, and leave nothing behind', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const backend = await answeringBackend(() => reply('ok'));
  t.after(() => backend.close());
  const configuration = `
    upstream application { server 127.0.0.1:${backend.port}; }
    access_log off;
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://application; }
      location /ws {
        proxy_pass http://127.0.0.1:${echo.port};
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
      }
    }`;
  const proxy = await startProxy(configuration);
  t.after(() => proxy.close());
  const tunnels = await Promise.all(Array.from({ length: 20 }, () => websocket(proxy.port, '/ws')));
  let closed = 0;
  for (const { closed: ended } of tunnels) void ended.then(() => closed++);

  let running = true;
  let answers = 0;
  const client = async (): Promise<void> => {
    const connection = await connect(proxy.port);
    while (running) {
      connection.send(request('/', { fields: ['Connection: keep-alive'] }));
      const answer = await connection.answer();
      assert.equal(answer.body, 'ok');
      answers++;
    }
    connection.close();
  };
  const clients = Array.from({ length: 8 }, client);
  const talking = tunnels.map(async (tunnel) => {
    for (let i = 0; running; i++) assert.equal(await tunnel.ask(`message ${i}`), `message ${i}`);
  });
  for (let i = 0; i < 100; i++) await proxy.reload(configuration);
  const seen = answers;
  await until('requests go on under the last configuration', () => answers > seen + 8);
  running = false;
  await Promise.all([...clients, ...talking]);

  assert.equal(closed, 0);
  assert.ok(proxy.proxy.status.generations <= 2, 'the first one has tunnels, the last one is in force');
  await Promise.all(tunnels.map((tunnel) => tunnel.close()));
  await until('all other generations have ended', () => proxy.proxy.status.generations === 1);
  assert.equal(proxy.messages().filter((message) => message.endsWith('exited with code 0')).length, 100);
  await until('connections to the back end of old generations are closed', () => backend.open <= clients.length);
  assert.deepEqual(
    proxy.entries.filter(({ level }) => !['notice', 'info', 'debug'].includes(level)),
    [],
  );
});

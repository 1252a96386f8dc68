/** What one meets rarely of a proxy: bodies made of bodies, answers that were cut, unix sockets that are not there. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  get,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

let echo: Backend;
let cutting: Backend;
let proxy: TestProxy;
before(async () => {
  echo = await answeringBackend(({ body }) => reply(`<${body}>`));
  cutting = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf').end();
  });
  proxy = await startProxy(
    `
    upstream both { server 127.0.0.1:%%CUTTING%%; server 127.0.0.1:%%ECHO%% backup; }
    server {
      listen 127.0.0.1:0;
      location /wrapped { proxy_set_body "[$request_body]"; proxy_pass http://127.0.0.1:%%ECHO%%; }
      location /streamed { proxy_request_buffering off; proxy_set_body "[$request_body]"; proxy_pass http://127.0.0.1:%%ECHO%%; }
      location /cut { proxy_pass http://both; }
      location /unix/ { proxy_pass http://unix:%%DIR%%/none.sock:/base/; }
    }`,
    { ECHO: echo.port, CUTTING: cutting.port },
  );
});
after(async () => {
  await proxy.close();
  await Promise.all([echo.close(), cutting.close()]);
});

test('proxy_set_body may hold the body of the client', async () => {
  for (const path of ['/wrapped', '/streamed']) {
    assert.equal((await get(proxy.port, path, { method: 'POST', body: 'hello' })).body, '<[hello]>');
    assert.equal((await get(proxy.port, path)).body, '<[]>');
  }
});

test('a server whose answer was cut has answered, and is asked again', async () => {
  for (let times = 0; times < 3; times++) assert.equal((await get(proxy.port, '/cut')).body, 'half');
  assert.equal(cutting.connections.length, 3);
  assert.equal(proxy.messages('error').filter((message) => message.includes('prematurely closed')).length, 3);
});

test('a unix socket that is not there is named in the log', async () => {
  assert.equal((await get(proxy.port, '/unix/x')).status, 502);
  const [message = ''] = proxy.messages('crit');
  const socket = `unix:${proxy.directory}/none.sock`;
  const start = `connect() to ${socket} failed (2: No such file or directory) while connecting to upstream, client: `;
  assert.equal(message.replace(/^\*\d+ /, '').slice(0, start.length), start);
  assert.ok(message.includes(`, upstream: "http://${socket}:/base/x", `), message);
});

/** Rare cases of proxying: bodies made of bodies, truncated responses, missing unix sockets. */
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
  echo = await answeringBackend(({ body, target }) => {
    if (target === '/own-words') return reply('theirs', { status: '404 Lost In Space' });
    return reply(`<${body}>`, { fields: target.startsWith('/ranges') ? ['Accept-Ranges: bytes'] : [] });
  });
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
      location /ranges { proxy_force_ranges on; proxy_pass http://127.0.0.1:%%ECHO%%; }
      location /gone { error_page 410 =404 /own-words; return 410; }
      location /own-words { proxy_pass http://127.0.0.1:%%ECHO%%; }
      location /nowhere { set $host_name nowhere.example; proxy_pass http://$host_name; error_page 502 =503 /told; }
      location /told { return 200 "told $proxy_host"; }
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

test('with forced ranges, Accept-Ranges is sent once', async () => {
  assert.equal((await get(proxy.port, '/ranges')).field('accept-ranges'), 'bytes');
});

test('an error page has the words of its status, whatever the upstream says that gives it', async () => {
  const answer = await get(proxy.port, '/gone');
  assert.deepEqual([answer.statusLine, answer.body], ['HTTP/1.1 404 Not Found', 'theirs']);
  assert.equal((await get(proxy.port, '/own-words')).statusLine, 'HTTP/1.1 404 Lost In Space');
});

test('a name that there is no resolver for is a bad gateway', async () => {
  assert.deepEqual((await get(proxy.port, '/nowhere')).status, 503);
  assert.ok(
    proxy.messages('error').some((message) => message.includes('no resolver defined to resolve nowhere.example')),
  );
});

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  answeringBackend,
  EventClient,
  closedPort as freePort,
  get,
  reply,
  websocket,
  websocketEcho,
} from '../../kit/index.js';
import { directory, startDev, writeFiles } from './dev-process.js';

test('requests have a line with method, host, path, status, place, upstream and time', async (t) => {
  const cwd = directory(t);
  const port = await freePort();
  const backend = await answeringBackend(reply('hello'));
  t.after(() => backend.close());
  writeFiles(cwd, {
    'nginx.conf': `events {}
http {
    server {
        listen 127.0.0.1:${port};
        location / { return 204; }
        location /api/ {
            proxy_pass http://127.0.0.1:${backend.port};
        }
    }
}`,
  });
  const dev = await startDev(t, cwd, []);
  assert.equal(
    (await get(port, '/api/items?token=secret', { method: 'POST', fields: ['Host: shop.test'] })).status,
    200,
  );
  const [line] = await dev.shows(/^.*\/api\/items.*$/m);
  assert.match(
    line,
    new RegExp(
      String.raw`^\d\d:\d\d:\d\d  POST    shop\.test/api/items\?token=\[redacted\]  200  nginx\.conf:6  -> 127\.0\.0\.1:${backend.port}  \S+ m?s$`,
    ),
  );
  // U+009B, a control character that terminals interpret.
  // Requests for the console have no line.
  const [, console = ''] = await dev.shows(/console {2}http:\/\/localhost:(\d+)\//);
  assert.match((await get(Number(console), '/console-page')).status.toString(), /^404$/);
  await get(port, '/missing/\xc2\x9b31mred');
  const [escaped] = await dev.shows(/^.*\/missing.*$/m);
  assert.doesNotMatch(dev.text, /console-page/);
  assert.match(escaped, /\/missing\/\\u\{9b\}31mred {2}204 {2}nginx\.conf:5/);
});

test('WebSockets have a line when they open and close, and event streams when they begin and end', async (t) => {
  const cwd = directory(t);
  const port = await freePort();
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const events = await answeringBackend(async (_request, connection) => {
    connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\ndata: two\n\n');
    return '';
  });
  t.after(() => events.close());
  writeFiles(cwd, {
    'nginx.conf': `events {}
http {
    server {
        listen 127.0.0.1:${port};
        location /ws {
            proxy_pass http://127.0.0.1:${echo.port};
            proxy_websocket on;
        }
        location /events { proxy_pass http://127.0.0.1:${events.port}; proxy_buffering off; }
    }
}`,
  });
  const dev = await startDev(t, cwd, []);
  const socket = await websocket(port, '/ws');
  await dev.shows(/ WS {6}127\.0\.0\.1\/ws {2}open {2}nginx\.conf:5 {2}-> 127\.0\.0\.1:\d+$/m);
  await socket.ask('hello');
  await socket.close(1001);
  await dev.shows(/ WS {6}127\.0\.0\.1\/ws {2}close {2}1001 by client {2}after .* 1 messages received, 1 sent$/m);
  const client = new EventClient(port, '/events');
  await client.end();
  await dev.shows(/ SSE {5}127\.0\.0\.1:\d+\/events {2}open$|SSE {5}127\.0\.0\.1\/events {2}open$/m);
  await dev.shows(/\/events {2}200 {2}nginx\.conf:9 .*event stream closed after 2 events$/m);
});

test('saved changes are applied, also by renaming and in new files of a pattern; a mistake is shown and not applied', async (t) => {
  const cwd = directory(t);
  const port = await freePort();
  const main = (status: string): string =>
    `events {}\nhttp {\n  server {\n    listen 127.0.0.1:${port};\n    ${status}\n    include sites/*.conf;\n  }\n}\n`;
  writeFiles(cwd, { 'nginx.conf': main('location / { return 200 one; }'), 'sites/README': '' });
  const dev = await startDev(t, cwd, []);
  const body = async (path = '/'): Promise<string> => (await get(port, path)).body;
  assert.equal(await body(), 'one');

  writeFiles(cwd, { 'nginx.conf.new': main('location / { return 200 two; }') });
  renameSync(join(cwd, 'nginx.conf.new'), join(cwd, 'nginx.conf'));
  await dev.shows(/reloaded \(nginx\.conf\)/);
  assert.equal(await body(), 'two');

  writeFiles(cwd, { 'nginx.conf': main('location / { retrun 200 three; }') });
  await dev.shows(/unknown directive "retrun"[\s\S]*nginx\.conf:5:[\s\S]*did you mean "return"[\s\S]*not reloaded/);
  assert.equal(await body(), 'two');

  writeFiles(cwd, { 'nginx.conf': main('location / { return 200 four; }') });
  await dev.shows(/not reloaded[\s\S]*reloaded \(nginx\.conf\)/);
  assert.equal(await body(), 'four');

  writeFiles(cwd, { 'sites/new.conf': 'location /new { return 200 new; }' });
  await dev.shows(/reloaded \(sites\/new\.conf\)/);
  assert.equal(await body('/new'), 'new');
});

test('a signal ends it at once with exit code 0, also with an open connection', async (t) => {
  const cwd = directory(t);
  const port = await freePort();
  const echo = await websocketEcho();
  t.after(() => echo.close());
  writeFiles(cwd, {
    'nginx.conf': `events {} http { server { listen 127.0.0.1:${port}; location / {
      proxy_pass http://127.0.0.1:${echo.port}; proxy_websocket on; } } }`,
  });
  const dev = await startDev(t, cwd, []);
  const socket = await websocket(port, '/');
  dev.child.kill('SIGINT');
  assert.equal(await dev.exited, 0);
  await socket.closed;
});

test('a configuration with errors is not started: exit code 1, and all findings', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, { 'nginx.conf': 'events {} http { server { lissen 80; retrun 200; } }' });
  const dev = await startDev(t, cwd, []);
  assert.equal(await dev.exited, 1);
  assert.match(dev.text, /unknown directive "lissen"[\s\S]*unknown directive "retrun"[\s\S]*2 errors/);
});

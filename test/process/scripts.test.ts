/** Scripts in worker processes. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, launch, Prefix } from '../cli/running.js';
import { get, until, websocket, websocketEcho } from '../kit/index.js';

const MAIN = `
  const kept = [];
  export function exhaust() { for (;;) kept.push(new Array(1 << 20).fill(kept.length + 0.5)); }
  export function hello(r) { r.return(200, [ngx.worker_id, process.pid].join()); }
`;

test('workers run modules that only root can read; one whose memory a script exhausts is replaced', async (t) => {
  const port = await freePort();
  const prefix = new Prefix(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info;
     events { }
     http { access_log off; js_import main.js;
       server { listen 127.0.0.1:${port};
         location /exhaust { js_content main.exhaust; } location / { js_content main.hello; } } }`,
  );
  prefix.write('main.js', MAIN);
  // Workers of root run as another user.
  chmodSync(join(prefix.path, 'main.js'), 0o600);
  const proxy = launch(t, prefix, { env: { NODE_OPTIONS: '--max-old-space-size=96' } });
  await until('it serves', () => prefix.read('nginx.pid') !== '' || proxy.child.exitCode !== null);
  const { body: first } = await get(port);
  assert.match(first, /^0,\d+$/, prefix.log);
  await assert.rejects(get(port, '/exhaust'));
  await proxy.logged(new RegExp(`worker process ${first.slice(2)} exited on signal 6`));
  await proxy.logged(/has aborted itself: Node\.js aborts a process whose memory is exhausted/);
  await proxy.logged(
    new RegExp(
      `worker process ${first.slice(2)} has called the function "main\\.exhaust" of "js_content" \\(\\S*/main\\.js:3:\\d+\\) last`,
    ),
  );
  let second = first;
  for (let i = 0; i < 100 && second === first; i++) {
    second = await get(port).then(
      ({ body }) => body,
      () => first,
    );
    await pause(20);
  }
  assert.match(second, /^0,\d+$/);
  assert.notEqual(second, first);
});

const MESSAGES = `
  const kept = [];
  function recurse(n) { return recurse(n + 1) + 1; }
  export const onMessage = (r, message) => {
    const { text } = message;
    if (text === 'pid') message.replace(String(process.pid));
    if (text === 'recurse') recurse(0);
    if (text === 'exhaust') for (;;) kept.push(new Array(1 << 20).fill(kept.length + 0.5));
    if (text === 'block') for (const end = Date.now() + 60_000; Date.now() < end; );
  };
  export function later(r) {
    setTimeout(() => { for (const end = Date.now() + 60_000; Date.now() < end; ); }, 1);
    r.return(200);
  }
  export function pid(r) { r.return(200, String(process.pid)); }
`;

test('the log names the function with which a worker has exhausted its memory or was blocked', async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const port = await freePort();
  const prefix = new Prefix(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 2; worker_heartbeat_timeout 3s;
     events { }
     http { access_log off; js_import main.js;
       server { listen 127.0.0.1:${port};
         location /ws { proxy_pass ws://127.0.0.1:${echo.port}; js_websocket_message main.onMessage from=client; }
         location /later { js_content main.later; }
         location / { js_content main.pid; } } }`,
  );
  prefix.write('main.js', MESSAGES);
  const proxy = launch(t, prefix, { env: { NODE_OPTIONS: '--max-old-space-size=96' } });
  await until('it serves', () => prefix.read('nginx.pid') !== '' || proxy.child.exitCode !== null);
  const called = (pid: string, name: string, line: number): Promise<void> =>
    proxy.logged(
      new RegExp(`worker process ${pid} has called the function ${name} \\(\\S*/main\\.js:${line}:\\d+\\) last`),
    );

  const recursing = await websocket(port, '/ws');
  recursing.send('recurse');
  assert.equal(await recursing.closed, 1011);
  await proxy.logged(/js exception: RangeError: Maximum call stack size exceeded at recurse/);

  const exhausting = await websocket(port, '/ws');
  const first = String(await exhausting.ask('pid'));
  exhausting.send('exhaust');
  await exhausting.closed;
  await called(first, '"main.onMessage" of "js_websocket_message"', 4);

  const blocking = await websocket(port, '/ws');
  const second = String(await blocking.ask('pid'));
  blocking.send('block');
  assert.notEqual(await answer(port), second, 'the other worker responds');
  await blocking.closed;
  await proxy.logged(new RegExp(`worker process ${second} does not respond`));
  await called(second, '"main.onMessage" of "js_websocket_message"', 4);

  await get(port, '/later');
  await proxy.logged(/has called the function "main\.later" of "js_content" \(\S*\/main\.js:11:\d+\) last/);
  await answer(port);
});

/** The response of a worker, also while another one is replaced. */
async function answer(port: number): Promise<string> {
  for (;;) {
    const body = await get(port).then(
      (response) => response.body,
      () => '',
    );
    if (body !== '') return body;
    await pause(20);
  }
}

/** Scripts in worker processes. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, launch, Prefix } from '../cli/running.js';
import { get, until } from '../kit/index.js';

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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, serve } from '../cli/running.js';
import { answeringBackend, get, reply } from '../kit/index.js';

test('a response that is removed through the API of one worker is served by none of them', async (t) => {
  let count = 0;
  const backend = await answeringBackend(() => reply(`page ${++count}`));
  t.after(() => backend.close());
  const port = await freePort();
  await serve(
    t,
    `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 2;
events { }
http {
    access_log off;
    proxy_cache_path %%DIR%%/cache levels=1:2 keys_zone=pages:1m;
    server {
        listen 127.0.0.1:${port};
        add_header X-Pid $pid;
        location /api/ { api write=on; }
        location / {
            proxy_pass http://127.0.0.1:${backend.port};
            proxy_cache pages;
            proxy_cache_key $uri;
            proxy_cache_valid 1h;
            proxy_cache_memory 1m;
        }
    }
}
`,
  );
  /** Requests the page until both workers have answered with this body. */
  const servedByBoth = async (body: string) => {
    const pids = new Set<string>();
    for (let i = 0; pids.size < 2 && i < 1000; i++) {
      const answer = await get(port, '/page');
      if (answer.body === body) pids.add(answer.field('x-pid') ?? '');
    }
    assert.equal(pids.size, 2);
  };
  await servedByBoth('page 1');
  const listed = await get(port, '/api/9/http/caches/pages/entries?key=/page');
  assert.match(listed.body, /"key":"\/page","status":200/);
  const removal = await get(port, '/api/9/http/caches/pages/entries?key=/p*', {
    method: 'DELETE',
    fields: ['Content-Type: application/json'],
  });
  assert.equal(removal.body, '{"removed":1}\n');
  await servedByBoth('page 2');
  for (let i = 0; i < 10; i++) assert.equal((await get(port, '/page')).body, 'page 2');
});

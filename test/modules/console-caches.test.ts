import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeringBackend, get, reply, startProxy } from '../kit/index.js';
import { eventually } from './api-client.js';
import { ask, tokenField } from './console-client.js';

test('the console lists caches and stored responses, and removes them with its token only', async (t) => {
  const backend = await answeringBackend(({ target }) => reply(`page ${target}`));
  const proxy = await startProxy(`
    proxy_cache_path %%DIR%%/cache keys_zone=pages:1m max_size=1m;
    server {
      listen 127.0.0.1:0;
      location /console/ { console control=on; }
      location / { proxy_pass http://127.0.0.1:${backend.port}; proxy_cache pages; proxy_cache_key $uri; proxy_cache_valid 1h; }
    }`);
  t.after(() => Promise.all([proxy.close(), backend.close()]));
  const { port } = proxy;
  const json = async (path: string) => JSON.parse((await get(port, `/console/${path}`)).body);
  for (const path of ['/a', '/b/1', '/b/2']) await get(port, path);
  await eventually('the responses are listed', async () => (await json('caches'))[0].entries === 3);
  assert.deepEqual(await json('caches'), [
    { name: 'pages', size: 12_288, maxSize: 1_048_576, cold: false, entries: 3 },
  ]);
  const { entries, next } = await json('caches/pages/entries?key=/b/*');
  assert.deepEqual([entries.map(({ key }: { key: string }) => key).sort(), next], [['/b/1', '/b/2'], null]);
  assert.equal((await get(port, '/console/caches/other/entries')).status, 404);
  assert.equal((await get(port, '/console/caches/pages/entries?from=x')).status, 400);

  const token = await tokenField(port);
  assert.equal((await ask(port, 'caches/pages/purge', { key: '*' })).status, 403);
  assert.equal((await ask(port, 'caches/pages/purge', { key: 1 }, [token])).status, 400);
  assert.deepEqual((await ask(port, 'caches/pages/purge', { key: '/b/*' }, [token])).body, { removed: 2 });
  assert.deepEqual(
    (await json('caches/pages/entries')).entries.map(({ key }: { key: string }) => key),
    ['/a'],
  );
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answeringBackend, get, reply, startProxy, type TestProxy } from '../kit/index.js';

interface Cached {
  readonly proxy: TestProxy;
  files(): string[];
  status(path: string): Promise<string>;
}

/** A proxy with a cache in memory; `/plain/` has no memory. The back end answers with the path and the number of its request. */
async function cached(t: TestContext): Promise<Cached> {
  let count = 0;
  const backend = await answeringBackend(({ target }) => {
    const size = Number(/size=([0-9]+)/.exec(target)?.[1] ?? 0);
    const fields = target.includes('vary') ? ['Vary: X-Language'] : [];
    return reply(`${target} ${++count} ${'x'.repeat(size)}`, { fields });
  });
  t.after(() => backend.close());
  const proxy = await startProxy(
    `
    proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
    server {
      listen 127.0.0.1:0;
      proxy_cache one;
      proxy_cache_valid 1h;
      proxy_cache_bypass $http_x_bypass;
      proxy_cache_key $uri$is_args$args;
      proxy_redirect off;
      add_header X-Cache $upstream_cache_status;
      location / { proxy_cache_memory 1m max_object=2k; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /plain/ { proxy_cache_memory off; proxy_pass http://127.0.0.1:%%PORT%%; }
      location /default/ { proxy_pass http://127.0.0.1:%%PORT%%; }
    }`,
    { PORT: backend.port },
  );
  t.after(() => proxy.close());
  const directory = join(proxy.directory, 'cache');
  return {
    proxy,
    files: () => readdirSync(directory).map((name) => join(directory, name)),
    status: async (path) => (await get(proxy.port, path)).field('x-cache') ?? '',
  };
}

/** Damages the body in such a way that size and time of the file stay. */
function damage(path: string): void {
  const { atime, mtime } = statSync(path);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = 0;
  writeFileSync(path, bytes);
  utimesSync(path, atime, mtime);
}

test('a small response is served from memory once it was read, and a larger one from its file', async (t) => {
  const { proxy, files, status } = await cached(t);
  for (const path of ['/a', '/a', '/a']) await get(proxy.port, path);
  for (const path of files()) damage(path);
  const response = await get(proxy.port, '/a');
  assert.equal(response.field('x-cache'), 'HIT');
  assert.match(response.body, /^\/a 1 $/);
  for (const path of ['/b?size=3000', '/b?size=3000']) await get(proxy.port, path);
  for (const path of files()) damage(path);
  assert.equal(await status('/b?size=3000'), 'MISS', 'the damaged file is a miss');
});

test('small responses are kept in memory by default', async (t) => {
  const { proxy, files } = await cached(t);
  for (let i = 0; i < 2; i++) await get(proxy.port, '/default/a');
  for (const path of files()) damage(path);
  const response = await get(proxy.port, '/default/a');
  assert.equal(response.field('x-cache'), 'HIT');
  assert.match(response.body, /^\/default\/a 1 $/);
});

test('a response that is stored again, or whose file is gone, is not served from memory', async (t) => {
  const { proxy, files, status } = await cached(t);
  for (let i = 0; i < 3; i++) await get(proxy.port, '/a');
  await get(proxy.port, '/a', { fields: ['X-Bypass: 1'] });
  const again = await get(proxy.port, '/a');
  assert.equal(again.field('x-cache'), 'HIT');
  assert.match(again.body, /^\/a 2 $/);
  for (const path of files()) unlinkSync(path);
  const deadline = Date.now() + 20_000;
  while ((await status('/a')) !== 'MISS') assert.ok(Date.now() < deadline, 'the file is looked at');
});

test('locations without memory read the file, and variants are told apart in memory', async (t) => {
  const { proxy, files, status } = await cached(t);
  for (let i = 0; i < 3; i++) await get(proxy.port, '/plain/a');
  for (const path of files()) truncateSync(path, 10);
  assert.equal(await status('/plain/a'), 'MISS');
  const language = async (name: string) => {
    const response = await get(proxy.port, '/vary', { fields: [`X-Language: ${name}`] });
    return `${response.field('x-cache')} ${response.body.trim()}`;
  };
  const first = [await language('en'), await language('de')];
  for (let i = 0; i < 3; i++) {
    const expected = first.map((text) => text.replace('MISS', 'HIT'));
    assert.deepEqual([await language('en'), await language('de')], expected);
  }
});

test('concurrent requests share a copy whose fields are rewritten for each of them', async (t) => {
  const { proxy } = await cached(t);
  await Promise.all(Array.from({ length: 50 }, () => get(proxy.port, '/c')));
  const warm = await Promise.all(Array.from({ length: 50 }, () => get(proxy.port, '/c')));

  assert.ok(warm.every((response) => response.field('x-cache') === 'HIT'));
  assert.equal(new Set(warm.map((response) => response.body)).size, 1);
});

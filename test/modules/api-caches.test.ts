import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answeringBackend, type Backend, get, reply, startProxy, type TestProxy } from '../kit/index.js';
import { api, eventually } from './api-client.js';

async function start(t: TestContext): Promise<{ proxy: TestProxy; backend: Backend }> {
  const backend = await answeringBackend(({ target }) =>
    reply(`page ${target}`, {
      fields: ['Content-Type: text/plain', ...(target.includes('vary') ? ['Vary: Accept-Language'] : [])],
    }),
  );
  const proxy = await startProxy(`
    proxy_cache_path %%DIR%%/cache levels=1:2 keys_zone=pages:1m max_size=10m;
    proxy_cache_path %%DIR%%/other keys_zone=other:1m;
    server {
      listen 127.0.0.1:0;
      add_header X-Cache $upstream_cache_status;
      location /api { api write=on; }
      location /show { api; }
      location / {
        proxy_cache_purge $http_x_purge;
        proxy_pass http://127.0.0.1:${backend.port};
        proxy_cache pages;
        proxy_cache_key $uri;
        proxy_cache_valid 200 1h;
      }
    }`);
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  return { proxy, backend };
}

/** Requests the paths, and waits until all are in the ledger. */
async function store(port: number, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) await get(port, path);
  await eventually('the responses are listed', async () => {
    const { body } = await api(port, 'GET', '/http/caches/pages');
    return body.entries >= paths.length;
  });
}

async function keys(port: number, query = ''): Promise<string[]> {
  const { body } = await api(port, 'GET', `/http/caches/pages/entries${query}`);
  return body.entries.map(({ key }: { key: string }) => key).sort();
}

test('caches are listed with their sizes', async (t) => {
  const { proxy } = await start(t);
  await store(proxy.port, '/a');
  const { status, body } = await api(proxy.port, 'GET', '/http/caches');
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body).sort(), ['other', 'pages']);
  assert.deepEqual([body.pages.entries, body.pages.size, body.pages.max_size], [1, 4096, 10_485_760]);
  assert.deepEqual([body.other.entries, body.other.size, body.other.max_size], [0, 0, undefined]);
  assert.equal((await api(proxy.port, 'GET', '/http/caches/none')).status, 404);
});

test('stored responses are listed with their keys, in parts', async (t) => {
  const { proxy } = await start(t);
  await store(proxy.port, '/a', '/b', '/c');
  const { body } = await api(proxy.port, 'GET', '/http/caches/pages/entries?key=/a');
  const [entry] = body.entries;
  assert.equal(body.entries.length, 1);
  assert.deepEqual([entry.key, entry.status, entry.content_type, entry.size], ['/a', 200, 'text/plain', 4096]);
  assert.equal(entry.fresh, true);
  assert.equal(Date.parse(entry.valid_until) - Date.parse(entry.stored), 3_600_000);
  assert.match(entry.hash, /^[0-9a-f]{32}$/);
  const found: string[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const part: { entries: { key: string }[]; next: number | null } = (
      await api(proxy.port, 'GET', `/http/caches/pages/entries?limit=1&from=${from}`)
    ).body;
    assert.ok(part.entries.length <= 1);
    for (const { key } of part.entries) found.push(key);
    from = part.next;
  }
  assert.deepEqual(found.sort(), ['/a', '/b', '/c']);
  assert.equal((await api(proxy.port, 'GET', '/http/caches/pages/entries?limit=0')).status, 400);
  assert.equal((await api(proxy.port, 'GET', '/http/caches/pages/entries?limit=x')).status, 400);
});

test('variants of a response are listed with the fields that select them', async (t) => {
  const { proxy } = await start(t);
  for (const language of ['en', 'de']) await get(proxy.port, '/vary', { fields: [`Accept-Language: ${language}`] });
  await store(proxy.port, '/vary', '/a');
  const { body } = await api(proxy.port, 'GET', '/http/caches/pages/entries?key=/vary');
  assert.ok(body.entries.length >= 2);
  for (const { key, vary } of body.entries) assert.deepEqual([key, vary], ['/vary', 'Accept-Language']);
});

test('responses are removed by key, by prefix, and all of them', async (t) => {
  const { proxy, backend } = await start(t);
  const { port } = proxy;
  await store(port, '/a', '/b/1', '/b/2', '/c');
  const remove = (query: string) => api(port, 'DELETE', `/http/caches/pages/entries${query}`);
  assert.deepEqual((await remove('?key=/a')).body, { removed: 1 });
  assert.deepEqual(await keys(port), ['/b/1', '/b/2', '/c']);
  assert.equal((await get(port, '/c')).field('x-cache'), 'HIT');
  assert.equal((await get(port, '/a')).field('x-cache'), 'MISS');
  assert.deepEqual((await remove('?key=/b/*')).body, { removed: 2 });
  assert.deepEqual((await remove('?key=/none')).body, { removed: 0 });
  assert.equal((await remove('')).status, 400);
  assert.deepEqual((await remove('?tag=none')).body, { removed: 0 });
  assert.ok((await remove('?key=*')).body.removed >= 1);
  assert.deepEqual(await keys(port), []);
  const files = readdirSync(join(proxy.directory, 'cache'), { recursive: true, withFileTypes: true });
  assert.deepEqual(
    files.filter((file) => file.isFile()).map(({ name }) => name),
    [],
  );
  assert.equal(backend.requests.length, 5);
});

test('responses that were purged are not listed', async (t) => {
  const { proxy } = await start(t);
  await store(proxy.port, '/a', '/b*', '/b/1');
  assert.equal((await get(proxy.port, '/b*', { fields: ['X-Purge: 1'] })).status, 204);
  assert.deepEqual(await keys(proxy.port), ['/a']);
});

test('a read-only API lists responses, and removes none', async (t) => {
  const { proxy } = await start(t);
  await store(proxy.port, '/a');
  const answer = await get(proxy.port, '/show/9/http/caches/pages/entries?key=*', { method: 'DELETE' });
  assert.equal(answer.status, 405);
  assert.deepEqual(await keys(proxy.port), ['/a']);
});

test('a file that cannot be used is not listed, and the API does not remove it', async (t) => {
  const { proxy } = await start(t);
  await store(proxy.port, '/a', '/b');
  const { body } = await api(proxy.port, 'GET', '/http/caches/pages/entries?key=/a');
  const hash: string = body.entries[0].hash;
  const path = join(proxy.directory, 'cache', hash.slice(-1), hash.slice(-3, -1), hash);
  assert.ok(readFileSync(path).length > 0);
  writeFileSync(path, 'damaged');
  assert.deepEqual(await keys(proxy.port), ['/b']);
  assert.equal((await get(proxy.port, '/a')).body, 'page /a');
});

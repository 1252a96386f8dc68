import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  answeringBackend,
  type Backend,
  get,
  type ReceivedRequest,
  type RequestOptions,
  reply,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const DATE = 'Tue, 01 Feb 2022 03:04:05 GMT';

/** Fields of the response by the last part of the path. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  fresh: ['Cache-Control: max-age=100'],
  aged: ['Cache-Control: max-age=100', 'Age: 30'],
  old: ['Cache-Control: max-age=100', 'Age: 200'],
  zero: ['Cache-Control: no-cache', 'ETag: "v1"', 'X-Version: 1'],
  modified: ['Last-Modified: Tue, 01 Feb 2022 03:04:05 GMT'],
  error: ['Cache-Control: max-age=1, stale-if-error=100', 'Age: 1'],
  targeted: ['Cache-Control: no-store', 'CDN-Cache-Control: max-age=100'],
  vary: ['Cache-Control: max-age=100', 'Vary: Accept-Encoding'],
  coded: ['Cache-Control: max-age=100', 'Vary: Accept-Encoding', 'Content-Encoding: gzip'],
  tagged: ['Cache-Control: max-age=100', 'Cache-Tag: red, blue'],
  keyed: ['Cache-Control: max-age=100', 'Surrogate-Key: green red'],
  status: ['Cache-Control: max-age=100', 'Cache-Status: origin; hit'],
  ranges: ['Cache-Control: max-age=100', `Last-Modified: ${DATE}`, 'ETag: "r"'],
};

describe('a cache with extensions', () => {
  let proxy: TestProxy;
  let backend: Backend;
  const received: ReceivedRequest[] = [];
  before(async () => {
    backend = await answeringBackend((got) => {
      received.push(got);
      const path = got.target.split('?')[0] ?? '';
      const name = path.slice(path.lastIndexOf('/') + 1);
      const fields = [...(FIELDS[name] ?? FIELDS.fresh ?? []), `X-Count: ${received.length}`];
      if (got.field('x-fails') !== undefined) return reply('', { status: '503 Service Unavailable', fields });
      if (got.field('if-none-match') === '"v1"') {
        return reply('', {
          status: '304 Not Modified',
          fields: ['ETag: "v1"', 'Cache-Control: max-age=50', 'X-Version: 2'],
        });
      }
      return reply(`body of ${got.target}`, { fields });
    });
    proxy = await startProxy(
      `
      proxy_cache_path %%DIR%%/cache levels=1:2 keys_zone=one:1m purger=on purger_sleep=1ms;
      proxy_cache_path %%DIR%%/lazy keys_zone=two:1m;
      proxy_cache one;
      proxy_cache_key $uri$is_args$args;
      add_header X-Cache $upstream_cache_status always;
      map $request_method $purge_method { PURGE 1; default 0; }
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /rfc/ { proxy_cache_rfc9111 on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /response/ { proxy_cache_rfc9111 response; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /age/ { proxy_cache_age on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /status/ { proxy_cache_status "my edge"; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /targets/ { proxy_cache_targeted_fields CDN-Cache-Control; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /vary/ { proxy_cache_vary_normalize Accept-Encoding br gzip; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /args/ { proxy_cache_key_args ignore utm_* fbclid sort=on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /purge/ {
          proxy_cache_purge $purge_method;
          proxy_cache_purge_tags $http_x_tags;
          proxy_cache_purge_regex $http_x_regex;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /lazy/ { proxy_cache two; proxy_cache_purge $purge_method; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /closed/ {
          proxy_cache_purge $purge_method;
          proxy_cache_purge_allow 192.0.2.0/24 unix:;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  async function statuses(path: string, ...options: RequestOptions[]): Promise<string> {
    const found: string[] = [];
    for (const each of options.length === 0 ? [{}, {}] : options) {
      found.push((await get(proxy.port, path, each)).field('x-cache') ?? 'none');
    }
    return found.join(' ');
  }

  /** Number of files whose key contains the text. */
  const files = (zone: string, key: string): number =>
    readdirSync(join(proxy.directory, zone), { recursive: true, withFileTypes: true }).filter(
      (each) => each.isFile() && readFileSync(join(each.parentPath, each.name), 'latin1').includes(key),
    ).length;

  it('follows RFC 9111 where nginx differs', async () => {
    assert.equal(await statuses('/old'), 'MISS HIT');
    assert.equal(await statuses('/rfc/old'), 'MISS MISS');
    assert.equal(await statuses('/modified'), 'MISS MISS');
    assert.equal(await statuses('/rfc/modified'), 'MISS HIT');
    assert.equal(await statuses('/rfc/targeted'), 'MISS HIT');
    const authorized = { fields: ['Authorization: Basic YTpi'] };
    assert.equal(await statuses('/fresh?authorized', authorized, {}), 'MISS HIT');
    assert.equal(await statuses('/rfc/fresh?authorized', authorized, {}), 'MISS MISS');
  });

  it('sends Age and the stored Date', async () => {
    for (const path of ['/rfc/aged', '/age/aged']) {
      await get(proxy.port, path);
      const hit = await get(proxy.port, path);
      assert.deepEqual([hit.field('x-cache'), Number(hit.field('age')) >= 30], ['HIT', true], path);
    }
    await get(proxy.port, '/aged');
    assert.equal((await get(proxy.port, '/aged')).field('age'), '30');
  });

  it('confirms responses with no-cache, and sends and stores the updated fields', async () => {
    await get(proxy.port, '/rfc/zero');
    const confirmed = await get(proxy.port, '/rfc/zero');
    assert.deepEqual([confirmed.field('x-cache'), confirmed.field('x-version')], ['REVALIDATED', '2']);
    assert.equal(confirmed.body, 'body of /rfc/zero');
    const hit = await get(proxy.port, '/rfc/zero');
    assert.deepEqual([hit.field('x-cache'), hit.field('x-version'), hit.body], ['HIT', '2', 'body of /rfc/zero']);
  });

  it('obeys Cache-Control of requests unless it is told not to', async () => {
    const reload = { fields: ['Cache-Control: no-cache'] };
    assert.equal(await statuses('/rfc/fresh?reload', {}, reload, {}), 'MISS EXPIRED HIT');
    assert.equal(await statuses('/response/fresh?reload', {}, reload, {}), 'MISS HIT HIT');
    const only = { fields: ['Cache-Control: only-if-cached'] };
    assert.equal((await get(proxy.port, '/rfc/fresh?only', only)).status, 504);
    assert.equal((await get(proxy.port, '/rfc/fresh?reload', only)).status, 200);
    assert.equal(await statuses('/rfc/fresh?private', { fields: ['Cache-Control: no-store'] }, {}), 'none MISS');
  });

  it('serves a stale response instead of an error if the response permits it', async () => {
    await get(proxy.port, '/rfc/error');
    const stale = await get(proxy.port, '/rfc/error', { fields: ['X-Fails: 1'] });
    assert.deepEqual([stale.status, stale.field('x-cache'), stale.body], [200, 'STALE', 'body of /rfc/error']);
  });

  it('serves ranges of complete responses, and gives precedence to If-None-Match', async () => {
    await get(proxy.port, '/rfc/ranges');
    const part = await get(proxy.port, '/rfc/ranges', { fields: ['Range: bytes=0-3'] });
    assert.deepEqual([part.status, part.body, part.field('x-cache')], [206, 'body', 'HIT']);
    const fields = ['If-None-Match: "r"', 'If-Modified-Since: Tue, 01 Feb 2000 00:00:00 GMT'];
    assert.equal((await get(proxy.port, '/rfc/ranges', { fields })).status, 304);
    await get(proxy.port, '/ranges');
    assert.equal((await get(proxy.port, '/ranges', { fields })).status, 200);
  });

  it('forgets a response when an unsafe request for it succeeds', async () => {
    assert.equal(await statuses('/rfc/fresh?unsafe'), 'MISS HIT');
    await get(proxy.port, '/rfc/fresh?unsafe', { method: 'POST', body: 'a', fields: ['X-Fails: 1'] });
    assert.equal(await statuses('/rfc/fresh?unsafe', {}), 'HIT');
    await get(proxy.port, '/rfc/fresh?unsafe', { method: 'POST', body: 'a' });
    assert.equal(await statuses('/rfc/fresh?unsafe'), 'MISS HIT');
  });

  it('describes its use in Cache-Status', async () => {
    const status = async (path: string, options: RequestOptions = {}) =>
      (await get(proxy.port, path, options)).field('cache-status');
    const miss = 'origin; hit, "my edge"; fwd=uri-miss; stored; ttl=101; detail=MISS';
    assert.equal(await status('/status/status'), miss);
    assert.match((await status('/status/status')) ?? '', /^origin; hit, "my edge"; hit; ttl=(9\d|10[01]); detail=HIT$/);
    assert.equal(await status('/status/fresh', { method: 'POST', body: 'x' }), '"my edge"; fwd=method');
    assert.equal(await status('/fresh'), undefined);
  });

  it("obeys targeted fields with nginx's rules, if they are named", async () => {
    assert.equal(await statuses('/targeted'), 'MISS MISS');
    assert.equal(await statuses('/targets/targeted'), 'MISS HIT');
    assert.equal(await statuses('/targets/fresh'), 'MISS HIT');
  });

  it('shares variants between requests whose values mean the same', async () => {
    const accept = (value: string) => ({ fields: [`Accept-Encoding: ${value}`] });
    assert.equal(await statuses('/other/vary', accept('gzip, br'), accept('br, zstd')), 'MISS MISS');
    const odd = accept('gzip;q=0.5000');
    assert.equal(await statuses('/vary/coded', odd, odd, accept('gzip'), accept('x, gzip')), 'MISS MISS MISS HIT');
    assert.equal(await statuses('/vary/vary', accept('gzip, br'), accept('br, zstd'), accept('gzip')), 'MISS HIT MISS');
    assert.equal(received.at(-1)?.field('accept-encoding'), 'gzip');
  });

  it('ignores arguments that do not belong to the key, which the upstream gets', async () => {
    await get(proxy.port, '/args/fresh?b=1&utm_source=x&a=2');
    assert.equal(received.at(-1)?.target, '/args/fresh?b=1&utm_source=x&a=2');
    assert.equal(await statuses('/args/fresh?a=2&b=1', {}), 'HIT');
    assert.equal(await statuses('/args/fresh?a=2&fbclid=9&b=1', {}), 'HIT');
    assert.equal(await statuses('/args/fresh?a=3&b=1', {}), 'MISS');
  });

  async function purge(path: string, ...fields: string[]): Promise<number> {
    return (await get(proxy.port, path, { method: 'PURGE', fields })).status;
  }

  it('purges a key at once', async () => {
    assert.equal(await statuses('/purge/fresh'), 'MISS HIT');
    assert.equal(await purge('/purge/fresh'), 204);
    assert.equal(await purge('/purge/fresh'), 404);
    assert.equal(await statuses('/purge/fresh', {}), 'MISS');
  });

  it('purges all keys with a prefix, and removes their files', async () => {
    for (const path of ['/purge/p/1', '/purge/p/2', '/purge/q']) assert.equal(await statuses(path), 'MISS HIT');
    assert.equal(files('cache', '/purge/p/'), 2);
    assert.equal(await purge('/purge/p/*'), 204);
    await until('both files are removed', () => files('cache', '/purge/p/') === 0);
    assert.equal(await statuses('/purge/p/1', {}), 'MISS');
    assert.equal(await statuses('/purge/q', {}), 'HIT');
  });

  it('purges by tag and by regular expression', async () => {
    for (const path of ['/purge/tagged', '/purge/keyed', '/purge/r1', '/purge/r2']) await statuses(path);
    assert.equal(await purge('/purge/', 'X-Tags: blue, none'), 204);
    assert.equal(await statuses('/purge/tagged', {}), 'MISS');
    assert.equal(await statuses('/purge/keyed', {}), 'HIT');
    assert.equal(await purge('/purge/', 'X-Tags: green'), 204);
    assert.equal(await statuses('/purge/keyed', {}), 'MISS');
    assert.equal(await purge('/purge/', 'X-Regex: /r[1]$'), 204);
    assert.equal(await statuses('/purge/r1', {}), 'MISS');
    assert.equal(await statuses('/purge/r2', {}), 'HIT');
    assert.equal(await purge('/purge/', 'X-Regex: (r'), 400);
  });

  it('removes the files of purged responses when they are requested, without a purger', async () => {
    for (const path of ['/lazy/a', '/lazy/b']) await statuses(path);
    assert.equal(await purge('/lazy/*'), 204);
    assert.equal(files('lazy', '/lazy/'), 2);
    assert.equal(await statuses('/lazy/a', {}), 'MISS');
  });

  it('refuses purges of other clients, and does not pass them on', async () => {
    assert.equal(await statuses('/closed/fresh'), 'MISS HIT');
    const before = received.length;
    assert.equal(await purge('/closed/fresh'), 403);
    assert.equal(received.length, before);
    assert.equal(await statuses('/closed/fresh', {}), 'HIT');
  });
});

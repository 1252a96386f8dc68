import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CacheStore } from '../../src/cache/cache-store.js';
import { CacheUse } from '../../src/cache/cache-use.js';
import {
  answeringBackend,
  type Backend,
  closedPort,
  connect,
  get,
  reply,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

/** Larger than what is read of a file at first: the file stays open until the response is over. */
const LARGE = 'x'.repeat(200_000);
const hasDescriptors = existsSync('/proc/self/fd');

describe('an entry of the cache that is not served', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let closed = 0;
  before(async () => {
    closed = await closedPort();
    backend = await answeringBackend((got) => {
      if (got.field('x-fails') !== undefined) return reply('', { status: '503 Service Unavailable' });
      if (got.field('x-moved') !== undefined) return reply('', { fields: ['X-Accel-Redirect: /other/moved'] });
      const expires = got.target.includes('fresh') ? '100' : '@1';
      return reply(LARGE, { fields: [`X-Accel-Expires: ${expires}`] });
    });
    proxy = await startProxy(
      `
      proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
      proxy_cache_key $uri;
      add_header X-Cache $upstream_cache_status always;
      server {
        listen 127.0.0.1:0;
        location / {
          proxy_cache one;
          proxy_intercept_errors on;
          error_page 502 503 = @fallback;
          proxy_pass http://127.0.0.1:$arg_port;
        }
        location /rfc/ { proxy_cache one; proxy_cache_rfc9111 on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /locked/ {
          proxy_cache one; proxy_cache_lock on; proxy_cache_lock_timeout 10s; proxy_cache_lock_age 10s;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /uses/ {
          proxy_cache one; proxy_cache_min_uses 2;
          proxy_cache_lock on; proxy_cache_lock_timeout 10s; proxy_cache_lock_age 10s;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /background/ {
          proxy_cache one; proxy_cache_use_stale updating; proxy_cache_background_update on;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /other/ { proxy_pass http://127.0.0.1:%%BACKEND%%/; proxy_set_header X-Moved ""; }
        location @fallback { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_set_header X-Fails ""; }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  /** Number of cached files that this process has open. */
  function openFiles(): number {
    const directory = join(proxy.directory, 'cache');
    return readdirSync('/proc/self/fd').filter((each) => {
      try {
        return readlinkSync(`/proc/self/fd/${each}`).startsWith(directory);
      } catch {
        // The descriptor of the directory that was read.
        return false;
      }
    }).length;
  }

  async function sizeAndStatus(path: string, ...fields: string[]): Promise<string> {
    const answer = await get(proxy.port, path, { fields });
    return `${answer.status} ${answer.body.length}`;
  }

  it('is closed if only-if-cached does not permit it', { skip: !hasDescriptors }, async () => {
    assert.equal(await sizeAndStatus('/rfc/fresh'), '200 200000');
    const status = await sizeAndStatus('/rfc/fresh', 'Cache-Control: only-if-cached, max-age=0, no-cache');
    assert.match(status, /^504 /);
    assert.equal(openFiles(), 0);
  });

  it('is closed if another upstream sends the response', { skip: !hasDescriptors }, async () => {
    assert.equal(await sizeAndStatus(`/stale?port=${backend.port}`), '200 200000');
    assert.equal(await sizeAndStatus(`/stale?port=${closed}`), '200 200000');
    assert.equal(openFiles(), 0, 'refused');
    assert.equal(await sizeAndStatus(`/stale?port=${backend.port}`, 'X-Fails: 1'), '200 200000');
    assert.equal(openFiles(), 0, 'intercepted');
    assert.equal(await sizeAndStatus(`/stale?port=${backend.port}`, 'X-Moved: 1'), '200 200000');
    assert.equal(openFiles(), 0, 'redirected');
  });

  it('is not locked after X-Accel-Redirect', async () => {
    const started = performance.now();
    for (let i = 0; i < 2; i++) assert.equal(await sizeAndStatus('/locked/a', 'X-Moved: 1'), '200 200000');
    // The second request would wait until the lock may be ignored.
    assert.ok(performance.now() - started < 9000);
  });

  it('is not locked for a client that has left while its uses were counted', async (t) => {
    let counted: (uses: number) => void = () => {};
    const missed = t.mock.method(CacheStore.prototype, 'missed', () => new Promise((resolve) => (counted = resolve)));
    const client = await connect(proxy.port);
    client.send('GET /uses/a HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the lookup has begun', () => missed.mock.callCount() === 1);
    client.reset();
    // After this response the proxy knows of the reset as well.
    await get(proxy.port, '/other/a');
    counted(2);
    missed.mock.mockImplementation(() => 2);
    const started = performance.now();
    assert.equal(await sizeAndStatus('/uses/a'), '200 200000');
    assert.ok(performance.now() - started < 9000);
  });

  it('is not locked by an update that did not reach the cache', async (t) => {
    const status = async () => (await get(proxy.port, '/background/a')).field('x-cache') ?? 'none';
    assert.equal(await status(), 'MISS');
    const original = CacheUse.of;
    const of = t.mock.method(CacheUse, 'of', (...given: Parameters<typeof original>) =>
      given[0].nested?.background === true ? 500 : original(...given),
    );
    assert.equal(await status(), 'STALE');
    await until('the update has begun', () => of.mock.callCount() === 2);
    assert.equal(await status(), 'STALE');
  });
});

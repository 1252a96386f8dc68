import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  type ReceivedRequest,
  type RequestOptions,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const DATE = 'Tue, 01 Feb 2022 03:04:05 GMT';

/** Files below a directory, without directories. */
function filesOf(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ path, name }) => join(path, name));
}

describe('a cached response', () => {
  let proxy: TestProxy;
  let backend: Backend;
  const received: ReceivedRequest[] = [];
  let count = 0;
  before(async () => {
    backend = await answeringBackend((got) => {
      received.push(got);
      count++;
      const { target } = got;
      const fields = [`X-Count: ${count}`];
      if (target.includes('dated')) fields.push(`Last-Modified: ${DATE}`, 'ETag: "tag"', 'Accept-Ranges: bytes');
      if (target.includes('cookie')) fields.push('Set-Cookie: a=b');
      if (target.includes('private')) fields.push('Cache-Control: private');
      if (target.includes('stale')) fields.push('X-Accel-Expires: @1');
      if (target.includes('vary')) fields.push('Vary: X-Language');
      if (target.includes('hidden')) fields.push('X-Accel-Expires: 60', 'Set-Cookie: a=b; path=/x');
      if (target.includes('stream')) fields.push('Content-Type: text/event-stream');
      if (target.includes('confirmed') && got.field('if-none-match') !== undefined) {
        return reply('', { status: '304 Not Modified', fields });
      }
      if (target.includes('error') && target.includes(`fails=${got.field('x-fails')}`)) {
        return reply('failed', { status: '500 Internal Server Error', fields });
      }
      if (target.includes('chunked')) {
        const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
        return got.method === 'HEAD' ? head : `${head}5\r\nwhole\r\n0\r\n\r\n`;
      }
      const whole = reply(`body of ${target}`, { fields });
      return got.method === 'HEAD' ? whole.slice(0, whole.indexOf('\r\n\r\n') + 4) : whole;
    });
    proxy = await startProxy(
      `
      proxy_cache_path %%DIR%%/cache levels=1:2 keys_zone=one:1m;
      proxy_cache_path %%DIR%%/other keys_zone=two:1m use_temp_path=off;
      proxy_cache_path %%DIR%%/blocked keys_zone=blocked:1m use_temp_path=off;
      proxy_cache one;
      proxy_cache_valid 200 1m;
      add_header X-Cache $upstream_cache_status always;
      proxy_cache_bypass $http_x_bypass;
      proxy_no_cache $http_x_no_cache;
      proxy_cache_key $uri;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /off/ { proxy_cache off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /named/ { proxy_cache $arg_zone; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /uses/ { proxy_cache_min_uses 2; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /post/ { proxy_cache_methods POST; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /revalidate/ {
          proxy_cache_revalidate on; proxy_cache_use_stale http_500; proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /unbuffered/ { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /hidden/ {
          proxy_ignore_headers Set-Cookie; proxy_hide_header X-Count; proxy_cookie_path / /y;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /offset/ { proxy_cache_max_range_offset 4; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /renewal/ {
          proxy_cache_revalidate on; proxy_cache_max_range_offset 4; proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /head/ { proxy_cache_convert_head off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /background/ {
          proxy_cache_background_update on; proxy_cache_use_stale updating; proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /blocked/ { proxy_cache blocked; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  async function fetched(path: string, options: RequestOptions = {}) {
    const before = received.length;
    const answer = await get(proxy.port, path, options);
    return { answer, status: answer.field('x-cache'), asked: received.length - before };
  }

  async function sequence(path: string, ...options: RequestOptions[]): Promise<string[]> {
    const results: string[] = [];
    for (const each of options) {
      const { status, asked } = await fetched(path, each);
      results.push(`${status} ${asked}`);
    }
    return results;
  }

  it('is served without a request to the upstream, as it was received', async () => {
    const first = await fetched('/a');
    const second = await fetched('/a');
    assert.deepEqual([first.status, first.asked, second.status, second.asked], ['MISS', 1, 'HIT', 0]);
    assert.equal(second.answer.body, 'body of /a');
    assert.equal(second.answer.field('x-count'), first.answer.field('x-count'));
    assert.equal(second.answer.field('content-length'), first.answer.field('content-length'));
    const [file = ''] = filesOf(join(proxy.directory, 'cache'));
    assert.match(file, /\/cache\/([0-9a-f])\/([0-9a-f]{2})\/[0-9a-f]{29}\2\1$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('is not stored if its fields or the location forbid it', async () => {
    const twice = [{}, {}];
    assert.deepEqual(await sequence('/cookie', ...twice), ['MISS 1', 'MISS 1']);
    assert.deepEqual(await sequence('/private', ...twice), ['MISS 1', 'MISS 1']);
    assert.deepEqual(await sequence('/stream', ...twice), ['MISS 1', 'MISS 1']);
    assert.deepEqual(await sequence('/unbuffered/', ...twice), ['MISS 1', 'MISS 1']);
    assert.deepEqual(await sequence('/off/', ...twice), ['undefined 1', 'undefined 1']);
    assert.deepEqual(await sequence('/named/?zone=off', ...twice), ['undefined 1', 'undefined 1']);
    const set = { fields: ['X-No-Cache: 1'] };
    assert.deepEqual(await sequence('/forbidden', set, {}, {}), ['MISS 1', 'MISS 1', 'HIT 0']);
  });

  it('is looked up in the zone that the request names', async () => {
    assert.deepEqual(await sequence('/named/a?zone=two', {}, {}), ['MISS 1', 'HIT 0']);
    assert.equal(filesOf(join(proxy.directory, 'other')).length, 1);
    assert.equal((await get(proxy.port, '/named/a?zone=three')).status, 500);
    assert.ok(proxy.messages('error').some((message) => message.includes('cache "three" not found')));
  });

  it('is updated by a request that bypasses the cache', async () => {
    const bypass = { fields: ['X-Bypass: 1'] };
    assert.deepEqual(await sequence('/bypass', {}, bypass, {}), ['MISS 1', 'BYPASS 1', 'HIT 0']);
    assert.equal((await get(proxy.port, '/bypass')).field('x-count'), String(count));
  });

  it('is stored after the configured number of uses', async () => {
    assert.deepEqual(await sequence('/uses/a', {}, {}, {}), ['MISS 1', 'MISS 1', 'HIT 0']);
  });

  it('is cached for other methods only if they are named', async () => {
    const post = { method: 'POST', body: 'x' };
    assert.deepEqual(await sequence('/post/a', post, post), ['MISS 1', 'HIT 0']);
    assert.deepEqual(await sequence('/no-post', post, post), ['undefined 1', 'undefined 1']);
  });

  it('is requested with GET for HEAD, and serves both', async () => {
    assert.deepEqual(await sequence('/headed', { method: 'HEAD' }, {}), ['MISS 1', 'HIT 0']);
    assert.equal(received.at(-1)?.method, 'GET');
    const { answer } = await fetched('/headed', { method: 'HEAD' });
    assert.deepEqual([answer.body, answer.field('content-length')], ['', '15']);
  });

  it('of a HEAD request is not served to other methods', async () => {
    await fetched('/head/a', { method: 'HEAD' });
    const { answer, status } = await fetched('/head/a');
    assert.deepEqual([status, answer.body], ['MISS', 'body of /head/a']);
    await fetched('/head/chunked', { method: 'HEAD' });
    const unlimited = await fetched('/head/chunked');
    assert.deepEqual([unlimited.status, unlimited.answer.body], ['MISS', 'whole']);
    assert.equal((await fetched('/head/chunked')).status, 'HIT');
    const head = { method: 'HEAD' };
    assert.deepEqual(await sequence('/head/chunked-HEAD', head, head), ['MISS 1', 'HIT 0']);
  });

  it('answers conditions and ranges of clients, which the upstream does not get', async () => {
    const condition = { fields: ['If-None-Match: "tag"', 'Range: bytes=0-3'] };
    const first = await fetched('/dated', condition);
    assert.deepEqual([first.answer.status, first.answer.body], [304, '']);
    assert.equal(received.at(-1)?.field('if-none-match'), undefined);
    assert.equal(received.at(-1)?.field('range'), undefined);
    const range = await fetched('/dated', { fields: ['Range: bytes=0-3,5-6'] });
    assert.deepEqual([range.answer.status, range.status], [206, 'HIT']);
    assert.match(range.answer.body, /Content-Range: bytes 0-3\/14\r\n\r\nbody\r\n/);
    assert.equal((await fetched('/dated', { fields: [`If-Modified-Since: ${DATE}`] })).answer.status, 304);
    assert.equal((await fetched('/dated', { fields: ['If-Match: "other"'] })).answer.status, 412);
    assert.equal((await fetched('/dated', { fields: ['Range: bytes=90-'] })).answer.status, 416);
  });

  it('is not stored if the requested range begins too late', async () => {
    const late = { fields: ['Range: bytes=9-'] };
    assert.deepEqual(await sequence('/offset/dated', late, late, {}, {}), ['MISS 1', 'MISS 1', 'MISS 1', 'HIT 0']);
  });

  it('has a variant for each value of the fields that Vary names', async () => {
    const german = { fields: ['X-Language: de'] };
    const english = { fields: ['X-Language: en'] };
    const order = [german, english, german, english];
    assert.deepEqual(await sequence('/vary', ...order), ['MISS 1', 'MISS 1', 'HIT 0', 'HIT 0']);
  });

  it('passes the rules for responses of the upstream', async () => {
    await fetched('/hidden/a');
    const { answer, status } = await fetched('/hidden/a');
    assert.equal(status, 'HIT');
    assert.equal(answer.field('x-count'), undefined);
    assert.equal(answer.field('x-accel-expires'), undefined);
    assert.match(answer.field('set-cookie') ?? '', /path=\/yx/);
  });

  it('is revalidated when it is stale', async () => {
    const order = [{}, {}, {}];
    assert.deepEqual(await sequence('/revalidate/stale-dated-confirmed', ...order), [
      'MISS 1',
      'REVALIDATED 1',
      'REVALIDATED 1',
    ]);
    assert.equal(received.at(-1)?.field('if-none-match'), '"tag"');
    assert.equal(received.at(-1)?.field('if-modified-since'), DATE);
  });

  it('is not revalidated by the condition of a client whose request is not stored', async () => {
    const other = { fields: ['Range: bytes=9-', 'If-None-Match: "other"'] };
    const order = [{}, other, {}];
    assert.deepEqual(await sequence('/renewal/stale-dated-confirmed', ...order), [
      'MISS 1',
      'EXPIRED 1',
      'REVALIDATED 1',
    ]);
  });

  it('is served when it is stale and the upstream fails', async () => {
    const failing = { fields: ['X-Fails: 1'] };
    const path = '/revalidate/stale-error?fails=1';
    assert.deepEqual(await sequence(path, {}, failing, {}), ['MISS 1', 'STALE 1', 'EXPIRED 1']);
  });

  it('is updated in the background', async () => {
    const path = '/background/stale';
    const first = await fetched(path);
    const asked = received.length;
    const second = await fetched(path);
    assert.equal(second.status, 'STALE');
    assert.equal(second.answer.field('x-count'), first.answer.field('x-count'));
    await until('the upstream is asked', () => received.length > asked);
    const newer = String(count);
    await until('the entry is updated', () => {
      return filesOf(join(proxy.directory, 'cache')).some((file) => {
        return proxy.file(file.slice(proxy.directory.length + 1)).includes(`X-Count: ${newer}\r\n`);
      });
    });
  });

  it('that cannot be stored is served', async () => {
    const path = join(proxy.directory, 'blocked');
    rmSync(path, { recursive: true });
    writeFileSync(path, 'a file, not a directory');
    assert.deepEqual(await sequence('/blocked/a', {}, {}), ['MISS 1', 'MISS 1']);
    assert.ok(proxy.messages('crit').some((message) => message.includes('/blocked/')));
  });

  it('whose file is damaged is requested again', async () => {
    await fetched('/damaged');
    const files = filesOf(join(proxy.directory, 'cache'));
    const file = files.find((each) => proxy.file(each.slice(proxy.directory.length + 1)).includes('/damaged')) ?? '';
    writeFileSync(file, 'not a response');
    const { answer, status } = await fetched('/damaged');
    assert.deepEqual([status, answer.body], ['MISS', 'body of /damaged']);
  });
});

describe('requests for one key', () => {
  it('wait for the first of them with proxy_cache_lock', async (t) => {
    const waiting: (() => void)[] = [];
    let asked = 0;
    const backend = await scriptedBackend(async (connection) => {
      while ((await connection.request()) !== null) {
        asked++;
        await new Promise<void>((resolve) => waiting.push(resolve));
        connection.send(reply('done'));
      }
    });
    const proxy = await startProxy(
      `proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
      server {
        listen 127.0.0.1:0;
        location / {
          proxy_cache one; proxy_cache_valid 200 1m; proxy_cache_lock on; proxy_cache_lock_timeout 1m;
          proxy_cache_lock_age 1m; add_header X-Cache $upstream_cache_status;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
      }`,
      { BACKEND: backend.port },
    );
    t.after(() => Promise.all([proxy.close(), backend.close()]));
    const answers = [1, 2, 3, 4].map(() => get(proxy.port, '/a'));
    await until('the upstream is asked', () => waiting.length > 0);
    for (const release of waiting) release();
    const statuses = (await Promise.all(answers)).map((answer) => `${answer.field('x-cache')} ${answer.body}`);
    assert.deepEqual(statuses.sort(), ['HIT done', 'HIT done', 'HIT done', 'MISS done']);
    assert.equal(asked, 1);
  });

  it('are stored although the client has left, and never if the upstream breaks off', async (t) => {
    const senders: (() => void)[] = [];
    let asked = 0;
    const backend = await scriptedBackend(async (connection) => {
      const got = await connection.request();
      if (got === null) return;
      asked++;
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
      if (got.target === '/cut') connection.end();
      else senders.push(() => connection.send('half'));
    });
    const proxy = await startProxy(
      `proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
      server {
        listen 127.0.0.1:0;
        location / { proxy_cache one; proxy_cache_valid 200 1m; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
    );
    t.after(() => Promise.all([proxy.close(), backend.close()]));
    const client = await connect(proxy.port);
    client.send(request('/left'));
    await client.reader.until('half');
    client.socket.destroy();
    await until('half is sent', () => senders.length > 0);
    for (const send of senders) send();
    await until('the response is stored', () => filesOf(join(proxy.directory, 'cache')).length === 1);
    assert.equal((await get(proxy.port, '/left')).body, 'halfhalf');
    assert.equal(asked, 1);
    const cut = await connect(proxy.port);
    cut.send(request('/cut'));
    await cut.reader.all();
    await get(proxy.port, '/left');
    assert.equal(filesOf(join(proxy.directory, 'cache')).length, 1);
  });
});

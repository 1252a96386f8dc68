import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Answer, get, startProxy, type TestProxy } from '../kit/index.js';

const HASH = createHash('sha256').update('hashed key').digest('hex');
const CONFIGURATION = `
  api_plan free 3/1h;
  api_plan pro 1000/1h 2/2s;
  api_plan unlimited;
  api_keys partners {
    joes-key joe free;
    joes-second-key joe free;
    sha256:${HASH} ann pro;
    bobs-key bob unlimited;
  }
  log_format test '$uri $status $api_client $api_plan';
  server {
    listen 127.0.0.1:0;
    access_log logs/test.log test;
    api_key partners;
    location / { add_header X-Client "$api_client/$api_plan" always; empty_gif; }
    location /argument { api_key partners key=$arg_key; empty_gif; }
    location /pro { api_key partners plans=pro,unlimited; empty_gif; }
    location /any { satisfy any; allow all; empty_gif; }
    location /redirected { try_files /none /again; }
    location /again { empty_gif; }
    location /open { api_key off; empty_gif; }
    location /usage { api_key off; api_usage partners; }
  }`;

describe('api_key', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(CONFIGURATION);
  });
  after(() => proxy.close());
  const ask = (path: string, key: string | null): Promise<Answer> =>
    get(proxy.port, path, { fields: key === null ? [] : [`X-API-Key: ${key}`] });
  const usage = async () => JSON.parse((await ask('/usage', null)).body);

  test('rejects requests without a known key with 401', async () => {
    for (const key of [null, '', 'nobody', HASH, `sha256:${HASH}`, 'JOES-KEY']) {
      const answer = await ask('/', key);
      assert.equal(answer.status, 401);
      assert.equal(answer.field('www-authenticate'), 'ApiKey');
      assert.equal(answer.field('ratelimit'), undefined);
    }
    assert.match(proxy.messages('info').join('\n'), /no API key was provided, client: /);
    assert.match(proxy.messages('error').join('\n'), /unknown API key, client: /);
    assert.doesNotMatch(proxy.messages().join('\n'), /nobody/);
    assert.equal((await ask('/open', null)).status, 200);
    assert.equal((await ask('/any', null)).status, 200);
  });

  test('limits a client, whichever of its keys it uses, with 429 and Retry-After', async () => {
    for (const [key, remaining] of [
      ['joes-key', 2],
      ['joes-second-key', 1],
      ['joes-key', 0],
    ] as const) {
      const answer = await ask('/', key);
      assert.equal(answer.status, 200);
      assert.equal(answer.field('x-client'), 'joe/free');
      assert.equal(answer.field('ratelimit-policy'), '"free";q=3;w=3600');
      assert.match(answer.field('ratelimit') ?? '', new RegExp(`^"free";r=${remaining};t=(3600|35\\d\\d)$`));
      assert.equal(answer.field('retry-after'), undefined);
    }
    const limited = await ask('/', 'joes-key');
    assert.equal(limited.status, 429);
    assert.match(limited.field('retry-after') ?? '', /^(3600|35\d\d)$/);
    assert.match(limited.field('ratelimit') ?? '', /^"free";r=0;t=/);
    assert.match(proxy.messages('error').join('\n'), /API client "joe" has reached a limit of plan "free", client: /);
    assert.equal((await ask('/', 'bobs-key')).status, 200);
  });

  test('applies several limits, each with its own window', async () => {
    const began = performance.now();
    const first = await ask('/pro', 'hashed key');
    assert.equal(first.field('ratelimit-policy'), '"pro-3600";q=1000;w=3600, "pro-2";q=2;w=2');
    assert.match(first.field('ratelimit') ?? '', /^"pro-3600";r=999;t=3600, "pro-2";r=1;t=2$/);
    await ask('/pro', 'hashed key');
    const third = await ask('/pro', 'hashed key');
    if (performance.now() - began < 1900) {
      assert.equal(third.status, 429);
      assert.match(third.field('retry-after') ?? '', /^[12]$/);
    }
    while ((await ask('/pro', 'hashed key')).status === 429) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(performance.now() - began >= 1900);
  });

  test('rejects plans that are not permitted with 403, uncounted by their limits', async () => {
    const answer = await ask('/pro', 'joes-key');
    assert.equal(answer.status, 403);
    assert.equal(answer.field('ratelimit'), undefined);
    const unlimited = await ask('/pro', 'bobs-key');
    assert.equal(unlimited.status, 200);
    assert.equal(unlimited.field('ratelimit-policy'), undefined);
  });

  test('takes the key from a variable', async () => {
    assert.equal((await ask('/argument?key=bobs-key', null)).status, 200);
    assert.equal((await ask('/argument', 'bobs-key')).status, 401);
  });

  test('counts a redirected request once, by client and plan, and keeps the counts at a reload', async () => {
    const before = await usage();
    const bob = before.clients.find(({ client }: { client: string }) => client === 'bob');
    assert.equal((await ask('/redirected', 'bobs-key')).status, 200);
    assert.equal(proxy.accessLog('logs/test.log').at(-1), '/again 200 bob unlimited');
    await proxy.reload(CONFIGURATION);
    const now = await usage();
    assert.deepEqual(
      now.clients.find(({ client }: { client: string }) => client === 'bob'),
      { ...bob, allowed: bob.allowed + 1 },
    );
    const joe = now.clients.find(({ client }: { client: string }) => client === 'joe');
    assert.deepEqual(joe, { client: 'joe', plan: 'free', allowed: 3, limited: 1, forbidden: 1 });
    assert.deepEqual(now.plans.free, { allowed: 3, limited: 1, forbidden: 1 });
    assert.equal((await ask('/', 'joes-key')).status, 429);
  });
});

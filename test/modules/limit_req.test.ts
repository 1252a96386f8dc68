import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Answer,
  connect,
  get,
  repeatAfterStall,
  request,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const CONFIGURATION = `
  limit_req_zone $arg_k zone=one:1m rate=1r/m;
  limit_req_zone $arg_k zone=two:1m rate=30r/m;
  limit_req_zone $arg_k zone=fast:1m rate=4r/s;
  limit_conn_zone $arg_k zone=conn:1m;
  log_format test '$uri $status $limit_req_status';
  server {
    listen 127.0.0.1:0;
    root %%DIR%%/html;
    access_log logs/test.log test;
    add_header X-Status $limit_req_status always;
    location / { limit_req zone=one burst=2 nodelay; limit_req_status 429; empty_gif; }
    location /slow { limit_req zone=one burst=2; limit_conn conn 1; limit_req_log_level warn; empty_gif; }
    location /info { limit_req zone=fast burst=9 delay=1; limit_req_log_level info; empty_gif; }
    location /dry { limit_req zone=one burst=1; limit_req_dry_run on; empty_gif; }
    location /both { limit_req zone=two burst=1 nodelay; limit_req zone=one; empty_gif; }
    location /try { limit_req zone=one; try_files $uri /again/; }
    location /again { limit_req zone=one; empty_gif; }
    location /free { empty_gif; }
    location /conn { limit_conn conn 1; empty_gif; }
  }`;

describe('limit_req', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(CONFIGURATION, {}, { files: { 'html/x': '' } });
  });
  after(() => proxy.close());

  const ask = async (path: string) => {
    const { status, field } = await get(proxy.port, path);
    return [status, field('x-status')];
  };

  test('lets a request and its burst pass, and refuses what is beyond', async () => {
    assert.deepEqual(await ask('/?k=a'), [200, 'PASSED']);
    assert.deepEqual(await ask('/?k=a'), [200, 'PASSED']);
    assert.deepEqual(await ask('/?k=a'), [200, 'PASSED']);
    assert.deepEqual(await ask('/?k=a'), [429, 'REJECTED']);
    assert.match(
      proxy.messages('error').at(-1) ?? '',
      /^\*\d+ limiting requests, excess: (3\.000|2\.9\d\d) by zone "one", client: 127\.0\.0\.1, server: , request: "GET \/\?k=a HTTP\/1\.1", host: "/,
    );
    assert.deepEqual(await ask('/?k=b'), [200, 'PASSED']);
    assert.deepEqual(await ask('/'), [200, undefined]);
    await until('a line', () => proxy.accessLog('logs/test.log').includes('/ 200 -'));
  });

  test('delays what is within the burst, without standing in the way of others', async () => {
    let attempt = 0;
    await repeatAfterStall(50, async () => {
      const path = `/info?k=c${attempt++}`;
      const began = performance.now();
      const answers: Promise<Answer>[] = [];
      for (let i = 0; i < 5; i++) answers.push(get(proxy.port, path));
      const done = await Promise.all(answers);
      const statuses = done.map(({ field }) => field('x-status')).sort();
      assert.deepEqual(statuses, ['DELAYED', 'DELAYED', 'DELAYED', 'PASSED', 'PASSED']);
      assert.ok(done.every(({ body }) => body.length === 43));
      const took = performance.now() - began;
      assert.ok(took >= 740, `the last of three that wait takes 3 times 250 ms, not ${took}`);
    });
    assert.match(proxy.messages('info').at(-1) ?? '', /delaying request, excess: \d\.\d{3}, by zone "fast", client/);
  });

  test('a client that goes away while it waits is logged, and leaves nothing behind', async () => {
    assert.equal((await get(proxy.port, '/slow?k=d')).status, 200);
    const client = await connect(proxy.port);
    client.send(request('/slow?k=d'));
    await until('it waits', () => proxy.messages('notice').some((line) => line.includes('delaying request')));
    // Delayed requests are not counted as concurrent: nginx checks connections after rates.
    assert.equal((await get(proxy.port, '/conn?k=d')).status, 200);
    client.reset();
    await until('a line', () => proxy.accessLog('logs/test.log').includes('/slow 499 DELAYED'));
  });

  test('in a dry run says what it would do', async () => {
    assert.deepEqual(await ask('/dry?k=e'), [200, 'PASSED']);
    assert.deepEqual(await ask('/dry?k=e'), [200, 'DELAYED_DRY_RUN']);
    assert.match(
      proxy.messages('warn').at(-1) ?? '',
      /delaying request, dry run, excess: (1\.000|0\.9\d\d), by zone "one"/,
    );
    assert.deepEqual(await ask('/dry?k=e'), [200, 'REJECTED_DRY_RUN']);
    assert.match(
      proxy.messages('error').at(-1) ?? '',
      /limiting requests, dry run, excess: (2\.000|1\.9\d\d) by zone "one"/,
    );
  });

  test('of several limits each holds, and a request that is refused counts in none', async () => {
    assert.deepEqual(await ask('/both?k=f'), [200, 'PASSED']);
    assert.deepEqual(await ask('/both?k=f'), [503, 'REJECTED']);
    assert.match(proxy.messages('error').at(-1) ?? '', /by zone "one"/);
    assert.deepEqual(await ask('/both?k=f'), [503, 'REJECTED']);
    assert.match(proxy.messages('error').at(-1) ?? '', /by zone "one"/, 'the other zone has room still');
  });

  test('counts a request once, wherever internal redirects lead', async () => {
    assert.deepEqual(await ask('/try?k=g'), [200, 'PASSED']);
    assert.deepEqual(await ask('/try?k=g'), [503, 'REJECTED']);
  });

  test('a reload keeps what is remembered, and may change the rate', async () => {
    assert.deepEqual(await ask('/again?k=h'), [200, 'PASSED']);
    await proxy.reload(CONFIGURATION);
    assert.deepEqual(await ask('/again?k=h'), [503, 'REJECTED']);
    await assert.rejects(proxy.reload(CONFIGURATION.replace('$arg_k zone=one', '$arg_q zone=one')), {
      message: /limit_req "one" uses the "\$arg_q" key while previously it used the "\$arg_k" key/,
    });
    await proxy.reload(CONFIGURATION.replace('zone=one:1m rate=1r/m', 'zone=one:1m rate=10000r/s'));
    assert.deepEqual(await ask('/again?k=h'), [200, 'PASSED']);
  });
});

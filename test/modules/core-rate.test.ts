import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

describe('limit_rate', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend((received) =>
      reply('y'.repeat(3000), received.target === '/own' ? { fields: ['X-Accel-Limit-Rate: 2000'] } : {}),
    );
    proxy = await startProxy(
      `
      server {
        listen 127.0.0.1:0;
        root %%DIR%%;
        location / { limit_rate 2000; limit_rate_after $arg_after; }
        location /passed { limit_rate 2000; proxy_pass http://127.0.0.1:%%PORT%%/; }
        location /own { proxy_pass http://127.0.0.1:%%PORT%%; }
        location = /large { limit_rate 1000000; limit_rate_after 200000; }
        location /head { set $limit_rate 1000; add_header X-Long %%LONG%%; return 200 x; }
        location /set { set $limit_rate 100; return 200 12345678901234567890123456; }
      }`,
      { PORT: backend.port, LONG: 'x'.repeat(1500) },
      { files: { file: 'x'.repeat(3000), large: 'x'.repeat(1_200_000) } },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));

  /** How long an answer of that length takes, in ms. */
  async function time(path: string, length: number): Promise<number> {
    const start = performance.now();
    assert.equal((await get(proxy.port, path)).body.length, length);
    return performance.now() - start;
  }

  // No more than the seconds that have begun are worth is sent in one piece, and the head counts.
  test('holds files, answers of upstreams and texts back', async () => {
    const times = await Promise.all([time('/file', 3000), time('/passed', 3000), time('/own', 3000)]);
    for (const ms of times) assert.ok(ms > 900 && ms < 10_000, `${ms} ms`);
  });
  test('lets a second’s worth take a second, from the first byte on', async () => {
    const ms = await time('/large', 1_200_000);
    // 200,000 bytes are free, and the last piece is not waited for; a second's worth sent at once would leave 500 ms.
    assert.ok(ms > 750 && ms < 10_000, `${ms} ms`);
  });
  test('begins behind limit_rate_after', async () => {
    const ms = await time('/file?after=2k', 3000);
    // The rate would make it last a second.
    assert.ok(ms < 900, `${ms} ms`);
  });
  test('takes the rate from $limit_rate', async () => {
    const ms = await time('/set', 26);
    assert.ok(ms > 100 && ms < 10_000, `${ms} ms`);
  });
  test('limits a head that is longer than a second’s worth', async () => {
    const ms = await time('/head', 1);
    assert.ok(ms > 900 && ms < 10_000, `${ms} ms`);
  });
  test('is over when the client goes', async () => {
    const connection = await connect(proxy.port);
    await connection.send(request('/file')).until('xxx');
    connection.reset();
    await until('the request is over', () => proxy.proxy.status.active === 0);
    assert.equal(proxy.proxy.status.connections, 0);
  });
});

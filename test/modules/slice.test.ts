import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Backend,
  connect,
  get,
  type ReceivedRequest,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

const CONTENT = '0123456789abcdef';

/** The response for a range of the content. */
function part({ target, field }: ReceivedRequest): string {
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(field('range') ?? '') ?? [];
  if (first === '') return reply(CONTENT);
  const start = Number(first);
  const end = Math.min(Number(last) + 1, CONTENT.length);
  if (target.includes('status') && start > 0) return reply('whole');
  const shift = target.includes('range') ? 1 : 0;
  const etag = target.includes('etag') && start > 0 ? '"other"' : '"tag"';
  const total = target.includes('length') ? '*' : CONTENT.length;
  return reply(CONTENT.slice(start, end), {
    status: '206 Partial Content',
    fields: [`Content-Range: bytes ${start + shift}-${end - 1 + shift}/${total}`, `ETag: ${etag}`],
  });
}

describe('a sliced response', () => {
  let proxy: TestProxy;
  let backend: Backend;
  const ranges: string[] = [];
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      for (let got = await connection.request(); got !== null; got = await connection.request()) {
        ranges.push(got.field('range') ?? '');
        connection.send(part(got));
      }
    });
    proxy = await startProxy(
      `proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
      proxy_cache_key $uri$is_args$args$slice_range;
      proxy_cache_valid 200 206 1m;
      server {
        listen 127.0.0.1:0;
        proxy_set_header Range $slice_range;
        slice 4;
        location / { proxy_cache one; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /rfc/ { proxy_cache one; proxy_cache_rfc9111 on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /uncached/ { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /off/ { slice 0; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));

  async function fetched(path: string, range = '') {
    ranges.length = 0;
    const answer = await get(proxy.port, path, { fields: range === '' ? [] : [`Range: ${range}`] });
    return [answer.status, answer.body, ...ranges];
  }

  it('is complete, and requested in parts', async () => {
    const slices = ['bytes=0-3', 'bytes=4-7', 'bytes=8-11', 'bytes=12-15'];
    assert.deepEqual(await fetched('/uncached/a'), [200, CONTENT, ...slices]);
    assert.deepEqual(await fetched('/a'), [200, CONTENT, ...slices]);
    assert.deepEqual(await fetched('/a'), [200, CONTENT]);
    assert.deepEqual(await fetched('/off/a'), [200, CONTENT, '']);
  });

  it("is stored in parts with RFC 9111's rules as well", async () => {
    assert.deepEqual(await fetched('/rfc/a', 'bytes=5-6'), [206, '56', 'bytes=4-7']);
    assert.deepEqual(await fetched('/rfc/a', 'bytes=4-6'), [206, '456']);
  });

  it('is requested only as far as the client asks for a range', async () => {
    assert.deepEqual(await fetched('/b', 'bytes=5-9'), [206, '56789', 'bytes=4-7', 'bytes=8-11']);
    assert.deepEqual(await fetched('/b', 'bytes=6-9'), [206, '6789']);
    assert.deepEqual(await fetched('/b', 'bytes=-3'), [206, 'def', 'bytes=0-3', 'bytes=12-15']);
    assert.deepEqual(await fetched('/b', 'bytes=1-1,3-3'), [200, CONTENT]);
    assert.deepEqual((await fetched('/b', 'bytes=99-'))[0], 416);
  });

  it('ends with the connection if a slice does not fit the others', async () => {
    for (const path of ['/status', '/etag']) {
      const connection = await connect(proxy.port);
      const raw = await connection.send(request(path)).reader.all();
      assert.match(raw, /Content-Length: 16\r\n/);
      assert.ok(raw.endsWith('\r\n\r\n0123'), raw);
    }
    for (const path of ['/range', '/length']) {
      const connection = await connect(proxy.port);
      assert.equal(await connection.send(request(path)).reader.all(), '');
    }
    const errors = proxy.messages('error').join('\n');
    for (const message of [
      'unexpected status code 200 in slice response',
      'etag mismatch in slice response',
      'unexpected range in slice response: 1-5, expected: 0-5',
      'no complete length in slice response',
    ]) {
      assert.ok(errors.includes(message), message);
    }
  });
});

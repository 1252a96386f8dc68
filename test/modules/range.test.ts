import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answeringBackend, type Backend, get, reply, startProxy, type TestProxy } from '../kit/index.js';

const BODY = Array.from({ length: 100 }, (_, i) => `X${String(i).padStart(3, '0')}XXXXXX`).join('');
const LARGE = BODY.repeat(500);

describe('ranges', () => {
  let proxy: TestProxy;
  let backend: Backend;
  const ask = (path: string, ...fields: string[]) => get(proxy.port, path, { fields });

  before(async () => {
    backend = await answeringBackend(reply(BODY));
    proxy = await startProxy(
      `root %%DIR%%;
      server {
        listen 127.0.0.1:0;
        location /none/ { alias %%DIR%%/; max_ranges 0; }
        location /forced/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_force_ranges on; }
        location /proxied/ { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
      { files: { t: BODY, large: LARGE } },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  it('of one part are answered 206 with that part', async () => {
    const answer = await ask('/t', 'Range: bytes=10-19');
    assert.equal(answer.status, 206);
    assert.equal(answer.body, 'X001XXXXXX');
    assert.equal(answer.field('content-range'), 'bytes 10-19/1000');
    assert.equal(answer.field('content-length'), '10');
    assert.equal(answer.field('accept-ranges'), undefined);
  });

  it('count from the end', async () => {
    assert.equal((await ask('/t', 'Range: bytes=-10')).body, 'X099XXXXXX');
  });

  it('of several parts are answered in the order asked, each with a head of its own', async () => {
    const answer = await ask('/t', 'Range: bytes=0-9, -10, 10-19');
    assert.equal(answer.status, 206);
    const boundary = /^multipart\/byteranges; boundary=(\d+)$/.exec(answer.field('content-type') ?? '')?.[1];
    const part = (range: string, body: string) =>
      `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/1000\r\n\r\n${body}`;
    assert.equal(
      answer.body,
      `${part('0-9', 'X000XXXXXX')}${part('990-999', 'X099XXXXXX')}${part('10-19', 'X001XXXXXX')}\r\n--${boundary}--\r\n`,
    );
    assert.equal(answer.field('content-length'), String(answer.body.length));
  });

  it('of a large file are read where they are', async () => {
    const one = await ask('/large', 'Range: bytes=100000-399999');
    assert.equal(one.body, LARGE.slice(100000, 400000));
    const two = await ask('/large', 'Range: bytes=300000-499999,0-99999');
    assert.ok(two.body.includes(LARGE.slice(300000, 500000)) && two.body.includes(LARGE.slice(0, 100000)));
    assert.equal(two.field('content-length'), String(two.body.length));
  });

  it('beyond the end are answered 416 with the length', async () => {
    const answer = await ask('/t', 'Range: bytes=1000-');
    assert.equal(answer.status, 416);
    assert.equal(answer.field('content-range'), 'bytes */1000');
  });

  it('are ignored where If-Range does not hold', async () => {
    const { fields } = await ask('/t');
    const etag = fields.find(([name]) => name === 'ETag')?.[1];
    assert.equal((await ask('/t', 'Range: bytes=0-1', `If-Range: ${etag}`)).status, 206);
    assert.equal((await ask('/t', 'Range: bytes=0-1', 'If-Range: "x"')).status, 200);
  });

  it('are ignored with max_ranges 0, and then not offered', async () => {
    const answer = await ask('/none/t', 'Range: bytes=0-1');
    assert.equal(answer.status, 200);
    assert.equal(answer.field('accept-ranges'), undefined);
  });

  it('of an upstream answer are cut where proxy_force_ranges says so, one at a time', async () => {
    assert.equal((await ask('/forced/', 'Range: bytes=5-14')).body, BODY.slice(5, 15));
    assert.equal((await ask('/forced/', 'Range: bytes=5-14,20-30')).status, 200);
    assert.equal((await ask('/proxied/', 'Range: bytes=5-14')).status, 200);
  });

  it('are answered with a head alone to HEAD', async () => {
    const answer = await get(proxy.port, '/t', { method: 'HEAD', fields: ['Range: bytes=0-4'] });
    assert.equal(answer.status, 206);
    assert.equal(answer.field('content-length'), '5');
  });
});

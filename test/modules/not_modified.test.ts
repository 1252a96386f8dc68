import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { listHoldsTag } from '../../src/modules/not_modified.js';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('a list of entity tags', () => {
  it('holds a tag at any place, whatever stands around it', () => {
    for (const list of ['"a"', '"x","a"', '"x", "y" ,\t"a" , "z"', '*'])
      assert.ok(listHoldsTag(list, '"a"', false), list);
    for (const list of ['"b"', '"a', '"a"x', 'x"a"', '', 'W/"a"']) assert.ok(!listHoldsTag(list, '"a"', false), list);
  });

  it('takes weak tags for strong ones where the comparison is weak', () => {
    assert.ok(listHoldsTag('W/"a"', '"a"', true));
    assert.ok(listHoldsTag('"a"', 'W/"a"', true));
    assert.ok(listHoldsTag('"x", W/"a"', 'W/"a"', true));
    assert.ok(!listHoldsTag('"a"', 'W/"a"', false));
  });

  it('holds nothing of an answer without a tag, unless it is an asterisk', () => {
    assert.ok(!listHoldsTag('"a"', null, true));
    assert.ok(listHoldsTag('*', null, true));
  });
});

describe('conditional requests', () => {
  let proxy: TestProxy;
  let etag: string;
  let date: string;
  const LATER = 'Fri, 01 Jan 2100 00:00:00 GMT';
  const status = async (path: string, ...fields: string[]) => (await get(proxy.port, path, { fields })).status;

  before(async () => {
    proxy = await startProxy(
      `root %%DIR%%;
      server {
        listen 127.0.0.1:0;
        location /before/ { if_modified_since before; alias %%DIR%%/; }
        location /off/ { if_modified_since off; alias %%DIR%%/; }
      }`,
      {},
      { files: { t: 'text' } },
    );
    const answer = await get(proxy.port, '/t');
    etag = answer.field('etag') ?? '';
    date = answer.field('last-modified') ?? '';
  });
  after(() => proxy.close());

  it('are answered 304 without a body where nothing changed', async () => {
    const answer = await get(proxy.port, '/t', { fields: [`If-None-Match: ${etag}`] });
    assert.equal(answer.status, 304);
    assert.equal(answer.body, '');
    assert.equal(answer.field('etag'), etag);
    assert.equal(answer.field('last-modified'), date);
    assert.equal(answer.field('content-length'), undefined);
    assert.equal(answer.field('content-type'), undefined);
    assert.equal(await status('/t', `If-Modified-Since: ${date}`), 304);
  });

  it('must meet both conditions', async () => {
    assert.equal(await status('/t', `If-Modified-Since: ${date}`, 'If-None-Match: "x"'), 200);
    assert.equal(await status('/t', `If-Modified-Since: ${LATER}`, `If-None-Match: ${etag}`), 200);
  });

  it('compare the date as if_modified_since says', async () => {
    assert.equal(await status('/t', `If-Modified-Since: ${LATER}`), 200);
    assert.equal(await status('/before/t', `If-Modified-Since: ${LATER}`), 304);
    assert.equal(await status('/off/t', `If-Modified-Since: ${date}`), 200);
  });

  it('are answered 412 where a precondition fails', async () => {
    assert.equal(await status('/t', 'If-Match: "x"'), 412);
    assert.equal(await status('/t', `If-Match: ${etag}`), 200);
    assert.equal(await status('/t', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'), 412);
    assert.equal(await status('/t', `If-Unmodified-Since: ${LATER}`), 200);
  });

  it('do not matter to an error', async () => {
    assert.equal(await status('/none', 'If-Match: "x"'), 404);
  });
});

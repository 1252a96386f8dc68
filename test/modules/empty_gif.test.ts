import assert from 'node:assert/strict';
import { it } from 'node:test';
import { get, startProxy } from '../kit/index.js';

it('answers with a picture of one transparent pixel', async () => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; location = /dot.gif { empty_gif; } }');
  try {
    const answer = await get(proxy.port, '/dot.gif');
    assert.equal(answer.status, 200);
    assert.equal(answer.field('content-type'), 'image/gif');
    assert.equal(answer.field('last-modified'), 'Mon, 28 Sep 1970 06:00:00 GMT');
    assert.equal(answer.body.slice(0, 6), 'GIF89a');
    assert.equal(answer.body.length, 43);
    assert.equal((await get(proxy.port, '/dot.gif', { method: 'POST', body: '' })).status, 405);
  } finally {
    await proxy.close();
  }
});

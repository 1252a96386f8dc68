import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('autoindex', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `server {
        listen 127.0.0.1:0;
        root %%DIR%%/www;
        location / { autoindex on; }
        location /off/ { alias %%DIR%%/www/; }
        location /json/ { alias %%DIR%%/www/; autoindex on; autoindex_format json; }
        location /jsonp/ { alias %%DIR%%/www/; autoindex on; autoindex_format jsonp; }
        location /xml/ { alias %%DIR%%/www/; autoindex on; autoindex_format xml; }
      }`,
      {},
      {
        files: {
          'www/b': 'bb',
          'www/a': 'a',
          'www/.hidden': '',
          'www/dir/index.html': 'index',
          ...Object.fromEntries(
            Array.from({ length: 100 }, (_, i) => [`www/many/file${String(i).padStart(3, '0')}`, '']),
          ),
        },
      },
    );
  });
  after(() => proxy.close());

  it('lists directories before files, by name, without hidden ones', async () => {
    const answer = await get(proxy.port, '/');
    assert.equal(answer.field('content-type'), 'text/html');
    assert.deepEqual(
      [...answer.body.matchAll(/<a href="([^"]*)">/g)].map((match) => match[1]),
      ['../', 'dir/', 'many/', 'a', 'b'],
    );
  });

  it('lists every entry of a directory', async () => {
    assert.equal((await get(proxy.port, '/many/')).body.match(/<a href="file/g)?.length, 100);
  });

  it('comes after the index file', async () => {
    assert.equal((await get(proxy.port, '/dir/')).body, 'index');
  });

  it('is off unless asked for', async () => {
    assert.equal((await get(proxy.port, '/off/')).status, 403);
  });

  it('gives JSON, with a callback where one is asked for', async () => {
    const answer = await get(proxy.port, '/json/');
    assert.equal(answer.field('content-type'), 'application/json');
    const names = (JSON.parse(answer.body) as { name: string; type: string }[]).map(
      ({ name, type }) => `${name} ${type}`,
    );
    assert.deepEqual(names, ['dir directory', 'many directory', 'a file', 'b file']);
    const callback = await get(proxy.port, '/jsonp/?callback=f');
    assert.equal(callback.field('content-type'), 'application/javascript');
    assert.ok(callback.body.startsWith('/* callback */\r\nf(['));
    assert.equal((await get(proxy.port, '/jsonp/')).field('content-type'), 'application/json');
    assert.equal((await get(proxy.port, '/jsonp/?callback=alert(1)')).status, 400);
  });

  it('gives XML', async () => {
    const answer = await get(proxy.port, '/xml/');
    assert.equal(answer.field('content-type'), 'text/xml; charset=utf-8');
    assert.match(answer.body, /<file mtime="[\d-]{10}T[\d:]{8}Z" size="2">b<\/file>/);
  });

  it('answers 404 for what is no directory', async () => {
    assert.equal((await get(proxy.port, '/none/')).status, 404);
    assert.equal((await get(proxy.port, '/a/')).status, 404);
  });

  it('answers HEAD without a body', async () => {
    const answer = await get(proxy.port, '/', { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '');
  });
});

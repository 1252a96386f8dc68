import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

describe('charset', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; }
      charset_map B A { 58 59; }
      charset utf-8;
      default_type text/plain;
      root %%DIR%%;
      server {
        listen 127.0.0.1:0;
        location /text { return 200 x; }
        location /json { default_type application/json; return 200 x; }
        location /all { charset_types *; default_type application/json; return 200 x; }
        location /off { charset off; return 200 x; }
        location /var { charset $arg_c; return 200 x; }
        location /moved { return 301 /; }
        location /to-utf8/ { source_charset KOI8-R; alias %%DIR%%/; }
        location /from-utf8/ { charset koi8-r; source_charset utf-8; alias %%DIR%%/; }
        location /bytes/ { charset A; source_charset B; alias %%DIR%%/; }
        location /unmapped { charset $arg_c; source_charset utf-8; return 200 x; }
      }`,
      {},
      { files: { koi: '\xc0\xc1 a', utf: utf8('юа я'), x: 'X001X', large: 'X'.repeat(200_000) } },
    );
  });
  after(() => proxy.close());
  const type = async (path: string) => (await get(proxy.port, path)).field('content-type');

  it('is named in answers of the types that it is for', async () => {
    assert.equal(await type('/text'), 'text/plain; charset=utf-8');
    assert.equal(await type('/json'), 'application/json');
    assert.equal(await type('/all'), 'application/json; charset=utf-8');
    assert.equal(await type('/off'), 'text/plain');
  });

  it('may come from a variable', async () => {
    assert.equal(await type('/var?c=iso-8859-1'), 'text/plain; charset=iso-8859-1');
  });

  it('is not named in a redirect', async () => {
    assert.equal(await type('/moved'), 'text/html');
  });

  it('converts to UTF-8 and back, without a length', async () => {
    const to = await get(proxy.port, '/to-utf8/koi');
    assert.equal(to.body, utf8('юа a'));
    assert.equal(to.field('content-length'), undefined);
    const from = await get(proxy.port, '/from-utf8/utf');
    assert.equal(from.body, '\xc0\xc1 &#1103;');
    assert.equal(from.field('content-type'), 'text/plain; charset=koi8-r');
  });

  it('converts byte by byte, ranges included', async () => {
    assert.equal((await get(proxy.port, '/bytes/x')).body, 'Y001Y');
    assert.equal((await get(proxy.port, '/bytes/large')).body, 'Y'.repeat(200_000));
    const answer = await get(proxy.port, '/bytes/x', { fields: ['Range: bytes=3-4'] });
    assert.equal(answer.status, 206);
    assert.equal(answer.body, '1Y');
  });

  it('leaves alone what there is no map for, and says so in the log', async () => {
    assert.equal((await get(proxy.port, '/unmapped?c=x')).body, 'x');
    assert.ok(proxy.messages('error').some((m) => m.includes('no "charset_map" between the charsets "utf-8" and "x"')));
  });
});

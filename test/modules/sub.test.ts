import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { cutAt, twoPieces } from '../http1/splits.js';
import { type Backend, get, scriptedBackend, startProxy, type TestProxy } from '../kit/index.js';

describe('strings in an answer', () => {
  let proxy: TestProxy;
  let backend: Backend;
  /** Body of the back end, in pieces. */
  let pieces: readonly string[] = [];
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      await connection.request();
      connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const piece of pieces) connection.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      connection.send('0\r\n\r\n').end();
    });
    proxy = await startProxy(
      `
      default_type text/html;
      server {
        listen 127.0.0.1:0;
        location /once { sub_filter aab +; sub_filter YYZ -; return 200 $arg_a; }
        location /all { sub_filter_once off; sub_filter aab +; sub_filter YYZ '<$arg_b>'; return 200 $arg_a; }
        location /order { sub_filter_once off; sub_filter abcde 1; sub_filter abc 2; sub_filter c 3; return 200 $arg_a; }
        location /variable { sub_filter_once off; sub_filter $arg_b '[$arg_b]'; sub_filter $arg_c ''; return 200 $arg_a; }
        location /bytes { sub_filter_once off; sub_filter '。' '!'; sub_filter 'a.c' '?'; return 200 $arg_a; }
        location /plain { default_type text/plain; sub_filter a b; return 200 a; }
        location /types { default_type text/plain; sub_filter_types text/plain; sub_filter a b; return 200 a; }
        location /file/ { alias %%DIR%%/; sub_filter a b; }
        location /modified/ { alias %%DIR%%/; sub_filter a b; sub_filter_last_modified on; }
        location /pieces {
          sub_filter_once off; sub_filter abcde 1; sub_filter abc 2; sub_filter c 3; sub_filter dab 4;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /outer { sub_filter_once off; sub_filter x y; ssi on; return 200 'x<!--#include virtual="/once?a=xaab" -->x'; }
      }`,
      { BACKEND: backend.port },
      { files: { page: 'a' } },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const body = async (path: string) => (await get(proxy.port, path)).body;

  it('are replaced once each, whatever their case', async () => {
    assert.equal(await body('/once?a=aabAAByyzYYZ'), '+AAB-YYZ');
  });

  it('are replaced everywhere where that is wanted, by what variables hold', async () => {
    assert.equal(await body('/all?b=q&a=aabAABxyyz'), '++x<q>');
  });

  it('are those that were written first, where two begin in one place', async () => {
    assert.equal(await body('/order?a=abcdeabcdabcc'), '12d23');
  });

  it('may be in variables; an empty one is not looked for', async () => {
    assert.equal(await body('/variable?a=foobar&b=oo&c=R'), 'f[oo]ba');
    assert.equal(await body('/variable?a=foobar'), 'foobar');
  });

  it('are bytes: only letters of ASCII have a case, and nothing is an expression', async () => {
    assert.equal(await body('/bytes?a=\xe3\x80\x82\xc3\x80\x82a.cabc'), '!\xc3\x80\x82?abc');
  });

  it('are replaced in answers of the types that are wanted', async () => {
    assert.equal(await body('/plain'), 'a');
    assert.equal(await body('/types'), 'b');
  });

  it('are replaced before what is included is put in, and in that as well', async () => {
    assert.equal(await body('/outer'), 'yy+y');
  });

  it('leave an answer without length, date and tag', async () => {
    const answer = await get(proxy.port, '/file/page');
    assert.equal(answer.body, 'b');
    for (const name of ['content-length', 'last-modified', 'etag']) assert.equal(answer.field(name), undefined, name);
    const modified = await get(proxy.port, '/modified/page');
    assert.match(modified.field('etag') ?? '', /^W\//);
    assert.notEqual(modified.field('last-modified'), undefined);
  });

  it('are found wherever the answer is cut', async () => {
    const text = 'abcdeabcdabcxcABCDE.dababcdcdab';
    const expected = '1243x31.42d34';
    pieces = [text];
    const whole = await body('/pieces');
    assert.equal(whole, expected);
    for (const cut of twoPieces(text)) {
      pieces = cut;
      assert.equal(await body('/pieces'), whole, cut.join('|'));
    }
    pieces = cutAt(
      text,
      [...text].map((_, i) => i),
    );
    assert.equal(await body('/pieces'), whole);
  });

  it('that only begin before the end stay as they are', async () => {
    pieces = ['xab', 'cd'];
    assert.equal(await body('/pieces'), 'xabcd');
  });
});

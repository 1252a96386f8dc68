import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('map', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      map $args $x {
        default 0;
        foo     bar;
        FOO2    bar2;
        ''      nothing;
        \\default the-word;
        \\include include;
        var     "$y and $z";
        '~^(?<first>[^-]*)-(.*)$' "$first/$2";
        ~^xyz   first;
        ~^xy    second;
        ~*^XY   third;
      }
      map $args $y {
        hostnames;
        default                     none;
        example.com                 exact;
        example.*                   right;
        *.example.com               left;
        .dot.example.com            both;
        ~^REGEX\\.EXAMPLE$          sensitive;
        ~*^www.regex\\.example$     insensitive;
      }
      map $args $z { default 0; include %%DIR%%/map.conf; }
      map $counter $volatile { volatile; default $counter; }
      map $counter $kept { default $counter; }
      map "$args:$host" $joined { foo:localhost both; }
      server {
        listen 127.0.0.1:0;
        set $counter 1;
        location / { return 200 $x; }
        location /y { return 200 $y; }
        location /z { return 200 $z; }
        location /joined { return 200 "[$joined]"; }
        location /kept {
          set $before "$kept$volatile";
          set $counter 2;
          return 200 "$before $kept$volatile";
        }
      }`,
      {},
      { files: { 'map.conf': 'foo included;' } },
    );
  });
  after(() => proxy.close());
  const body = async (path: string) => (await get(proxy.port, path)).body;

  test('finds strings without regard to case', async () => {
    assert.equal(await body('/?foo'), 'bar');
    assert.equal(await body('/?Foo'), 'bar');
    assert.equal(await body('/?foo2'), 'bar2');
    assert.equal(await body('/'), 'nothing');
    assert.equal(await body('/?other'), '0');
  });
  test('takes a key with a backslash as it is', async () => {
    assert.equal(await body('/?default'), 'the-word');
    assert.equal(await body('/?include'), 'include');
  });
  test('tries regular expressions in order, after strings', async () => {
    assert.equal(await body('/?xyz'), 'first');
    assert.equal(await body('/?xya'), 'second');
    assert.equal(await body('/?Xya'), 'third');
  });
  test('fills in variables and captures', async () => {
    assert.equal(await body('/?var'), 'none and 0');
    assert.equal(await body('/?a-b'), 'a/b');
  });
  test('reads keys from a file', async () => {
    assert.equal(await body('/z?foo'), 'included');
  });
  test('joins several variables to one source', async () => {
    assert.equal(await body('/joined?foo'), '[both]');
    assert.equal(await body('/joined'), '[]');
  });
  test('compares host names with wildcards', async () => {
    for (const [host, value] of Object.entries({
      'example.com': 'exact',
      'EXAMPLE.COM': 'exact',
      'example.com.': 'exact',
      'example.org': 'right',
      'a.example.com': 'left',
      'a.b.example.com.': 'left',
      'dot.example.com': 'both',
      'www.dot.example.com': 'both',
      'REGEX.EXAMPLE': 'sensitive',
      'regex.example': 'none',
      'WWW.regex.example': 'insensitive',
      '': 'none',
    })) {
      assert.equal(await body(`/y?${host}`), value, host);
    }
  });
  test('is computed once for a request, unless it is volatile', async () => {
    assert.equal(await body('/kept'), '11 12');
  });
});

describe('variables that are computed from each other', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      map $a $b { default "b$a"; }
      map $b $a { default "a$b"; }
      map $uri $outer { default "x${'${inner}'}y"; }
      map $uri $inner { volatile; default "c$outer"; }
      map $uri $own { default "$own"; }
      map $own_geo $own_split { default $own_key; }
      split_clients $own_split $own_key { * one; }
      geo $own_split $own_geo { default near; }
      server {
        listen 127.0.0.1:0;
        location /two { return 200 "$a"; }
        location /field { add_header X-A "[$a]"; return 200 ok; }
        location /volatile { return 200 "$outer"; }
        location /own { return 200 "[$own]"; }
        location /if { if ($own = '') { return 200 empty; } return 200 full; }
        location /kinds { return 200 "$own_split"; }
        location /after { return 200 $uri; }
      }`);
  });
  after(() => proxy.close());
  const body = async (path: string) => (await get(proxy.port, path)).body;

  test('end after a hundred steps with an empty value, as in nginx', async () => {
    assert.equal(await body('/two'), 'ab'.repeat(50));
    assert.equal((await get(proxy.port, '/field')).field('x-a'), `[${'ab'.repeat(50)}]`);
    assert.equal(await body('/volatile'), `${'xc'.repeat(50)}${'y'.repeat(50)}`);
    assert.equal(await body('/own'), '[]');
    assert.equal(await body('/if'), 'empty');
    assert.equal(await body('/kinds'), 'one');
  });
  test('are named in the error log, and leave later requests alone', async () => {
    await body('/own');
    assert.ok(proxy.messages('error').some((line) => / cycle while evaluating variable "own", client: /.test(line)));
    for (let i = 0; i < 150; i++) await body('/own');
    assert.equal(await body('/after'), '/after');
  });
});

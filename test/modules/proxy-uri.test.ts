/** The URI that an upstream is asked for: nginx's rules for `proxy_pass` with and without a URI part. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answeringBackend, type Backend, exchange, get, reply, startProxy, type TestProxy } from '../kit/index.js';

describe('the URI of proxy_pass', () => {
  let backend: Backend;
  let unix: Backend;
  let proxy: TestProxy;
  before(async () => {
    const echo = (request: { target: string }) => reply(request.target);
    backend = await answeringBackend(echo);
    unix = await answeringBackend(echo, { unix: true });
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; }
      upstream socket { server unix:%%SOCKET%%; }
      map $arg_to $target { default http://app; uri http://app/mapped?x=y; none ""; odd ftp://app/; port http://127.0.0.1:x/; }
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://app; }
        location /slash/ { proxy_pass http://app/; }
        location /base/ { proxy_pass http://app/other/; }
        location /cut { proxy_pass http://app/other; }
        location = /exact { proxy_pass http://app/elsewhere; }
        location ^~ /strong/ { proxy_pass http://app/strong-other/; }
        location /query/ { proxy_pass http://app?fixed; }
        location /outer/ { proxy_pass http://app/o/; location /outer/inner/ { proxy_pass http://app/i/; } }
        location ~ ^/regex/(?<rest>.*)$ { proxy_pass http://app; }
        location ~ ^/captured/(.*)$ { proxy_pass http://app/c/$1; }
        location /variables/ { set $where app; proxy_pass http://$where; }
        location /variables-uri/ { set $where app; proxy_pass http://$where/fixed; }
        location /request-uri/ { proxy_pass http://app$request_uri; }
        location /decoded/ { proxy_pass http://app$uri$is_args$args; }
        location /mapped { proxy_pass $target; }
        location /broken/ { rewrite ^/broken/(.*)$ /new/$1 break; proxy_pass http://app; }
        location /broken-uri/ { rewrite ^/broken-uri/(.*)$ /new/$1 break; proxy_pass http://app/ignored/; }
        location /broken-args/ { rewrite ^ /new?a=b break; proxy_pass http://app; }
        location /last/ { rewrite ^/last/(.*)$ /base/$1 last; }
        location /args/ { set $args changed=1; proxy_pass http://app; }
        location /named/ { try_files /none @named; }
        location /if/ { proxy_pass http://app/base/; if ($arg_x) { proxy_pass http://app; } }
        location /if-uri/ { proxy_pass http://app/if/; if ($arg_x) { set $seen 1; } }
        location /limited/ { limit_except GET { proxy_pass http://app; } return 200 "GET here"; }
        location /socket/ { proxy_pass http://socket/s/; }
        location /unix/ { proxy_pass http://unix:%%SOCKET%%:/u/; }
        location /unix-plain/ { proxy_pass http://unix:%%SOCKET%%; }
        location /internal { error_page 418 = "/base/by error?e"; return 418; }
        location @named { proxy_pass http://app; }
      }
      server {
        listen 127.0.0.2:0;
        merge_slashes off;
        location / { proxy_pass http://app; }
        location /base/ { proxy_pass http://app/other/; }
      }`,
      { PORT: backend.port, SOCKET: unix.path },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
    await unix.close();
  });
  const asked = async (path: string, host = '127.0.0.1') => (await get({ host, port: proxy.portOf(host) }, path)).body;
  /** Pairs of what a client asks for and what the upstream is asked for. */
  const same = async (pairs: readonly (readonly [string, string])[], host?: string) => {
    for (const [path, target] of pairs) assert.equal(await asked(path, host), target, path);
  };

  test('without a URI part it is what the client wrote', async () => {
    await same([
      ['/', '/'],
      ['/a%20b/%2e/c%2Fd//e?x=%20&y', '/a%20b/%2e/c%2Fd//e?x=%20&y'],
      ['/x/../y', '/x/../y'],
      ['/?', '/?'],
      ['/%41?a?b', '/%41?a?b'],
      ['/\xfc', '/\xfc'],
    ]);
  });
  test('a URI part takes the place of the location', async () => {
    await same([
      ['/slash/a/b?c=d', '/a/b?c=d'],
      ['/slash/', '/'],
      ['/base/a?x', '/other/a?x'],
      ['/cut', '/other'],
      ['/cut/a', '/other/a'],
      ['/cutting', '/otherting'],
      ['/exact?x', '/elsewhere?x'],
      ['/strong/x', '/strong-other/x'],
      ['/outer/x', '/o/x'],
      ['/outer/inner/x', '/i/x'],
    ]);
  });
  test('with a URI part the path is normalised, and encoded again where the client had encoded it', async () => {
    await same([
      ['/base/a/../b//c', '/other/b/c'],
      ['/base/a%20b', '/other/a%20b'],
      ['/base/%41', '/other/A'],
      ['/base/a%2Fb', '/other/a/b'],
      ['/base/a%25b%3fc%23d', '/other/a%25b%3Fc%23d'],
      ['/base/a+b:c@d', '/other/a+b:c@d'],
      ['/base/%c3%bc', '/other/%C3%BC'],
    ]);
  });
  test('a query right behind the host is a URI part', async () => {
    assert.equal(await asked('/query/x'), '/?fixedx');
  });
  test('slashes stay as they are with merge_slashes off', async () => {
    await same(
      [
        ['/a//b', '/a//b'],
        ['/base//a//b', '/other//a//b'],
      ],
      '127.0.0.2',
    );
  });
  test('regular expressions, named locations and if pass on what the client wrote', async () => {
    await same([
      ['/regex/a%20b?x', '/regex/a%20b?x'],
      ['/named/a%20b//c?x', '/named/a%20b//c?x'],
      ['/if/a%20b?x=1', '/if/a%20b?x=1'],
      ['/if/a%20b', '/base/a%20b'],
      ['/if-uri/a?x=1', '/if/a?x=1'],
    ]);
  });
  test('limit_except can pass what it does not let through', async () => {
    assert.equal(await asked('/limited/a'), 'GET here');
    assert.equal((await get(proxy.port, '/limited/a%20b', { method: 'DELETE' })).body, '/limited/a%20b');
  });
  test('with variables a URI part is the whole URI, and without one it is what the client wrote', async () => {
    await same([
      ['/variables/a%20b?x', '/variables/a%20b?x'],
      ['/variables-uri/a?x', '/fixed'],
      ['/captured/a%41?x', '/c/aA'],
      ['/request-uri/a%20b?x', '/request-uri/a%20b?x'],
      ['/decoded/a%41?x', '/decoded/aA?x'],
      ['/mapped', '/mapped'],
      ['/mapped?to=uri', '/mapped?x=y'],
    ]);
  });
  test('an URL made of variables that is none is 500', async () => {
    for (const [to, message] of [
      ['none', 'invalid URL prefix in ""'],
      ['odd', 'invalid URL prefix in "ftp://app/"'],
      ['port', 'invalid port in upstream "127.0.0.1:x/"'],
    ]) {
      assert.equal((await get(proxy.port, `/mapped?to=${to}`)).status, 500, to);
      assert.ok(
        proxy.messages('error').some((each) => each.includes(message ?? '')),
        message,
      );
    }
  });
  test('rewrite … break decides the URI, and the URI part is ignored then', async () => {
    await same([
      ['/broken/a%20b?x', '/new/a%20b?x'],
      ['/broken/a/../b', '/new/b'],
      ['/broken-uri/a?x', '/new/a?x'],
      ['/broken-args/?x', '/new?a=b&x'],
      ['/last/a', '/other/a'],
    ]);
  });
  test('changed arguments are passed on', async () => {
    assert.equal(await asked('/args/a?x=y'), '/args/a?changed=1');
  });
  test('an internal redirect has its URI encoded', async () => {
    assert.equal(await asked('/internal?x'), '/other/by%20error?e');
  });
  test('unix sockets take a URI behind a colon', async () => {
    await same([
      ['/socket/a', '/s/a'],
      ['/unix/a?x', '/u/a?x'],
      ['/unix-plain/a%20b', '/unix-plain/a%20b'],
    ]);
  });
  test('an absolute target is passed on as its path', async () => {
    const answer = await exchange(
      proxy.port,
      'GET http://localhost/a%20b?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    assert.match(answer, /\r\n\r\n\/a%20b\?x$/);
    const bare = await exchange(proxy.port, 'GET http://localhost?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(bare, /\r\n\r\n\/\?x$/);
  });
});

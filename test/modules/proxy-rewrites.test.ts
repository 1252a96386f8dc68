/** Rewriting of an upstream's references to itself: `proxy_redirect` and `proxy_cookie_*`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answeringBackend, type Backend, get, reply, startProxy, type TestProxy } from '../kit/index.js';

/** Answers with the field line that the argument `say` holds, in each of several lines where it has `|`. */
function saying({ target }: { target: string }): string {
  const text = decodeURIComponent(/say=([^&]*)/.exec(target)?.[1] ?? '');
  return reply('', { status: '200 OK', fields: text.split('|') });
}

describe('proxy_redirect', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(saying);
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; }
      absolute_redirect off;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://app; }
        location /absolute { absolute_redirect on; proxy_pass http://app; }
        location /app/ { proxy_pass http://app/base/; }
        location /variables { set $where app; proxy_pass http://$where; }
        location /off { proxy_redirect off; proxy_pass http://app; }
        location /default { proxy_pass http://app; proxy_redirect default; proxy_redirect http://other/ /other/; }
        location /rules {
          proxy_redirect http://one/ /1/;
          proxy_redirect http://$arg_host/ http://$host/;
          proxy_redirect ~^http://two(:\\d+)?/(.+)$ /2/$2;
          proxy_redirect ~*^HTTP://Three/(?<tail>.*)$ $scheme://$host/$tail;
          proxy_redirect / /root/;
          proxy_pass http://app;
        }
        location /outer { proxy_redirect http://outer/ /outer/; location /outer/in { proxy_pass http://app; }
          location /outer/own { proxy_redirect http://own/ /own/; proxy_pass http://app; } }
      }`,
      { PORT: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const rewritten = async (path: string, line: string) => {
    const answer = await get(proxy.port, `${path}?say=${encodeURIComponent(line)}`);
    return answer.field(line.slice(0, line.indexOf(':')));
  };
  const location = (path: string, url: string) => rewritten(path, `Location: ${url}`);

  test('puts the location in the place of the URL of proxy_pass by default', async () => {
    assert.equal(await location('/', 'http://app/x?y'), '/x?y');
    assert.equal(await location('/app/', 'http://app/base/x?y'), '/app/x?y');
    assert.equal(await location('/app/', 'http://app/else'), 'http://app/else');
    assert.equal(await location('/', 'http://app'), 'http://app');
    assert.equal(await location('/', 'http://APP/x'), 'http://APP/x');
    assert.equal(await location('/', 'http://elsewhere/x'), 'http://elsewhere/x');
    assert.equal(await location('/', '/x'), '/x');
    assert.equal(await location('/default', 'http://app/x'), '/x');
    assert.equal(await location('/default', 'http://other/x'), '/other/x');
  });
  test('what was rewritten to a path is made absolute with absolute_redirect on', async () => {
    assert.equal(await location('/absolute', 'http://app/x'), `http://localhost:${proxy.port}/x`);
    assert.equal(await location('/absolute', '/x'), '/x');
  });
  test('has no default where the URL has variables', async () => {
    assert.equal(await location('/variables', 'http://app/x'), 'http://app/x');
  });
  test('off changes nothing', async () => {
    assert.equal(await location('/off', 'http://app/x'), 'http://app/x');
  });
  test('the first rule that matches holds: texts, variables, regular expressions', async () => {
    assert.equal(await location('/rules', 'http://one/x'), '/1/x');
    assert.equal(await location('/rules?host=four', 'http://four/x'), 'http://four/x');
    const answer = await get(proxy.port, `/rules?host=four&say=${encodeURIComponent('Location: http://four/x')}`);
    assert.equal(answer.field('location'), 'http://localhost/x');
    assert.equal(await location('/rules', 'http://two:81/x?y'), '/2/x?y');
    assert.equal(await location('/rules', 'http://three/x'), 'http://localhost/x');
    assert.equal(await location('/rules', '/x'), '/root/x');
  });
  test('changes the URL of Refresh', async () => {
    assert.equal(await rewritten('/', 'Refresh: 5; url=http://app/x'), '5; url=/x');
    assert.equal(await rewritten('/', 'Refresh: 5; URL=http://app/x'), '5; URL=/x');
    assert.equal(await rewritten('/', 'Refresh: 5'), '5');
  });
  test('changes Location whatever the status', async () => {
    assert.equal((await get(proxy.port, `/?say=${encodeURIComponent('Location: http://app/x')}`)).status, 200);
  });
  test('is inherited until a level sets its own', async () => {
    assert.equal(await location('/outer/in', 'http://outer/x'), '/outer/x');
    assert.equal(await location('/outer/own', 'http://outer/x'), 'http://outer/x');
    assert.equal(await location('/outer/own', 'http://own/x'), '/own/x');
  });
});

describe('proxy_cookie_domain, _path and _flags', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(saying);
    proxy = await startProxy(
      `
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%PORT%%; }
        location /domain {
          proxy_cookie_domain backend.internal example.com; proxy_cookie_domain .dotted .$host;
          proxy_cookie_domain ~\\.(?<zone>[a-z]+)\\.local$ $zone.example.com;
          proxy_pass http://127.0.0.1:%%PORT%%;
        }
        location /path {
          proxy_cookie_path /app/ /; proxy_cookie_path ~^/v(\\d) /version$1; proxy_cookie_path ~*^/x /y;
          proxy_pass http://127.0.0.1:%%PORT%%;
        }
        location /flags {
          proxy_cookie_flags one secure httponly samesite=strict;
          proxy_cookie_flags ~^two nosecure nohttponly nosamesite;
          proxy_cookie_flags three $arg_flag;
          proxy_pass http://127.0.0.1:%%PORT%%;
        }
        location /off { proxy_cookie_path off; proxy_cookie_domain off; proxy_cookie_flags off; proxy_pass http://127.0.0.1:%%PORT%%; }
      }`,
      { PORT: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const cookies = async (path: string, ...values: string[]) => {
    const say = values.map((value) => `Set-Cookie: ${value}`).join('|');
    const answer = await get(proxy.port, `${path}${path.includes('?') ? '&' : '?'}say=${encodeURIComponent(say)}`);
    return answer.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value);
  };
  const cookie = async (path: string, value: string) => (await cookies(path, value))[0];

  test('leave cookies as they came where nothing is set', async () => {
    assert.equal(await cookie('/', 'a=b;Path=/app/;  Domain=x'), 'a=b;Path=/app/;  Domain=x');
    assert.equal(await cookie('/off', 'a=b;Path=/app/;  Domain=x'), 'a=b;Path=/app/;  Domain=x');
    assert.equal(await cookie('/path', 'a=b;Path=/other'), 'a=b;Path=/other');
  });
  test('domains are compared in any case and with or without a dot in front', async () => {
    assert.equal(await cookie('/domain', 'a=b; Domain=Backend.Internal; Path=/'), 'a=b; Domain=example.com; Path=/');
    assert.equal(await cookie('/domain', 'a=b; domain=.backend.internal'), 'a=b; domain=.example.com');
    assert.equal(await cookie('/domain', 'a=b; domain=dotted'), 'a=b; domain=localhost');
    assert.equal(await cookie('/domain', 'a=b; domain=x.backend.internal'), 'a=b; domain=x.backend.internal');
    assert.equal(await cookie('/domain', 'a=b; domain=x.ZONE.local'), 'a=b; domain=ZONE.example.com');
  });
  test('paths are compared from their beginning, with regard to case', async () => {
    assert.equal(await cookie('/path', 'a=b; path=/app/x; HttpOnly'), 'a=b; path=/x; HttpOnly');
    assert.equal(await cookie('/path', 'a=b; path=/APP/x'), 'a=b; path=/APP/x');
    assert.equal(await cookie('/path', 'a=b; path=/v2'), 'a=b; path=/version2');
    assert.equal(await cookie('/path', 'a=b; path=/V2'), 'a=b; path=/V2');
    assert.equal(await cookie('/path', 'a=b; path=/X'), 'a=b; path=/y');
  });
  test('a name and value that look like attributes are none', async () => {
    assert.equal(await cookie('/path', 'path=/app/; x=y'), 'path=/app/; x=y');
    assert.equal(await cookie('/path', 'no equals sign; path=/app/'), 'no equals sign; path=/app/');
    assert.equal(await cookie('/path', 'a=b=c; path=/app/'), 'a=b=c; path=/');
  });
  test('flags are set and taken away', async () => {
    assert.equal(await cookie('/flags', 'one=1'), 'one=1; Secure; HttpOnly; SameSite=Strict');
    assert.equal(await cookie('/flags', 'ONE=1; secure; samesite=Lax'), 'ONE=1; secure; SameSite=Strict; HttpOnly');
    assert.equal(await cookie('/flags', 'two2=1; Secure; HttpOnly; SameSite=None; Path=/'), 'two2=1; Path=/');
    assert.equal(await cookie('/flags?flag=secure', 'three=1'), 'three=1; Secure');
    assert.equal(await cookie('/flags?flag=nonsense', 'three=1;  x'), 'three=1;  x');
    assert.equal(await cookie('/flags', 'four=1; Secure'), 'four=1; Secure');
  });
  test('all cookies of an answer are looked at, and keep their order', async () => {
    assert.deepEqual(await cookies('/path', 'a=1; path=/app/', 'b=2; path=/', 'c=3; path=/app/x'), [
      'a=1; path=/',
      'b=2; path=/',
      'c=3; path=/x',
    ]);
  });
});

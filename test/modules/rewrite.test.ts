import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { exchange, get, request, startProxy, type TestProxy } from '../kit/index.js';

describe('rewrite', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      log_format l $uri;
      server {
        listen 127.0.0.1:0;
        rewrite_log on;
        rewrite ^/server/(.*)$ /from-server/$1;

        location / { return 200 "root $uri"; }
        location /from-server/ { return 200 "$uri|$args|$request_uri"; }

        location /last/ { rewrite ^/last/(.*)$ /shown/$1 last; return 200 "not here"; }
        location /break/ { rewrite ^/break/(.*)$ /shown/$1 break; return 200 "not run"; root %%DIR%%/html; }
        location /plain/ { rewrite ^/plain/(.*)$ /shown/$1; rewrite ^/shown/(.*)$ /shown/twice/$1; }
        location /shown/ { return 200 "$uri?$args"; }
        location /chain/ { rewrite ^/chain/(.*)$ /middle/$1; break; root %%DIR%%/html; }

        location /args/keep { rewrite ^ /shown/x; }
        location /args/add { rewrite ^ /shown/x?b=2; }
        location /args/drop { rewrite ^ /shown/x?; }
        location /args/replace { rewrite ^ /shown/x?b=2?; }
        location /args/capture/ { rewrite ^/args/capture/(.*)$ /shown/x?p=$1; }

        location /redirect { rewrite ^ /to redirect; }
        location /permanent { rewrite ^ http://other.example$uri permanent; }
        location /absolute { rewrite ^ http://other.example/a?b=c; }
        location /scheme { rewrite ^ $scheme://other.example/; }
        location /dropped { rewrite ^ http://other.example/a? redirect; }

        location /named/ { rewrite "^/named/(?<who>[^/]+)/(?<what>.*)$" /shown/$what?who=$who; }
        location /nothing { rewrite ^ "?" ; }
        location /cycle { rewrite ^ /cycle; }
        location /nomatch { rewrite ^/other /x; return 200 "$1|"; }

        location /unescape/1 { rewrite ^ $arg_r? redirect; }
        location /unescape/2 { rewrite ^ http://example.com/a%20b%41%2fc redirect; }
        location /unescape/3 { rewrite ^/unescape/3(.*)$ http://example.com/x$1 redirect; }
      }`,
      {},
      { files: { 'html/shown/page': 'a page', 'html/middle/page': 'in the middle' } },
    );
  });
  after(() => proxy.close());

  const body = async (path: string) => (await get(proxy.port, path)).body;
  const location = async (path: string) => {
    const answer = await get(proxy.port, path);
    return [answer.status, answer.field('location')];
  };

  test('changes the URI before a location is chosen', async () => {
    assert.equal(await body('/server/x?a=1'), '/from-server/x|a=1|/server/x?a=1');
  });
  test('looks for a location again after last, and does not go on', async () => {
    assert.equal(await body('/last/x'), '/shown/x?');
  });
  test('stays in the location after break, and carries out nothing more', async () => {
    assert.equal(await body('/break/page'), 'a page');
  });
  test('goes on with the next rewrite where no flag is given', async () => {
    assert.equal(await body('/plain/x'), '/shown/twice/x?');
  });
  test('stays in the location at the directive break', async () => {
    assert.equal(await body('/chain/page'), 'in the middle');
  });
  test('keeps, adds to, drops and replaces arguments', async () => {
    assert.equal(await body('/args/keep?a=1'), '/shown/x?a=1');
    assert.equal(await body('/args/add?a=1'), '/shown/x?b=2&a=1');
    assert.equal(await body('/args/add'), '/shown/x?b=2');
    assert.equal(await body('/args/drop?a=1'), '/shown/x?');
    assert.equal(await body('/args/replace?a=1'), '/shown/x?b=2');
  });
  test('escapes captures in arguments where the client had escaped its URI', async () => {
    assert.equal(await body('/args/capture/a%26b%3Dc'), '/shown/x?p=a%26b=c');
    assert.equal(await body('/args/capture/a&b'), '/shown/x?p=a&b');
  });
  test('redirects', async () => {
    assert.deepEqual(await location('/redirect?a=1'), [302, `http://localhost:${proxy.port}/to?a=1`]);
    assert.deepEqual(await location('/permanent?a=1'), [301, 'http://other.example/permanent?a=1']);
    assert.deepEqual(await location('/absolute?a=1'), [302, 'http://other.example/a?b=c&a=1']);
    assert.deepEqual(await location('/scheme'), [302, 'http://other.example/']);
    assert.deepEqual(await location('/dropped?a=1'), [302, 'http://other.example/a']);
  });
  test('makes variables of named groups', async () => {
    assert.equal(await body('/named/ann/page'), '/shown/page?who=ann');
  });
  test('answers 500 to an empty URI and to a cycle', async () => {
    assert.equal((await get(proxy.port, '/nothing')).status, 500);
    assert.equal((await get(proxy.port, '/cycle')).status, 500);
    assert.ok(proxy.messages('error').some((m) => m.includes('the rewritten URI has a zero length')));
    assert.ok(
      proxy.messages('error').some((m) => m.includes('rewrite or internal redirection cycle while processing')),
    );
  });
  test('forgets captures where it does not match', async () => {
    assert.equal(await body('/nomatch'), '|');
  });
  test('logs what it does with rewrite_log', async () => {
    await get(proxy.port, '/last/logged');
    const messages = proxy.messages('notice').join('\n');
    assert.match(messages, /"\^\/last\/\(\.\*\)\$" matches "\/last\/logged"/);
    assert.match(messages, /rewritten data: "\/shown\/logged", args: ""/);
    assert.match(messages, /"\^\/server\/\(\.\*\)\$" does not match "\/last\/logged"/);
  });
  test('resolves escapes in redirects, except those that would break the head', async () => {
    assert.equal((await location('/unescape/1?r=http%3A%2F%2Fexample.com%2F%3Ffrom'))[1], 'http://example.com/?from');
    assert.equal((await location('/unescape/1?r=http%3A%2F%2Fexample.com%0D%0Ax'))[1], 'http://example.com%0D%0Ax');
    assert.equal((await location('/unescape/2'))[1], 'http://example.com/a%20bA/c');
    assert.equal((await location('/unescape/3/a%20b'))[1], 'http://example.com/x/a%20b');
  });
});

describe('return', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      default_type text/html;
      types { text/css css; }
      server {
        listen 127.0.0.1:0;
        error_page 404 /404;
        location /text { return 200 "a text for $arg_a"; }
        location /empty { return 200; }
        location /none { return 204; }
        location /teapot { return 418 "short and stout"; }
        location /refused { return 403; }
        location /missing { return 404; }
        location /own404 { return 404 "mine"; }
        location = /404 { return 200 "page"; }
        location /301 { return 301 /new?$args; }
        location /303 { return 303 http://other.example/; }
        location /307 { return 307 /x; }
        location /308 { return 308 /x; }
        location /url { return http://other.example$uri; }
        location /nowhere { return 301; }
        location /gone { return 444; }
      }
      server { listen 127.0.0.2:0; return 503; location / { return 200; } }`);
  });
  after(() => proxy.close());

  test('answers with a text of the default type, or that of the extension', async () => {
    const answer = await get(proxy.port, '/text?a=me');
    assert.deepEqual([answer.status, answer.body, answer.field('content-type')], [200, 'a text for me', 'text/html']);
    assert.equal((await get(proxy.port, '/text.css')).field('content-type'), 'text/css');
    assert.equal(answer.field('content-length'), '13');
  });
  test('answers with an empty body', async () => {
    const answer = await get(proxy.port, '/empty');
    assert.deepEqual([answer.status, answer.body, answer.field('content-length')], [200, '', '0']);
    assert.equal((await get(proxy.port, '/none')).status, 204);
  });
  test('leaves errors without a text to error_page, and those with one alone', async () => {
    assert.equal((await get(proxy.port, '/missing')).body, 'page');
    assert.equal((await get(proxy.port, '/missing')).status, 404);
    assert.equal((await get(proxy.port, '/own404')).body, 'mine');
    assert.match((await get(proxy.port, '/refused')).body, /403 Forbidden/);
    assert.equal((await get(proxy.port, '/teapot')).statusLine.slice(0, 12), 'HTTP/1.1 418');
  });
  test('redirects', async () => {
    const origin = `http://localhost:${proxy.port}`;
    for (const [path, status, to] of [
      ['/301?a=1', 301, `${origin}/new?a=1`],
      ['/303', 303, 'http://other.example/'],
      ['/307', 307, `${origin}/x`],
      ['/308', 308, `${origin}/x`],
      ['/url', 302, 'http://other.example/url'],
    ] as const) {
      const answer = await get(proxy.port, path);
      assert.deepEqual([answer.status, answer.field('location')], [status, to], path);
    }
    assert.equal((await get(proxy.port, '/nowhere')).field('location'), '');
  });
  test('closes the connection without an answer at 444', async () => {
    assert.equal(await exchange(proxy.port, request('/gone')), '');
  });
  test('ends the request at the level of the server', async () => {
    const target = { host: '127.0.0.2', port: proxy.portOf('127.0.0.2') };
    assert.equal((await get(target, '/')).status, 503);
  });
});

describe('set and if', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      map $arg_m $mapped { default unset; }
      server {
        listen 127.0.0.1:0;
        set $a 1;
        set $b "$a$a";
        if ($arg_mode = server) { set $a 2; }
        if ($arg_end) { return 410; }

        location /set { set $a "$a-$b"; set $mapped changed; set $args "x=$a"; return 200 "$a $b $mapped $args"; }
        location /unset { if ($arg_no) { set $never 1; } return 200 "[$never]"; }
        location /silent { uninitialized_variable_warn off; if ($arg_no) { set $never 1; } return 200 "[$never]"; }
        location /capture/ { if ($uri ~ "^/capture/(.*)$") { set $c $1; } return 200 "$c"; }

        location /truth { if ($arg_c) { return 204; } return 200; }
        location /eq { if ($arg_c = "1$arg_d") { return 204; } return 200; }
        location /ne { if ($arg_c != 2) { return 204; } return 200; }
        location /match { if ($arg_c ~ foo) { return 204; } return 200; }
        location /imatch { if ( $arg_c ~* foo ) { return 204; } return 200; }
        location /nomatch { if ($arg_c !~ foo) { return 204; } return 200; }
        location /noimatch { if ($arg_c !~* foo) { return 204; } return 200; }
        location /f { if (-f %%DIR%%/$arg_c) { return 204; } return 200; }
        location /nf { if (!-f %%DIR%%/$arg_c) { return 204; } return 200; }
        location /d { if (-d %%DIR%%/$arg_c) { return 204; } return 200; }
        location /e { if (-e %%DIR%%/$arg_c) { return 204; } return 200; }
        location /ne2 { if (!-e %%DIR%%/$arg_c) { return 204; } return 200; }
        location /x { if (-x %%DIR%%/$arg_c) { return 204; } return 200; }

        location /config {
          add_header X-Where outside;
          if ($arg_one) { add_header X-Where one; }
          if ($arg_two) { add_header X-Where two; set $seen two; }
          return 200 "$seen";
        }
        location /rewritten { if ($arg_go) { rewrite ^ /set last; } return 200 stayed; }
        location /broken { if ($arg_stop) { break; } return 200 "not stopped"; root %%DIR%%/html; }
      }`,
      {},
      { files: { file: 'x', 'dir/x': 'y', 'html/broken': 'stopped' } },
    );
  });
  after(() => proxy.close());

  const body = async (path: string) => (await get(proxy.port, path)).body;
  const status = async (path: string) => (await get(proxy.port, path)).status;

  test('gives variables values, in the order written', async () => {
    assert.equal(await body('/set'), '1-11 11 changed x=1-11');
    assert.equal(await body('/set?mode=server'), '2-11 11 changed x=2-11');
  });
  test('ends a request at the level of the server', async () => {
    assert.equal(await status('/set?end=1'), 410);
    assert.equal(await status('/set?end=0'), 200);
  });
  test('warns of a variable that was given no value', async () => {
    assert.equal(await body('/silent'), '[]');
    assert.deepEqual(proxy.messages('warn'), []);
    assert.equal(await body('/unset'), '[]');
    assert.match(proxy.messages('warn').join(), /using uninitialized "never" variable/);
  });
  test('takes over captures, escaped where the client had escaped its URI', async () => {
    assert.equal(await body('/capture/a&b'), 'a&b');
    assert.equal(await body('/capture/a%26b'), 'a%26b');
  });

  for (const [path, expected] of Object.entries({
    '/truth?c=1': 204,
    '/truth?c=00': 204,
    '/truth?c=0': 200,
    '/truth?c=': 200,
    '/truth': 200,
    '/eq?c=1': 204,
    '/eq?c=12&d=2': 204,
    '/eq?c=2': 200,
    '/ne?c=1': 204,
    '/ne?c=2': 200,
    '/match?c=food': 204,
    '/match?c=FooD': 200,
    '/imatch?c=FooD': 204,
    '/imatch?c=bar': 200,
    '/nomatch?c=FooD': 204,
    '/nomatch?c=food': 200,
    '/noimatch?c=bar': 204,
    '/noimatch?c=FOO': 200,
    '/f?c=file': 204,
    '/f?c=dir': 200,
    '/f?c=none': 200,
    '/nf?c=file': 200,
    '/nf?c=dir': 204,
    '/d?c=dir': 204,
    '/d?c=file': 200,
    '/e?c=file': 204,
    '/e?c=dir': 204,
    '/e?c=none': 200,
    '/e?c=file/x': 200,
    '/ne2?c=none': 204,
    '/x?c=dir': 204,
    '/x?c=file': 200,
  })) {
    test(`${path} is ${expected}`, async () => assert.equal(await status(path), expected));
  }

  test('handles the request by the body of the last condition that held', async () => {
    const where = async (query: string) => (await get(proxy.port, `/config?${query}`)).field('x-where');
    assert.equal(await where(''), 'outside');
    assert.equal(await where('one=1'), 'one');
    assert.equal(await where('one=1&two=1'), 'two');
    assert.equal(await body('/config?two=1'), 'two');
  });
  test('ends the script from within its body', async () => {
    assert.equal(await body('/rewritten'), 'stayed');
    assert.match(await body('/rewritten?go=1'), /^1-11/);
    assert.equal(await body('/broken?stop=1'), 'stopped');
    assert.equal(await body('/broken'), 'not stopped');
  });
});

/** Debian's nginx and tsproxy where a regular expression takes too many steps. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { until } from '../kit/index.js';
import { bytes } from './cases/request.js';
import { unavailable } from './nginx.js';
import { type Oracle, startOracle } from './oracle.js';

const REPEATED = 40;
const many = (letter: string) => letter.repeat(REPEATED);

const config = `
  log_format one '$request_uri $status';
  error_log %%DIR%%/alerts alert;
  map $arg_map $mapped { default d; ~^(?<last>b+)+$ $last; ~. other; }
  server {
    listen 127.0.0.1:%%PORT%% default_server;
    access_log %%DIR%%/access one;
    location ~ ^/(a+)+$ { return 200 location; }
    location ~* ^/i(a|a|b)*$ { return 200 caseless; }
    location ~ ^/p/(.*)/(.*)/(.*)/(.*)\\.php$ { return 200 php; }
    location /map { return 200 "mapped=$mapped"; }
    location /rewrite { rewrite ^/rewrite/(c+)+$ /x break; return 200 $uri; }
    location /if { if ($arg_if ~ ^(d+)+$) { return 200 yes; } return 200 no; }
    location /redirect { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect ~^/(e+)+$ /x; proxy_redirect ~. /y; }
    location /path { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_cookie_path ~^/(e+)+$ /x; }
    location /domain { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_cookie_domain ~^(e+)+$ x; }
    location /flags { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_cookie_flags ~^(e+)+$ secure; }
    location /kept { if ($arg_k ~ ^(?:(a)|b)+$) { return 200 "[$1]"; } return 200 no; }
    location /unset { if ($arg_k ~ ^(a)|b(x)?) { return 200 "[$1][$2]"; } return 200 no; }
    location /recursion { if ($arg_k ~ "^(\\((?:[^()]|(?1))*\\))$") { return 200 "[$1]"; } return 200 no; }
    location /condition { if ($arg_k ~ ^(<)?a(?(1)>|b)$) { return 200 "[$1]"; } return 200 no; }
    location /keep { if ($arg_k ~ a(b)\\Kc) { return 200 "[$1]"; } return 200 no; }
    location / { return 200 ok; }
  }
  server {
    listen 127.0.0.1:%%PORT%%;
    server_name ~^(f+)+\\.x$;
    return 200 name;
  }`;

const backend = ({ target }: { readonly target: string }): string => {
  const value = many('e');
  const field = target.startsWith('/redirect')
    ? `Location: /${value}!`
    : target.startsWith('/path')
      ? `Set-Cookie: a=b; path=/${value}!`
      : target.startsWith('/domain')
        ? `Set-Cookie: a=b; domain=${value}!`
        : `Set-Cookie: ${value}!=b`;
  return `HTTP/1.1 200 OK\r\n${field}\r\nContent-Length: 2\r\n\r\nok`;
};

describe('nginx and tsproxy limit the search for a regular expression', { skip: unavailable }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await startOracle({ name: 'expressions', config, backend, cases: [] });
  });
  after(() => oracle?.close());

  const cases: Record<string, string> = {
    'a location': bytes(`GET /${many('a')}!`, []),
    'a location without regard to case': bytes(`GET /i${many('A')}!`, []),
    'a map, which takes its default': bytes(`GET /map?map=${many('b')}!`, []),
    'a rewrite': bytes(`GET /rewrite/${many('c')}!`, []),
    'an if': bytes(`GET /if?if=${many('d')}!`, []),
    'proxy_redirect, which leaves the field': bytes('GET /redirect', []),
    proxy_cookie_path: bytes('GET /path', []),
    proxy_cookie_domain: bytes('GET /domain', []),
    proxy_cookie_flags: bytes('GET /flags', []),
    'a server name': `GET /host HTTP/1.1\r\nHost: ${many('f')}-.x\r\n\r\n`,
  };
  for (const [name, request] of Object.entries(cases)) {
    it(`of ${name}`, async () => {
      const { nginx, tsproxy } = await oracle.ask(request);
      assert.deepEqual(tsproxy.answers.map(essence), nginx.answers.map(essence));
    });
  }

  it('and log the same', async () => {
    const count = Object.keys(cases).length;
    const lines = (log: string) =>
      log
        .split('\n')
        .filter((line) => line.includes('pcre2_match'))
        // nginx logs the expression of a map from memory that it has freed.
        .map((line) =>
          line.replace(/^.*?(pcre2_match.*?" using ".*?").*$/, '$1').replace(/( on "b+!" using ).*/, '$1'),
        );
    await until('both have logged', () => {
      const { nginx, tsproxy } = oracle.read('alerts');
      return lines(nginx).length >= count && lines(tsproxy).length >= count;
    });
    const { nginx, tsproxy } = oracle.read('alerts');
    assert.deepEqual(lines(tsproxy), lines(nginx));
    const access = oracle.read('access');
    assert.deepEqual(access.tsproxy.split('\n'), access.nginx.split('\n'));
  });

  it('four stars and three kilobytes are answered at once, whatever the answer', async () => {
    const { tsproxy } = await oracle.ask(bytes(`GET /p${'/x'.repeat(1500)}.ph`, []));
    assert.match(tsproxy.answers[0] ?? '', /^HTTP\/1\.1 (200|500) /);
  });

  it('groups are what PCRE has in them, with notations that JavaScript does not know', async () => {
    for (const path of [
      '/kept?k=ab',
      '/kept?k=aab',
      '/kept?k=b',
      '/unset?k=a',
      '/unset?k=b',
      '/recursion?k=((a)(b(c)))',
      '/recursion?k=((a)(b(c))',
      '/condition?k=<a>',
      '/condition?k=ab',
      '/condition?k=<ab',
      '/keep?k=abc',
    ]) {
      const { nginx, tsproxy } = await oracle.ask(bytes(`GET ${path}`, []));
      assert.deepEqual(tsproxy.answers.map(essence), nginx.answers.map(essence), path);
    }
  });
});

/** Status, fields that are rewritten, and the body; of errors only the status. */
function essence(answer: string): string {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const status = /^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? '';
  if (Number(status) >= 400) return status;
  return [status, ...head.split('\r\n').filter((line) => /^(Location|Set-Cookie):/i.test(line)), body].join('\n');
}

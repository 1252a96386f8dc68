import { createHash } from 'node:crypto';
import { reply } from '../../kit/index.js';
import type { OracleCase, OracleGroup } from '../oracle.js';
import { ask } from './request.js';

const md5 = (text: string) => createHash('md5').update(text);
const FUTURE = 4102444800;
const signature = (expires: string, uri: string) => md5(`${expires}${uri} secret`).digest('base64url');

const referer = (path: string, value: string): OracleCase => ask(`GET ${path}`, [`Referer: ${value}`]);
const agent = (value: string): OracleCase => ask('GET /browser', [`User-Agent: ${value}`]);

/** An identifier in base64 without padding. */
const UID = 'fwAAAWVT8QAAAQECAgMDAwM'.slice(0, 22);
const uid = (path: string, cookie: string): OracleCase => ask(`GET ${path}`, [`Cookie: ${cookie}`]);

export const smallModules: OracleGroup = {
  name: 'addition, secure_link, referer, userid, random_index',
  config: `
    types { text/html html; text/plain txt; }
    root %%ROOT%%;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name own.example *.own.example ~^re\\d+\\.example$;
      location / { }
      location /added/ { alias %%ROOT%%/; add_before_body /before.txt; add_after_body /after.txt; }
      location /before/ { alias %%ROOT%%/; add_before_body /before.txt; addition_types text/plain; }
      location /after/ { alias %%ROOT%%/; add_after_body /missing; addition_types *; }
      location /nested/ { alias %%ROOT%%/; add_after_body /added/page.html; }
      location /sub/ { alias %%ROOT%%/; add_before_body /before.txt; sub_filter before AFTER; ssi on; gzip on; gzip_vary on; }
      location /proxied/ { proxy_pass http://127.0.0.1:%%BACKEND%%; add_before_body /slow/1; add_after_body /slow/2; }
      location /slow/ { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /error { add_before_body /before.txt; default_type text/html; return 404; }
      location /empty { add_before_body /before.txt; add_after_body /after.txt; default_type text/html; return 200 ""; }

      location /link { secure_link $arg_md5; secure_link_md5 " $uri secret"; return 200 "<$secure_link><$secure_link_expires>"; }
      location /expiring {
        secure_link $arg_md5,$arg_expires; secure_link_md5 "$arg_expires$uri secret";
        return 200 "<$secure_link><$secure_link_expires>";
        location /expiring/inner { secure_link $arg_other; return 200 "<$secure_link>"; }
      }
      location /p/ { secure_link_secret enigma; return 200 "<$secure_link>"; }

      location /referer/hosts {
        valid_referers none blocked www.a.example *.b.example .c.example d.example.* e.example/path;
        return 200 "<$invalid_referer>";
        location /referer/hosts/inherited { return 200 "<$invalid_referer>"; }
      }
      location /referer/strict { valid_referers a.example; return 200 "<$invalid_referer>"; }
      location /referer/regex {
        valid_referers ~\\.google\\. ~^x\\.example/y; return 200 "<$invalid_referer>";
        location /referer/regex/inner { valid_referers a.example; return 200 "<$invalid_referer>"; }
      }
      location /referer/names { valid_referers server_names; return 200 "<$invalid_referer>"; }
      location /referer/off { return 200 "<$invalid_referer>"; }

      location /uid/log { userid log; return 200 "<$uid_got><$uid_set>"; }
      location /uid/on { userid on; userid_name id; return 200 "<$uid_got>"; }
      location /uid/marked { userid on; userid_name id; userid_mark m; userid_expires max; userid_domain a.example; userid_path /x; userid_flags secure httponly samesite=lax; userid_p3p P; return 200 "<$uid_got><$uid_set>"; }
      location /uid/off { return 200 "<$uid_got><$uid_set>"; }
      location /uid/kept { userid on; userid_name id; set $uid_reset 0; return 200 "<$uid_got><$uid_set>"; }

      location /random/ { alias %%ROOT%%/one/; random_index on; }
      location /random-none/ { alias %%ROOT%%/none/; random_index on; }
      location /random-missing/ { alias %%ROOT%%/missing/; random_index on; }
      location /random-off/ { alias %%ROOT%%/one/; random_index off; index other.html; }

      location /browser {
        modern_browser msie 5.5; modern_browser gecko 1.8; modern_browser safari 413; modern_browser unlisted;
        ancient_browser netscape4 Links; modern_browser_value new; ancient_browser_value old;
        return 200 "<$modern_browser><$ancient_browser><$msie>";
        location /browser/listed { ancient_browser Lynx; return 200 "<$modern_browser><$ancient_browser>"; }
      }
      location /browser-default { modern_browser opera 9.0; return 200 "<$modern_browser><$ancient_browser>"; }
    }`,
  files: {
    'before.txt': 'before ',
    'after.txt': ' after',
    'page.html': '<p>a page</p>',
    'plain.txt': 'plain',
    'one/.hidden': 'hidden',
    'one/only.html': 'the only file',
    'one/directory/x': '',
    'one/dangling': '-> nowhere',
    'none/directory/x': '',
    'large.html': 'large '.repeat(50_000),
  },
  backend: ({ target }) =>
    reply(target.startsWith('/slow/') ? `(${target})` : 'from the back end '.repeat(2000), {
      fields: ['Content-Type: text/html', 'ETag: "e"'],
    }),
  cases: [
    ...['added', 'before', 'after', 'nested', 'sub'].flatMap((place) =>
      ['page.html', 'plain.txt', 'large.html', 'missing.html'].map((name) => ask(`GET /${place}/${name}`)),
    ),
    ask('HEAD /added/page.html'),
    ask('GET /added/page.html', ['Range: bytes=0-3']),
    ask('GET /added/page.html HTTP/1.0'),
    ask('GET /sub/page.html', ['Accept-Encoding: gzip']),
    ask('GET /proxied/x'),
    ask('GET /error'),
    ask('GET /empty'),

    ask(`GET /link?md5=${signature('', '/link').replace('==', '')}`),
    ask(`GET /link?md5=${md5(' /link secret').digest('base64url')}`),
    ask(`GET /link?md5=${md5(' /link secret').digest('base64').replaceAll('+', '-').replaceAll('/', '_')}`),
    ...['', 'x', 'AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'a*'].map((hash) =>
      ask(`GET /link?md5=${hash}`),
    ),
    ask(`GET /expiring?md5=${signature(String(FUTURE), '/expiring')}&expires=${FUTURE}`),
    ask(`GET /expiring?md5=${signature('1000', '/expiring')}&expires=1000`),
    ask(`GET /expiring?md5=${signature('0', '/expiring')}&expires=0`),
    ask(`GET /expiring?md5=${signature('x', '/expiring')}&expires=x`),
    ask(`GET /expiring?md5=${signature('', '/expiring')}&expires=`),
    ask(`GET /expiring?md5=${signature('1000', '/expiring')}&expires=2000`),
    ask(`GET /expiring/inner?other=${signature('', '/expiring/inner')}`),
    ask(`GET /p/${md5('linkenigma').digest('hex')}/link`),
    ask(`GET /p/${md5('linkenigma').digest('hex').toUpperCase()}/link`),
    ask(`GET /p/${md5('link?a=benigma').digest('hex')}/link?a=b`),
    ask(`GET /p/${md5('linkenigma').digest('hex')}/other`),
    ask(`GET /p/${md5('enigma').digest('hex')}/`),
    ask('GET /p/x'),
    ask('GET /p/x/link'),

    ...['hosts', 'hosts/inherited', 'strict', 'regex', 'regex/inner', 'names', 'off'].flatMap((place) => [
      ask(`GET /referer/${place}`),
      ...[
        'http://www.a.example/x',
        'HTTPS://WWW.A.EXAMPLE',
        'http://a.example',
        'http://a.example:8080/x',
        'http://b.example/',
        'http://x.y.b.example/',
        'http://c.example/',
        'http://x.c.example/',
        'http://d.example.org/',
        'http://e.example/path/x',
        'http://e.example/other',
        'http://e.example',
        'http://www.google.com/search',
        'http://x.example/yes',
        'http://own.example/',
        'http://sub.own.example/',
        'http://re12.example/',
        'ftp://a.example/',
        'http://i.r',
        'blocked',
        '',
      ].map((value) => referer(`/referer/${place}`, value)),
    ]),

    ...['on', 'marked', 'off', 'kept'].flatMap((place) =>
      [`id=${UID}==`, `id=${UID}m=`, `ID=${UID}n=`].map((cookie) => uid(`/uid/${place}`, cookie)),
    ),
    uid('/uid/log', `uid=${UID}==`),
    uid('/uid/log', 'uid=short'),
    uid('/uid/log', `uid=${'*'.repeat(24)}`),

    ask('GET /random/'),
    ask('HEAD /random/'),
    ask('POST /random/', ['Content-Length: 0']),
    ask('GET /random'),
    ask('GET /random-none/'),
    ask('GET /random-missing/'),
    ask('GET /random-off/'),

    ask('GET /browser'),
    ask('GET /browser/listed', ['User-Agent: Lynx/2']),
    ask('GET /browser/listed', ['User-Agent: Links/2']),
    ask('GET /browser-default', ['User-Agent: Opera/9.01 (X11)']),
    ask('GET /browser-default', ['User-Agent: Other']),
    ...[
      'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)',
      'Mozilla/4.0 (compatible; MSIE 5.0; Windows NT 5.1)',
      'Mozilla/4.0 (compatible; MSIE 5.5)',
      'Mozilla/4.0 (compatible; MSIE 5.50.1.2.3)',
      'Mozilla/4.0 (compatible; MSIE 6.0; X11; FreeBSD i386) Opera 7.50  [en]',
      'Opera/9.01 (X11; FreeBSD 6 i386; U; en)',
      'Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.0.0) Gecko/20020610',
      'Mozilla/5.0 (X11; U; FreeBSD i386; en-US; rv:1.8.0.5) Gecko/20060729 Firefox/1.5.0.5',
      'Mozilla/5.0 (Macintosh; U; PPC Mac OS X; ru-ru) AppleWebKit/418.8 (KHTML, like Gecko) Safari/419.3',
      'Mozilla/5.0 (Macintosh; U; PPC Mac OS X; ru-ru) AppleWebKit/125.2 (KHTML, like Gecko) Safari/125.7',
      'Mozilla/4.72 [en] (X11)',
      'Mozilla/5.0',
      'Links (2.1)',
      'MSIE ',
      'MSIE 1.',
      '',
    ].map(agent),
  ],
};

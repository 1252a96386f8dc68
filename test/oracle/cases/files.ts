import type { OracleGroup } from '../oracle.js';
import { ask, bytes } from './request.js';

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

export const files: OracleGroup = {
  name: 'files',
  config: `
    types { text/html html htm; text/css css; image/png png; }
    default_type application/octet-stream;
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name localhost;
      location /plain/ { etag off; default_type ""; }
      location /alias/ { alias %%ROOT%%/dir/; }
      location /noslash { alias %%ROOT%%/dir; }
      location ~ ^/re/(.*)$ { alias %%ROOT%%/dir/$1; }
      location ~ ^/fixed/ { alias %%ROOT%%/a.txt; }
      location /vars/ { root %%ROOT%%/$arg_d; }
      location /inner/ { internal; }
      location /rewritten/ { alias %%ROOT%%/dir/; rewrite ^ /dir/file.txt break; }
      location /broken/ { root %%ROOT%%/dir; rewrite ^/broken(.*) $1 break; }
      location = /exact.txt { root %%ROOT%%/dir; }
      location /upper/ { types { } default_type text/x-own; }
      location ^~ /nested/ {
        alias %%ROOT%%/dir/;
        location ~ \\.css$ { default_type text/x-nested; }
      }
      location /quiet/ { log_not_found off; }
      location /late-slash { root %%ROOT%%/dir/; }
      location /absolute/ { alias %%ROOT%%/dir/; absolute_redirect off; }
      location /noport/ { alias %%ROOT%%/; port_in_redirect off; }
      location /named-redirect/ { alias %%ROOT%%/; server_name_in_redirect on; }
    }`,
  files: {
    'a.txt': 'a text\n',
    'a.html': '<p>a page</p>\n',
    'index.html': 'the index\n',
    'UPPER.HTML': 'loud\n',
    'many.dots.css': 'p {}\n',
    'no-extension': 'bare',
    '.hidden': 'secret',
    '.hidden.html': 'secret page',
    'empty.txt': '',
    'with space.txt': 'space',
    [utf8('ü.txt')]: 'umlaut',
    'semi;colon.txt': 'semicolon',
    'quest?ion.txt': 'question',
    'per%cent.txt': 'percent',
    'a"quote.txt': 'quote',
    'large.bin': 'X'.repeat(300_000),
    'edge.bin': 'E'.repeat(65536),
    'edge1.bin': 'E'.repeat(65537),
    'dir/file.txt': 'in the directory',
    'dir/style.css': 'b {}',
    'dir/index.html': 'directory index',
    'dir/exact.txt': 'exact',
    'dir/late-slash/x.txt': 'late',
    'dir with space/index.html': 'spaced',
    'plain/x': 'plain',
    'upper/x.html': 'typed',
    'inner/x.txt': 'internal',
    'noindex/x.txt': 'x',
    'vars/x.txt': 'no variable',
    'other/vars/x.txt': 'variable',
    'link.txt': '-> a.txt',
    'link-dir': '-> dir',
    'dangling.txt': '-> nowhere',
    'loop.txt': '-> loop.txt',
  },
  cases: [
    ask('GET /a.txt'),
    ask('HEAD /a.txt'),
    ask('GET /a.txt HTTP/1.0'),
    ask('GET /a.txt HTTP/1.0', ['Connection: keep-alive']),
    ask('GET /a.txt', ['Connection: close']),
    ask('GET /a.html'),
    ask('GET /UPPER.HTML'),
    ask('GET /many.dots.css'),
    ask('GET /no-extension'),
    ask('GET /.hidden'),
    ask('GET /.hidden.html'),
    ask('GET /empty.txt'),
    ask('HEAD /empty.txt'),
    ask('GET /with%20space.txt'),
    ask('GET /%C3%BC.txt'),
    ask('GET /semi;colon.txt'),
    ask('GET /quest%3Fion.txt'),
    ask('GET /per%25cent.txt'),
    ask('GET /a%22quote.txt'),
    ask('GET /large.bin'),
    ask('HEAD /large.bin'),
    ask('GET /edge.bin'),
    ask('GET /edge1.bin'),
    ask('GET /'),
    ask('HEAD /'),
    ask('GET /?a=b'),
    ask('GET /dir'),
    ask('GET /dir?a=b&c'),
    ask('GET /dir/'),
    ask('POST /dir'),
    ask('GET /dir%20with%20space'),
    ask('GET /dir%20with%20space?x'),
    ask('GET /noindex/'),
    ask('HEAD /noindex/'),
    ask('GET /nothing'),
    ask('HEAD /nothing'),
    ask('GET /nothing/'),
    ask('GET /nothing/deep/er'),
    ask('GET /a.txt/'),
    ask('GET /a.txt/x'),
    ask(`GET /${'n'.repeat(300)}`),
    ask('POST /a.txt', ['Content-Length: 3'], 'abc'),
    ask('POST /nothing', ['Content-Length: 3'], 'abc'),
    ask('POST /', ['Content-Length: 3'], 'abc'),
    ask('PUT /a.txt', ['Content-Length: 3'], 'abc'),
    ask('PUT /noindex/', ['Content-Length: 3'], 'abc'),
    ask('DELETE /a.txt'),
    ask('OPTIONS /a.txt'),
    ask('PATCH /nothing'),
    ask('FROB /a.txt'),
    ask('GET //a.txt'),
    ask('GET /dir/../a.txt'),
    ask('GET /./a.txt'),
    ask('GET /dir/./file.txt'),
    ask('GET /dir/%2e%2e/a.txt'),
    ask('GET /../a.txt'),
    ask('GET /dir/../../a.txt'),
    ask('GET /dir/..'),
    ask('GET /dir/.'),
    ask('GET /a.txt%00.html'),
    ask('GET /a.txt#fragment'),
    ask('GET /%61.txt'),
    ask('GET /%6'),
    ask('GET /%zz'),
    ask('GET /link.txt'),
    ask('GET /link-dir'),
    ask('GET /link-dir/file.txt'),
    ask('GET /dangling.txt'),
    ask('GET /loop.txt'),
    ask('GET /plain/x'),
    ask('GET /upper/x.html'),
    ask('GET /alias/file.txt'),
    ask('GET /alias/'),
    ask('GET /alias/none'),
    ask('GET /alias'),
    ask('GET /noslash/file.txt'),
    ask('GET /noslash'),
    ask('GET /noslash/'),
    ask('GET /noslashfile.txt'),
    ask('GET /re/file.txt'),
    ask('GET /re/style.css'),
    ask('GET /re/'),
    ask('GET /re/none'),
    ask('GET /fixed/any/thing.html'),
    ask('GET /vars/x.txt'),
    ask('GET /vars/x.txt?d=other'),
    ask('GET /vars/x.txt?d=none'),
    ask('GET /inner/x.txt'),
    ask('GET /rewritten/x'),
    ask('GET /broken/file.txt'),
    ask('GET /exact.txt'),
    ask('GET /nested/style.css'),
    ask('GET /nested/file.txt'),
    ask('GET /quiet/none'),
    ask('GET /late-slash/x.txt'),
    ask('GET /late-slash'),
    ask('GET /absolute/none'),
    ask('GET /absolute'),
    ask('GET /noport/dir'),
    ask('GET /named-redirect/dir', ['Host: elsewhere:81']),
    ask('GET /dir', ['Host: ELSEWHERE.example:8080']),
    ask('GET /dir HTTP/1.0', ['Host: old']),
    {
      name: 'two requests in one packet',
      send: bytes('GET /a.txt') + bytes('GET /dir/file.txt', ['Connection: close']),
    },
    { name: 'three requests, the second fails', send: bytes('GET /a.txt') + bytes('GET /x') + bytes('GET /a.html') },
    { name: 'a HEAD before a GET', send: bytes('HEAD /large.bin') + bytes('GET /a.txt') },
  ],
};

export const index: OracleGroup = {
  name: 'index and autoindex',
  config: `
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      location / { index none.html second.html; }
      location /var/ { index $arg_i.html fallback.html; }
      location /absolute/ { index none.html /target.txt; }
      location /constant/ { index /target.txt?x=1; }
      location /other/ { index page.php; }
      location ~ \\.php$ { return 200 "php $uri $args\\n"; }
      location /sub/ { index deep/file.txt; }
      location /alias/ { alias %%ROOT%%/list/; index none; autoindex on; }
      location /list/ { autoindex on; }
      location /utf/ { alias %%ROOT%%/list/; autoindex on; charset utf-8; }
      location /round/ { alias %%ROOT%%/list/; autoindex on; autoindex_exact_size off; }
      location /json/ { alias %%ROOT%%/list/; autoindex on; autoindex_format json; }
      location /jsonp/ { alias %%ROOT%%/list/; autoindex on; autoindex_format jsonp; }
      location /xml/ { alias %%ROOT%%/list/; autoindex on; autoindex_format xml; }
      location /local/ { alias %%ROOT%%/list/; autoindex on; autoindex_localtime on; }
      location /noslash { alias %%ROOT%%/list; autoindex on; }
    }`,
  files: {
    'second.html': 'second',
    'target.txt': 'target',
    'var/a.html': 'a',
    'var/fallback.html': 'fallback',
    'absolute/x': '',
    'constant/x': '',
    'other/page.php': 'source',
    'sub/deep/file.txt': 'deep',
    'loop/x': '',
    'list/b.txt': 'b',
    'list/a.txt': 'aa',
    'list/dir/x': '',
    'list/Z/x': '',
    'list/.hidden': '',
    'list/<angle>&"quote': '1',
    'list/with space?': '1',
    [`list/${'l'.repeat(60)}`]: 'long',
    [`list/${'m'.repeat(50)}`]: 'fifty',
    [`list/${'d'.repeat(50)}/x`]: '',
    [`list/${'e'.repeat(49)}/x`]: '',
    [utf8(`list/${'ж'.repeat(30)}`)]: 'cyrillic',
    'list/invalid\xff': 'bytes',
    'list/10k.bin': 'k'.repeat(10752),
    'list/2m.bin': 'm'.repeat(1600 * 1024),
    'list/link': '-> a.txt',
  },
  cases: [
    ask('GET /'),
    ask('GET /?x=y'),
    ask('POST /', ['Content-Length: 0']),
    ask('GET /var/'),
    ask('GET /var/?i=a'),
    ask('GET /absolute/'),
    ask('GET /constant/'),
    ask('GET /other/?q'),
    ask('GET /sub/'),
    ask('GET /loop/'),
    ask('GET /list/'),
    ask('HEAD /list/'),
    ask('POST /list/', ['Content-Length: 0']),
    ask('GET /list/ HTTP/1.0'),
    ask('GET /alias/'),
    ask('GET /utf/'),
    ask('GET /round/'),
    ask('GET /json/'),
    ask('GET /jsonp/'),
    ask('GET /jsonp/?callback=f.g_1'),
    ask('GET /jsonp/?callback=a(b)'),
    ask('GET /xml/'),
    ask('GET /local/'),
    ask('GET /noslash/'),
    ask('GET /list/none/'),
    ask('GET /list/a.txt/'),
    ask('GET /list'),
  ],
};

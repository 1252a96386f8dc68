import { gzipSync } from 'node:zlib';
import { reply } from '../../kit/index.js';
import type { OracleCase, OracleGroup } from '../oracle.js';
import { ask, knownFor, NEWER } from './request.js';

const TEXT = Array.from({ length: 800 }, (_, i) => `line ${i} of a text that can be compressed\n`).join('');
const packed = (text: string) => gzipSync(text).toString('latin1');

const DATE = 'Tue, 14 Nov 2023 22:13:20 GMT';
const PAST = 'Thu, 01 Jan 1970 00:00:01 GMT';
const FUTURE = 'Fri, 01 Jan 2100 00:00:00 GMT';

/** Fields of the back end's responses, by path. */
const RESPONSES: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  etag: ['ETag: "abc"'],
  weak: ['ETag: W/"abc"'],
  odd: ['ETag: abc'],
  modified: [`Last-Modified: ${DATE}`],
  ranges: ['Accept-Ranges: bytes'],
  encoded: ['Content-Encoding: br'],
  empty: ['Content-Encoding: '],
  vary: ['Vary: Origin'],
  expired: [`Expires: ${PAST}`],
  fresh: [`Expires: ${FUTURE}`],
  invalid: ['Expires: never'],
  older: [`Expires: ${DATE}`, `Date: ${FUTURE}`],
  'no-cache': ['Cache-Control: max-age=1, no-cache'],
  'no-store': ['Cache-Control: max-age=1', 'Cache-Control: no-store'],
  'no-stores': ['Cache-Control: no-stores'],
  private: ['Cache-Control: Private '],
  'private-field': ['Cache-Control: private="x"'],
  public: ['Cache-Control: public'],
};

const STATUSES = ['201 Created', '206 Partial Content', '301 Moved', '400 Bad', '403 No', '404 No', '500 Error'];

const ACCEPTED = ['Accept-Encoding: gzip'];
const PROXIED = [...ACCEPTED, 'Via: 1.1 proxy'];

const accept = (value: string): OracleCase => ask('GET /text.txt', [`Accept-Encoding: ${value}`]);

export const encodings: OracleGroup = {
  name: 'content codings',
  config: `
    types { text/plain txt; text/html html; text/css css; application/json json; }
    default_type application/octet-stream;
    root %%ROOT%%;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    gzip on;
    gzip_types text/plain;
    server {
      listen 127.0.0.1:%%PORT%%;
      location / { gzip_vary on; }
      location /levels/ { alias %%ROOT%%/; gzip_comp_level 9; gzip_window 512; gzip_hash 512; }
      location /none/ { alias %%ROOT%%/; gzip off; gzip_vary on; }
      location /all/ { alias %%ROOT%%/; gzip_types *; }
      location /long/ { alias %%ROOT%%/; gzip_min_length 30; gzip_vary on; }
      location /any-length/ { alias %%ROOT%%/; gzip_min_length 0; }
      location /http10/ { alias %%ROOT%%/; gzip_http_version 1.0; }
      location /old/ { alias %%ROOT%%/; gzip_disable msie6 "^old/\\d"; gzip_vary on; }
      location /if/ { alias %%ROOT%%/; if ($arg_plain) { gzip off; } }
      location /added/ { alias %%ROOT%%/; add_header X-Added a; add_header ETag '"own"'; expires 1h; }
      location /404/ { gzip_types text/html; return 404; }
      location /text { default_type text/plain; return 200 "${TEXT.slice(0, 200).replaceAll('\n', ' ')}"; }
      location /nothing { default_type text/plain; gzip_min_length 0; return 200 ""; }
      location /error-page { error_page 404 /text.txt; gzip_vary on; return 404; }
      location /sub/ { alias %%ROOT%%/; sub_filter line LINE; sub_filter_once off; sub_filter_types *; gzip_vary on; }
      location /ssi/ { alias %%ROOT%%/; ssi on; gzip_vary on; }
      location /static/ { alias %%ROOT%%/static/; gzip_static on; gzip_vary on; }
      location /static-quiet/ { alias %%ROOT%%/static/; gzip_static on; }
      location /static-always/ { alias %%ROOT%%/static/; gzip_static always; gzip_vary on; }
      location /static-gunzip/ { alias %%ROOT%%/static/; gzip_static always; gunzip on; gzip_vary on; }
      location /static-index/ { alias %%ROOT%%/static/; gzip_static on; index page.html; }
      location /proxy/ { proxy_pass http://127.0.0.1:%%BACKEND%%; gzip_vary on; }
      location /proxy-hidden/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; proxy_hide_header Content-Encoding; }
      location /proxy-off/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; gzip_proxied off; }
      location /proxy-any/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; gzip_proxied any; }
      location /proxy-expired/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; gzip_proxied expired; }
      location /proxy-cache/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; gzip_proxied no-cache no-store private; }
      location /proxy-validators/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; gzip_proxied no_last_modified no_etag; }
      location /proxy-auth/ { proxy_pass http://127.0.0.1:%%BACKEND%%/proxy/; gzip_proxied auth; }
      location /files-validators/ { alias %%ROOT%%/; gzip_proxied no_last_modified; }
      location /files-etag/ { alias %%ROOT%%/; gzip_proxied no_etag; }
      location /gunzip/ { proxy_pass http://127.0.0.1:%%BACKEND%%; gunzip on; gzip_vary on; }
      location /gunzip-head/ { proxy_pass http://127.0.0.1:%%BACKEND%%; gunzip on; gzip off; }
    }`,
  files: {
    'text.txt': TEXT,
    'page.html': `<p>${TEXT}</p>`,
    'style.css': 'p { }'.repeat(20),
    'data.json': '[1]'.repeat(20),
    '20.txt': 'x'.repeat(20),
    '19.txt': 'x'.repeat(19),
    '29.txt': 'x'.repeat(29),
    'empty.txt': '',
    'large.txt': TEXT.repeat(20),
    'include.html': '<!--#include virtual="/proxy/encoded" --><!--#include virtual="/gunzip/gzip" -->end',
    'static/page.html': 'not compressed',
    'static/page.html.gz': packed('compressed'),
    'static/only.txt.gz': packed('only compressed'),
    'static/plain.txt': 'only uncompressed, but longer than the minimum',
    'static/directory.txt': 'beside a directory',
    'static/directory.txt.gz/': '',
    'static/broken.txt': 'good',
    'static/broken.txt.gz': '\x1f\x8bbroken',
    'static/index.html.gz': packed('an index'),
    'static/index.html': 'index',
  },
  backend: ({ target }) => {
    const [, , name = ''] = target.split('/');
    const status = STATUSES.find((each) => each.startsWith(name) && name !== '');
    if (status !== undefined) return reply(TEXT, { status, fields: ['Content-Type: text/plain'] });
    if (name === 'gzip') {
      return reply(packed(TEXT), { fields: ['Content-Type: text/html', 'Content-Encoding: gzip', 'ETag: "z"'] });
    }
    if (name === 'members') {
      return reply(packed('one, ') + packed('two'), { fields: ['Content-Type: text/x', 'Content-Encoding: GZIP'] });
    }
    if (name === 'deflate') return reply('x', { fields: ['Content-Type: text/html', 'Content-Encoding: gzip, gzip'] });
    if (name === 'chunked') {
      const chunks = ['one ', 'two ', 'three'].map((each) => `${each.length.toString(16)}\r\n${each}\r\n`).join('');
      return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
    }
    return reply(TEXT, { fields: ['Content-Type: text/plain; charset=utf-8', ...(RESPONSES[name] ?? [])] });
  },
  cases: knownFor(
    [
      ask('GET /text.txt'),
      ask('GET /text.txt', ACCEPTED),
      ask('HEAD /text.txt', ACCEPTED),
      ask('GET /text.txt HTTP/1.0', ACCEPTED),
      ask('GET /http10/text.txt HTTP/1.0', ACCEPTED),
      ask('GET /http10/text.txt HTTP/1.0', [...ACCEPTED, 'Connection: keep-alive']),
      ask('GET /text.txt', [...ACCEPTED, 'Range: bytes=0-9']),
      ask('GET /none/text.txt', [...ACCEPTED, 'Range: bytes=0-9']),
      ask('GET /text.txt', [...ACCEPTED, `If-Modified-Since: ${DATE}`]),
      ask('GET /text.txt', [...ACCEPTED, 'If-None-Match: "6553f130-87a4"']),
      ask('GET /text.txt', [...ACCEPTED, 'If-None-Match: *']),
      ...['page.html', 'style.css', 'data.json', 'empty.txt', 'large.txt', 'missing.txt'].map((name) =>
        ask(`GET /${name}`, ACCEPTED),
      ),
      ...['levels', 'none', 'all', 'if', 'added', 'sub'].map((name) => ask(`GET /${name}/text.txt`, ACCEPTED)),
      ask('GET /if/text.txt?plain=1', ACCEPTED),
      ask('GET /all/data.json', ACCEPTED),
      ask('GET /20.txt', ACCEPTED),
      ask('GET /19.txt', ACCEPTED),
      ask('GET /long/29.txt', ACCEPTED),
      ask('GET /any-length/19.txt', ACCEPTED),
      ask('GET /any-length/empty.txt', ACCEPTED),
      ask('GET /404/', ACCEPTED),
      ask('GET /text', ACCEPTED),
      ask('HEAD /text', ACCEPTED),
      ask('GET /nothing', ACCEPTED),
      ask('GET /error-page', ACCEPTED),
      ask('GET /ssi/include.html', ACCEPTED),
      ask('GET /ssi/include.html'),

      // Accept-Encoding
      ...[
        'gzip, deflate',
        'gzip,x',
        'x, gzip',
        'x gzip',
        'xgzip',
        'gzipx',
        'x-gzip, gzip',
        'GZIP',
        '*',
        'identity',
        '',
      ].map(accept),
      ...['0', '1', '0.0', '0.000', '0.001', '0.0001', '1.000', '1.001', '.5', '2', '0,', '1 ,x', '', '0.', '1.'].map(
        (q) => accept(`x, gzip;q=${q}`),
      ),
      ...['gzip ; q=0', 'gzip; Q=0.5', 'gzip;x=1', 'gzip;', 'gzip; q = 1', 'gzip;q', 'gzip;q=0, gzip', 'gzip x'].map(
        accept,
      ),
      ask('GET /text.txt', ['Accept-Encoding: identity', 'Accept-Encoding: gzip']),

      // gzip_disable
      ...[
        'old/1',
        'OLD/1',
        'new old/1',
        'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)',
        'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)',
        'Mozilla/4.0 (compatible; MSIE 7.0)',
        'Mozilla/4.0 (MSIE 5.5) Opera',
        'MSIE 5.',
      ].map((agent) => ask('GET /old/text.txt', [...ACCEPTED, `User-Agent: ${agent}`])),

      // upstream responses
      ...Object.keys(RESPONSES).map((name) => ask(`GET /proxy/${name}`, ACCEPTED)),
      ...STATUSES.map((status) => ask(`GET /proxy/${status.slice(0, 3)}`, ACCEPTED)),
      ask('GET /proxy/chunked', ACCEPTED),
      ask('GET /proxy/gzip', ACCEPTED),
      ask('HEAD /proxy/plain', ACCEPTED),
      ask('GET /proxy/plain HTTP/1.0', ACCEPTED),
      ask('GET /proxy-hidden/encoded', ACCEPTED),

      // gzip_proxied
      ask('GET /text.txt', PROXIED),
      ask('GET /files-validators/text.txt', PROXIED),
      ask('GET /files-etag/text.txt', PROXIED),
      ...['off', 'any', 'expired', 'cache', 'validators', 'auth'].flatMap((rule) =>
        Object.keys(RESPONSES).map((name) => ask(`GET /proxy-${rule}/${name}`, PROXIED)),
      ),
      ask('GET /proxy-auth/plain', [...PROXIED, 'Authorization: Basic x']),
      ask('GET /proxy-auth/public', [...PROXIED, 'Authorization: Basic x']),

      // gzip_static
      ...['static', 'static-quiet', 'static-always', 'static-gunzip'].flatMap((place) =>
        ['page.html', 'only.txt', 'plain.txt', 'directory.txt', 'missing.txt'].flatMap((name) => [
          ask(`GET /${place}/${name}`),
          ask(`GET /${place}/${name}`, ACCEPTED),
        ]),
      ),
      ask('HEAD /static/page.html', ACCEPTED),
      ask('POST /static/page.html', [...ACCEPTED, 'Content-Length: 0']),
      ask('GET /static/page.html', [...ACCEPTED, 'Range: bytes=2-5']),
      ask('GET /static/page.html', [...ACCEPTED, `If-Modified-Since: ${DATE}`]),
      ask('GET /static/page.html', PROXIED),
      ask('GET /static-index/', ACCEPTED),
      ask('HEAD /static-gunzip/page.html'),
      ask('GET /static-gunzip/page.html', ['Range: bytes=2-5']),

      // gunzip
      ...['gzip', 'members', 'deflate', 'plain'].flatMap((name) => [
        ask(`GET /gunzip/${name}`),
        ask(`GET /gunzip/${name}`, ACCEPTED),
      ]),
      ask('HEAD /gunzip-head/gzip'),
      ask('GET /gunzip/gzip HTTP/1.0'),
    ],
    Object.fromEntries(
      [
        'GET /static/page.html, Accept-Encoding: gzip',
        'GET /static/only.txt, Accept-Encoding: gzip',
        'GET /static-quiet/page.html, Accept-Encoding: gzip',
        'GET /static-quiet/only.txt, Accept-Encoding: gzip',
        'GET /static-always/page.html',
        'GET /static-always/page.html, Accept-Encoding: gzip',
        'GET /static-always/only.txt',
        'GET /static-always/only.txt, Accept-Encoding: gzip',
        'GET /static-gunzip/page.html, Accept-Encoding: gzip',
        'GET /static-gunzip/only.txt, Accept-Encoding: gzip',
        'HEAD /static/page.html, Accept-Encoding: gzip',
        'GET /static/page.html, Accept-Encoding: gzip, Range: bytes=2-5',
        'GET /static-index/, Accept-Encoding: gzip',
      ].map((name) => [name, NEWER.rangesOfCompressed]),
    ),
  ),
};

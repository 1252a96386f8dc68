/** Cached responses: cold, hit, stale, bypass, ranges, HEAD, conditions, variants, and what the back end is asked. */
import type { ReceivedRequest } from '../../kit/index.js';
import type { OracleCase, OracleGroup } from '../oracle.js';

const DATED = 'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nETag: "tag"\r\nAccept-Ranges: bytes\r\n';
const TEXT = '0123456789abcdef';

/** Responses of the back end, by the last segment of the path: status and fields; the body is `TEXT`. */
const ANSWERS: Readonly<Record<string, readonly [status: string, fields: string]>> = {
  plain: ['200 OK', ''],
  dated: ['200 OK', DATED],
  cookie: ['200 OK', 'Set-Cookie: a=b\r\n'],
  private: ['200 OK', 'Cache-Control: max-age=60, private\r\n'],
  'no-store': ['200 OK', 'Cache-Control: no-store\r\n'],
  'max-age': ['404 Not Found', 'Cache-Control: max-age=60\r\n'],
  'shared-age': ['404 Not Found', 'Cache-Control: s-maxage=60, max-age=0\r\n'],
  'age-zero': ['200 OK', 'Cache-Control: max-age=0\r\n'],
  'age-odd': ['200 OK', 'Cache-Control: max-age=1x\r\n'],
  'expires-later': ['404 Not Found', 'Expires: Tue, 14 Nov 2090 22:13:20 GMT\r\n'],
  'expires-past': ['200 OK', 'Expires: Tue, 14 Nov 2000 22:13:20 GMT\r\n'],
  'expires-odd': ['200 OK', 'Expires: 0\r\n'],
  accel: ['404 Not Found', 'X-Accel-Expires: 60\r\nCache-Control: no-store\r\n'],
  'accel-later': ['404 Not Found', 'X-Accel-Expires: @4000000000\r\nCache-Control: no-store\r\n'],
  'accel-zero': ['200 OK', 'X-Accel-Expires: 0\r\n'],
  stale: ['200 OK', `${DATED}X-Accel-Expires: @1000000000\r\n`],
  vary: ['200 OK', `${DATED}Vary: X-Kind\r\n`],
  'vary-encoding': ['200 OK', 'Vary: Accept-Encoding, X-Kind\r\n'],
  'vary-star': ['200 OK', 'Vary: *\r\n'],
  'not-found': ['404 Not Found', ''],
  moved: ['302 Found', 'Location: http://127.0.0.1:%PORT%/there\r\n'],
  error: ['500 Broken', ''],
  odd: ['299 Odd', 'X-Twice: a\r\nX-Twice: b\r\nConnection: X-Hop\r\nX-Hop: 1\r\n'],
  hidden: ['200 OK', 'Server: back\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Powered-By: x\r\n'],
};

const FORMS = ['', 'chunked-', 'old-'];

function answer({ target, method, head }: ReceivedRequest): string {
  const kind = target.replace(/^.*\/|\?.*$/g, '');
  const form = FORMS.findLast((prefix) => kind.startsWith(prefix)) ?? '';
  const [status, fields] = ANSWERS[kind.slice(form.length)] ?? ['404 Not Found', ''];
  if (/\r\nIf-None-Match: "tag"\r\n/i.test(head)) return `HTTP/1.1 304 Not Modified\r\n${fields}\r\n`;
  if (/\r\nX-Fails: 1\r\n/i.test(head)) return 'HTTP/1.1 500 Broken\r\nContent-Length: 6\r\n\r\nbroken';
  const body = method === 'HEAD' ? '' : TEXT;
  if (form === 'old-') return `HTTP/1.0 ${status}\r\n${fields}\r\n${body}`;
  if (form === '') return `HTTP/1.1 ${status}\r\nContent-Length: ${TEXT.length}\r\n${fields}\r\n${body}`;
  const chunks = body === '' ? '' : `10\r\n${body}\r\n0\r\n\r\n`;
  return `HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n${fields}\r\n${chunks}`;
}

/** Requests for one resource, in this order. */
const SEQUENCE: readonly (readonly [what: string, method: string, ...fields: string[]])[] = [
  ['the first request', 'GET'],
  ['the second request', 'GET'],
  ['HEAD', 'HEAD'],
  ['a range', 'GET', 'Range: bytes=2-5'],
  ['the last bytes', 'GET', 'Range: bytes=-3'],
  ['a range that cannot be satisfied', 'GET', 'Range: bytes=99-'],
  ['If-None-Match', 'GET', 'If-None-Match: "tag"'],
  ['If-Modified-Since', 'GET', 'If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT'],
  ['If-Range', 'GET', 'If-Range: "other"', 'Range: bytes=2-5'],
  ['a request that bypasses the cache', 'GET', 'X-Bypass: 1'],
  ['another kind', 'GET', 'X-Kind: other', 'Accept-Encoding: gzip, br'],
  ['another kind, with other spaces', 'GET', 'X-Kind: other', 'Accept-Encoding: gzip,br'],
  ['another kind again', 'GET', 'X-Kind: third'],
  ['a failure', 'GET', 'X-Fails: 1'],
];

function requests(path: string, only?: readonly string[]): OracleCase[] {
  return SEQUENCE.filter(([what]) => only === undefined || only.includes(what)).map(([what, method, ...fields]) => ({
    name: `${path}: ${what}`,
    send: `${[`${method} ${path} HTTP/1.1`, 'Host: localhost', ...fields].join('\r\n')}\r\n\r\n`,
  }));
}

const TWICE = ['the first request', 'the second request', 'HEAD', 'a range', 'a failure'];

export const caching: OracleGroup = {
  name: 'cached responses',
  config: `
    events { }
    http {
      proxy_cache_path %%DIR%%/cache levels=1:2 keys_zone=one:1m inactive=1h;
      proxy_cache one;
      proxy_cache_valid 1m;
      proxy_cache_valid 299 1m;
      proxy_cache_bypass $http_x_bypass;
      proxy_cache_key $request_method$uri;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      add_header X-Cache $upstream_cache_status always;
      server {
        listen 127.0.0.1:%%PORT%%;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /kept/ {
          proxy_cache_revalidate on;
          proxy_cache_use_stale http_500;
          proxy_hide_header X-Powered-By;
          proxy_pass_header Server;
          proxy_ignore_headers Set-Cookie Cache-Control;
          proxy_cache_key $uri;
          proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /head/ { proxy_cache_convert_head off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /any/ { proxy_cache_valid any 1m; proxy_no_cache $arg_no; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /uses/ { proxy_cache_min_uses 2; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /offset/ { proxy_cache_max_range_offset 3; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /ranges/ { proxy_force_ranges on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /errors/ {
          proxy_cache_valid any 1m; proxy_intercept_errors on; error_page 404 500 /own; proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location = /own { return 200 own; }
        location /closed/ { proxy_cache_valid 502 1m; proxy_pass http://127.0.0.1:%%CLOSED%%; }
        location = /probe { return 204; }
      }
    }`,
  backend: answer,
  cases: [
    ...Object.keys(ANSWERS).flatMap((kind) => requests(`/${kind}`)),
    ...['plain', 'dated', 'vary', 'not-found'].flatMap((kind) => requests(`/chunked-${kind}`, TWICE)),
    ...['plain', 'dated'].flatMap((kind) => requests(`/old-${kind}`, TWICE)),
    ...['stale', 'dated', 'cookie', 'hidden', 'private'].flatMap((kind) => requests(`/kept/${kind}`)),
    ...['dated', 'stale'].flatMap((kind) => requests(`/head/${kind}`)),
    ...['not-found', 'error', 'moved'].flatMap((kind) => requests(`/any/${kind}`, TWICE)),
    ...requests('/any/plain?no=1', TWICE),
    ...requests('/uses/plain', TWICE),
    ...requests('/offset/dated'),
    ...requests('/ranges/plain'),
    ...['not-found', 'error', 'plain'].flatMap((kind) => requests(`/errors/${kind}`, TWICE)),
    ...requests('/closed/x', TWICE),
    { name: '/dated: If-Match', send: 'GET /dated HTTP/1.1\r\nHost: localhost\r\nIf-Match: "tag"\r\n\r\n' },
    {
      name: '/dated: another If-Match',
      send: 'GET /dated HTTP/1.1\r\nHost: localhost\r\nIf-Match: "other"\r\n\r\n',
      known: 'nginx closes the connection after 412 in place of a cached response',
    },
  ],
};

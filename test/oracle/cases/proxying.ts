import type { ReceivedRequest } from '../../kit/index.js';
import { sortFields } from '../compare.js';
import type { OracleCase, OracleGroup } from '../oracle.js';
import { ask, knownFor, MEANT, NEWER } from './request.js';

/** Responses of the back end, by the last segment of the path. */
const ANSWERS: Readonly<Record<string, string>> = {
  plain: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  old: 'HTTP/1.0 200 OK\r\n\r\nuntil the end',
  'old-length': 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
  close: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end',
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
  'chunked-trailer':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'chunked-length':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'no-content': 'HTTP/1.1 204 No Content\r\nX: y\r\n\r\n',
  'not-modified': 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 100\r\n\r\n',
  empty: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  created: 'HTTP/1.1 201 Created\r\nLocation: /new\r\nContent-Length: 3\r\n\r\nnew',
  reason: 'HTTP/1.1 200 All Is Well\r\nContent-Length: 2\r\n\r\nok',
  'no-reason': 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
  'odd-status': 'HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nok',
  'status-600': 'HTTP/1.1 600 Beyond\r\nContent-Length: 2\r\n\r\nok',
  'not-found': 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone',
  error: 'HTTP/1.1 500 Broken\r\nContent-Length: 6\r\n\r\nbroken',
  unavailable: 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nRetry-After: 3\r\n\r\nbusy',
  redirect: 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%PORT%/there?x\r\nContent-Length: 0\r\n\r\n',
  'redirect-path': 'HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n',
  'redirect-other':
    'HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/x\r\nRefresh: 5; url=http://127.0.0.1:%PORT%/r\r\nContent-Length: 0\r\n\r\n',
  fields:
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\nx-two:2\r\nX-Empty:\r\nX-Twice: a\r\nX-Twice: b\r\nSet-Cookie: a=b; path=/\r\nSet-Cookie: c=d; path=/proxy/; domain=backend.example\r\nVary: Accept\r\nCache-Control: no-cache\r\nLink: </x>; rel=preload\r\n\r\nok',
  'own-fields':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: backend\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Pad: p\r\nX-Accel-Expires: 5\r\nX-Accel-Foo: 1\r\n\r\nok',
  hop: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTrailer: T\r\nUpgrade: h2c\r\n\r\nok',
  accel:
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Accel-Redirect: /internal/x?y=z\r\nX-Kept: 1\r\nContent-Type: text/accel\r\n\r\nok',
  'accel-named': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Accel-Redirect: @named\r\n\r\nok',
  type: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/html; charset=KOI8-R\r\n\r\nok',
  'last-modified':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nETag: W/"e"\r\nAccept-Ranges: bytes\r\nExpires: 0\r\n\r\nok',
  encoded: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: br\r\n\r\nok',
  hints: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  lf: 'HTTP/1.1 200 OK\nContent-Length: 2\nX: y\n\nok',
  tab: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX:\ty \r\n\r\nok',
  latin: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: \xfc\r\n\r\nok',
  // what is wrong
  nothing: '',
  short: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nok',
  'short-chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nab',
  'bad-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nxyz\r\nab\r\n0\r\n\r\n',
  'bad-length': 'HTTP/1.1 200 OK\r\nContent-Length: abc\r\nConnection: close\r\n\r\nok',
  'two-lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok',
  'same-lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
  'two-codings': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'bad-name': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX Y: z\r\nConnection: close\r\n\r\nok',
  'no-colon': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnonsense\r\nConnection: close\r\n\r\nok',
  folded: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\r\n b\r\nConnection: close\r\n\r\nok',
  nul: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\0b\r\nConnection: close\r\n\r\nok',
  cr: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\rb\r\nConnection: close\r\n\r\nok',
  'big-head': `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ${'x'.repeat(20_000)}\r\nConnection: close\r\n\r\nok`,
  'cut-head': 'HTTP/1.1 200 OK\r\nContent-Le',
  'http-2': 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
  'too-much': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok and more',
};

/** Both proxies ask for the same; no two connections are alike to the back end, so none is kept. */
const NO_KEEPALIVE = 'proxy_http_version 1.1; proxy_set_header Connection close;';

function answer(request: ReceivedRequest): string {
  const name = request.target.split('?')[0]?.split('/').at(-1) ?? '';
  if (name === 'echo' || ANSWERS[name] === undefined) {
    const body = sortFields(request.head) + request.body;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
  return (ANSWERS[name] ?? '').replaceAll('%PORT%', /:(\d+)/.exec(request.field('host') ?? '')?.[1] ?? '0');
}

const cases: OracleCase[] = [
  ...Object.keys(ANSWERS).map((name) => ask(`GET /${name}`)),
  ...['plain', 'chunked', 'old', 'no-content', 'not-found', 'fields', 'close', 'empty'].map((name) =>
    ask(`HEAD /${name}`),
  ),
  ...['plain', 'chunked', 'old', 'close', 'no-content'].map((name) => ask(`GET /${name} HTTP/1.0`)),
  ...['chunked', 'old', 'plain'].map((name) => ask(`GET /${name} HTTP/1.0`, ['Connection: keep-alive'])),
  ...['redirect', 'redirect-path', 'redirect-other', 'fields', 'created'].map((name) => ask(`GET /proxy/${name}`)),
  // what reaches the back end
  ask('GET /echo?a=b&c=%20d'),
  ask('GET /a%20b/%2e/../c%2Fd//e/echo'),
  ask('GET /uri/echo?x=y'),
  ask('GET /uri/a%20b/echo'),
  ask('GET /uri/../uri/x//echo'),
  ask('GET /root/echo'),
  ask('GET /root/deep/er/echo?q'),
  ask('GET /noslash/echo'),
  ask('GET /noslashecho'),
  ask('GET /vars/echo?x=1'),
  ask('GET /vars-args/echo?x=1'),
  ask('GET /regex/echo?x=1'),
  ask('GET /rewritten/echo?x=1'),
  ask('GET /rewritten-uri/echo?x=1'),
  ask('GET /named/echo?x=1'),
  ask('GET /echo', [
    'X-One: 1',
    'x-two:2',
    'X-Empty:',
    'X-Twice: a',
    'X-Twice: b',
    'Cookie: a=b',
    'Accept-Encoding: gzip',
  ]),
  ask('GET /echo', [
    'Connection: X-Hop',
    'X-Hop: 1',
    'Keep-Alive: 5',
    'Proxy-Connection: x',
    'TE: trailers',
    'Upgrade: h2c',
    'Trailer: x',
  ]),
  ask('GET /echo', ['Range: bytes=0-1', 'If-None-Match: "x"', 'If-Modified-Since: x', 'Authorization: Basic x']),
  ask('GET /echo', ['Host: Some.Host:81']),
  ask('GET /set/echo', ['X-One: 1', 'X-Two: 2', 'X-Forwarded-For: 1.2.3.4', 'Host: h.example', 'Accept: */*']),
  ask('GET /set-none/echo', ['Accept: */*', 'User-Agent: me']),
  ask('POST /echo', ['Content-Length: 5', 'Content-Type: a/b'], 'hello'),
  ask('POST /echo', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
  ask('PUT /echo', ['Content-Length: 0']),
  ask('DELETE /echo'),
  ask('OPTIONS /echo'),
  ask('PROPFIND /echo'),
  ask('POST /unbuffered/echo', ['Content-Length: 5'], 'hello'),
  ask('POST /unbuffered/echo', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
  ask('POST /nobody/echo', ['Content-Length: 5'], 'hello'),
  ask('POST /noheaders/echo', ['Content-Length: 5', 'X: y'], 'hello'),
  ask('POST /body/echo', ['Content-Length: 5'], 'hello'),
  ask('POST /method/echo', ['Content-Length: 5'], 'hello'),
  ask('HEAD /echo'),
  ask('HEAD /cookies/fields'),
  ask('GET /v10/echo'),
  ask('GET /v10/chunked'),
  ask('POST /v10/echo', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
  // what comes back
  ask('GET /hide/fields'),
  ask('GET /hide/own-fields'),
  ask('GET /pass/own-fields'),
  ask('GET /cookies/fields'),
  ask('GET /ignore/accel'),
  ask('GET /redirected/redirect'),
  ask('GET /redirect-off/redirect'),
  ask('GET /added/fields'),
  ask('GET /added/not-found'),
  ask('GET /unbuffered/chunked'),
  ask('GET /unbuffered/old'),
  ask('GET /unbuffered/short'),
  ask('GET /expires/plain'),
  ask('GET /charset/type'),
  ask('GET /pages/not-found'),
  ask('GET /pages/unavailable'),
  ask('GET /pages/short'),
  ask('GET /down/x'),
  ask('POST /down/x', ['Content-Length: 2'], 'xx'),
  ask('GET /second/plain'),
  ask('GET /second/unavailable'),
  ask('GET /internal/x'),
];

const KNOWN = {
  'GET /chunked-length': NEWER.upstream,
  'GET /bad-length': NEWER.upstream,
  'GET /two-lengths': NEWER.upstream,
  'GET /same-lengths': NEWER.upstream,
  'GET /two-codings': NEWER.upstream,
  'GET /hop': MEANT.proxyConnection,
  'GET /echo, Connection: X-Hop, X-Hop: 1, Keep-Alive: 5, Proxy-Connection: x, TE: trailers, Upgrade: h2c, Trailer: x':
    MEANT.proxyConnection,
  'GET /set-none/echo, Accept: */*, User-Agent: me': NEWER.emptyHost,
  'GET /hints': MEANT.interim,
  'GET /no-reason': MEANT.statusLine,
  'GET /bad-chunk': MEANT.brokenBody,
};

export const proxying: OracleGroup = {
  name: 'proxying',
  config: `
    upstream second { server 127.0.0.1:%%CLOSED%%; server 127.0.0.1:%%BACKEND%% backup; }
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name localhost;
      ${NO_KEEPALIVE}
      location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /proxy/ { proxy_pass http://127.0.0.1:%%BACKEND%%/; }
      location /uri/ { proxy_pass http://127.0.0.1:%%BACKEND%%/base/; }
      location /root/ { proxy_pass http://127.0.0.1:%%BACKEND%%/; }
      location /noslash { proxy_pass http://127.0.0.1:%%BACKEND%%/base; }
      location /vars/ { set $b 127.0.0.1:%%BACKEND%%; proxy_pass http://$b; }
      location /vars-args/ { set $b 127.0.0.1:%%BACKEND%%; proxy_pass http://$b/fixed$uri?y=$arg_x; }
      location ~ ^/regex/(.*)$ { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /rewritten/ { rewrite ^/rewritten/(.*)$ /new/$1 break; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /rewritten-uri/ { rewrite ^/rewritten-uri/(.*)$ /new/$1 break; proxy_pass http://127.0.0.1:%%BACKEND%%/ignored/; }
      location /named/ { error_page 418 = @named; return 418; }
      location @named { proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /set/ {
        ${NO_KEEPALIVE}
        proxy_set_header Host $host; proxy_set_header X-One changed; proxy_set_header X-Two "";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-New "$uri $proxy_host";
        proxy_pass http://127.0.0.1:%%BACKEND%%;
      }
      location /set-none/ { ${NO_KEEPALIVE} proxy_set_header Host ""; proxy_set_header Accept ""; proxy_set_header User-Agent ""; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /unbuffered/ { proxy_buffering off; proxy_request_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /nobody/ { proxy_pass_request_body off; proxy_set_header Content-Length ""; ${NO_KEEPALIVE} proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /noheaders/ { proxy_pass_request_headers off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /body/ { proxy_set_body "set $request_method"; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /method/ { proxy_method PATCH; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /v10/ { proxy_http_version 1.0; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /hide/ { proxy_hide_header X-One; proxy_hide_header X-Twice; proxy_hide_header Server; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /pass/ { proxy_pass_header X-Pad; proxy_pass_header X-Accel-Expires; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /cookies/ { proxy_cookie_domain backend.example front.example; proxy_cookie_path /proxy/ /; proxy_cookie_flags a secure samesite=strict; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /ignore/ { proxy_ignore_headers X-Accel-Redirect; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /redirected/ { proxy_redirect ~^http://[^/]+(/.*)$ /moved$1; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /redirect-off/ { proxy_redirect off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /added/ { add_header X-Added 1; add_header X-One 2 always; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /expires/ { expires -1; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /charset/ { charset utf-8; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /pages/ { proxy_intercept_errors on; error_page 404 502 503 = /internal/page; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location /down/ { proxy_pass http://127.0.0.1:%%CLOSED%%; }
      location /second/ { proxy_pass http://second/; }
      location /internal/ { internal; return 200 "internal $uri $args $request_method\\n"; }
    }`,
  backend: answer,
  cases: knownFor(cases, KNOWN).map((each) => ({ ...each, ignore: ['expires'] })),
};

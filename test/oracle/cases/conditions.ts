import type { OracleGroup } from '../oracle.js';
import { ask, knownFor, MEANT } from './request.js';

/** Of the files: 1700000000 seconds, 1000 bytes. */
const DATE = 'Tue, 14 Nov 2023 22:13:20 GMT';
const EARLIER = 'Tue, 14 Nov 2023 22:13:19 GMT';
const LATER = 'Tue, 14 Nov 2023 22:13:21 GMT';
const ETAG = '"6553f100-3e8"';
const BODY = Array.from({ length: 100 }, (_, i) => `X${String(i).padStart(3, '0')}XXXXXX`).join('');

const KEPT_AFTER_412 = Object.fromEntries(
  [
    `GET /t.html, If-Match: W/${ETAG}`,
    'GET /t.html, If-Match: "x"',
    'HEAD /t.html, If-Match: "x"',
    `GET /noetag/t.html, If-Match: ${ETAG}`,
    `GET /t.html, If-Unmodified-Since: ${EARLIER}`,
    'GET /t.html, If-Unmodified-Since: nonsense',
    'GET /text, If-Match: "x"',
    `GET /text, If-Unmodified-Since: ${DATE}`,
    'GET /headers/t.html, If-Match: "x"',
  ].map((name) => [name, MEANT.keptAfter412]),
);

export const conditions: OracleGroup = {
  name: 'conditional requests',
  config: `
    root %%ROOT%%;
    server {
      listen 127.0.0.1:%%PORT%%;
      location /before/ { if_modified_since before; alias %%ROOT%%/; }
      location /off/ { if_modified_since off; alias %%ROOT%%/; }
      location /noetag/ { etag off; alias %%ROOT%%/; }
      location /text { return 200 "text"; }
      location /pages/ { alias %%ROOT%%/; error_page 412 /text; }
      location /headers/ { alias %%ROOT%%/; add_header X-Added yes; add_header X-Always yes always; expires 1h; }
    }`,
  files: { 't.html': BODY },
  cases: knownFor(
    [
      ask('GET /t.html', [`If-Modified-Since: ${DATE}`]),
      ask('HEAD /t.html', [`If-Modified-Since: ${DATE}`]),
      ask('GET /t.html', [`If-Modified-Since: ${EARLIER}`]),
      ask('GET /t.html', [`If-Modified-Since: ${LATER}`]),
      ask('GET /t.html', ['If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT']),
      ask('GET /t.html', ['If-Modified-Since: Tue Nov 14 22:13:20 2023']),
      ask('GET /t.html', ['If-Modified-Since: nonsense']),
      ask('GET /t.html', ['If-Modified-Since:']),
      ask('GET /before/t.html', [`If-Modified-Since: ${LATER}`]),
      ask('GET /before/t.html', [`If-Modified-Since: ${EARLIER}`]),
      ask('GET /before/t.html', ['If-Modified-Since: Fri, 25 Feb 2174 09:42:23 GMT']),
      ask('GET /off/t.html', [`If-Modified-Since: ${DATE}`]),
      ask('GET /off/t.html', [`If-None-Match: ${ETAG}`]),
      ask('GET /t.html', [`If-None-Match: ${ETAG}`]),
      ask('GET /t.html', [`If-None-Match: W/${ETAG}`]),
      ask('GET /t.html', ['If-None-Match: "other"']),
      ask('GET /t.html', ['If-None-Match: *']),
      ask('GET /t.html', ['If-None-Match: *, "x"']),
      ask('GET /t.html', [`If-None-Match: "a", "b" , ${ETAG} ,"c"`]),
      ask('GET /t.html', [`If-None-Match: "a"${ETAG}`]),
      ask('GET /t.html', [`If-None-Match: ${ETAG}x`]),
      ask('GET /t.html', [`If-None-Match: ${ETAG}`, `If-Modified-Since: ${DATE}`]),
      ask('GET /t.html', [`If-None-Match: ${ETAG}`, `If-Modified-Since: ${EARLIER}`]),
      ask('GET /t.html', ['If-None-Match: "x"', `If-Modified-Since: ${DATE}`]),
      ask('GET /t.html', [`If-Match: ${ETAG}`]),
      ask('GET /t.html', [`If-Match: W/${ETAG}`]),
      ask('GET /t.html', ['If-Match: "x"']),
      ask('HEAD /t.html', ['If-Match: "x"']),
      ask('GET /t.html', ['If-Match: *']),
      ask('GET /none', ['If-Match: "x"']),
      ask('GET /noetag/t.html', [`If-Match: ${ETAG}`]),
      ask('GET /noetag/t.html', [`If-None-Match: ${ETAG}`]),
      ask('GET /t.html', [`If-Unmodified-Since: ${DATE}`]),
      ask('GET /t.html', [`If-Unmodified-Since: ${EARLIER}`]),
      ask('GET /t.html', [`If-Unmodified-Since: ${LATER}`]),
      ask('GET /t.html', ['If-Unmodified-Since: nonsense']),
      ask('GET /text', ['If-None-Match: *']),
      ask('GET /text', [`If-Modified-Since: ${DATE}`]),
      ask('GET /text', ['If-Match: "x"']),
      ask('GET /text', [`If-Unmodified-Since: ${DATE}`]),
      ask('GET /pages/t.html', [`If-Unmodified-Since: ${EARLIER}`, 'Connection: close']),
      ask('GET /headers/t.html', [`If-None-Match: ${ETAG}`, 'X: 1']),
      ask('GET /headers/t.html', ['If-Match: "x"']),
    ],
    KEPT_AFTER_412,
  ).map((each) => ({ ...each, ignore: ['expires'] })),
};

export const ranges: OracleGroup = {
  name: 'ranges',
  config: `
    root %%ROOT%%;
    charset_map B A { 58 59; }
    server {
      listen 127.0.0.1:%%PORT%%;
      location /none/ { max_ranges 0; alias %%ROOT%%/; }
      location /two/ { max_ranges 2; alias %%ROOT%%/; }
      location /recoded/ { charset A; source_charset B; alias %%ROOT%%/; }
      location /pages/ { alias %%ROOT%%/; error_page 416 = /text; }
      location /text { return 200 "0123456789"; }
      location /headers/ { alias %%ROOT%%/; add_header X-Added yes; add_header X-Always yes always; }
      location /forced/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_http_version 1.1; proxy_set_header Connection close; proxy_force_ranges on; }
      location /proxied/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_http_version 1.1; proxy_set_header Connection close; }
    }`,
  files: { 't.html': BODY, 'empty.html': '', 'large.html': BODY.repeat(300) },
  backend: (request) =>
    `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "e"\r\nContent-Type: text/html\r\nX-Range: ${request.field('range') ?? ''}\r\n\r\n${BODY}`,
  cases: knownFor(
    [
      ...[
        'bytes=0-8',
        'bytes=-10',
        'bytes=990-',
        'bytes=990-1990',
        'bytes=0-0',
        'bytes=999-',
        'bytes=0-',
        'bytes=-1000',
        'bytes=-2000',
        'BYTES=5-6',
        'bytes=5-4',
        'bytes=0-9, -10, 10-19',
        'bytes=0-9,-10, 100000-, 10-19',
        'bytes=500-600,100-200',
        'bytes=100000-',
        'bytes=1000-',
        'bytes=-0',
        'bytes=alpha',
        'bytes=10-alpha',
        'bytes=10',
        'bytes=10-11 12-',
        'bytes=',
        'bytes=,',
        'bytes=0-1,',
        'bytes= 1 - 2',
        'bytes=0-10001, 0-0',
        'bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16,17-17',
        'lines=0-5',
        'bytes 0-5',
        'bytes=99999999999999999999-',
        'bytes=0-99999999999999999999',
      ].map((range) => ask('GET /t.html', [`Range: ${range}`])),
      ask('HEAD /t.html', ['Range: bytes=0-8']),
      ask('HEAD /t.html', ['Range: bytes=0-8,10-12']),
      ask('HEAD /t.html', ['Range: bytes=5000-']),
      ask('GET /t.html HTTP/1.0', ['Range: bytes=0-8']),
      ask('GET /empty.html', ['Range: bytes=0-8']),
      ask('GET /empty.html', ['Range: bytes=1-8']),
      ask('GET /empty.html', ['Range: bytes=-8']),
      ask('GET /large.html', ['Range: bytes=1000-299000']),
      ask('GET /large.html', ['Range: bytes=150000-299999,0-100000']),
      ask('GET /nothing', ['Range: bytes=0-8']),
      ask('GET /none/t.html', ['Range: bytes=0-8']),
      ask('GET /two/t.html', ['Range: bytes=0-9, -10']),
      ask('GET /two/t.html', ['Range: bytes=0-9, -10, 10000-']),
      ask('GET /two/t.html', ['Range: bytes=0-9, -10, 10-19']),
      ask('GET /recoded/t.html', ['Range: bytes=990-1990']),
      ask('GET /recoded/t.html'),
      ask('GET /t.html', ['Range: bytes=0-8', `If-Range: ${DATE}`]),
      ask('GET /t.html', ['Range: bytes=0-8', `If-Range: ${LATER}`]),
      ask('GET /t.html', ['Range: bytes=0-8', `If-Range: ${ETAG}`]),
      ask('GET /t.html', ['Range: bytes=0-8', 'If-Range: "other"']),
      ask('GET /t.html', ['Range: bytes=0-8', `If-Range: W/${ETAG}`]),
      ask('GET /t.html', ['Range: bytes=0-8', 'If-Range: wrong']),
      ask('GET /t.html', ['Range: bytes=0-8', `If-None-Match: ${ETAG}`]),
      ask('GET /pages/t.html', ['Range: bytes=5000-']),
      ask('GET /text', ['Range: bytes=0-3']),
      ask('GET /headers/t.html', ['Range: bytes=0-3']),
      ask('GET /headers/t.html', ['Range: bytes=5000-']),
      ask('GET /forced/', ['Range: bytes=0-8']),
      ask('GET /forced/', ['Range: bytes=-8']),
      ask('GET /forced/', ['Range: bytes=0-8,20-30']),
      ask('GET /forced/', ['Range: bytes=5000-']),
      ask('GET /forced/', ['Range: bytes=0-8', 'If-Range: "e"']),
      ask('GET /proxied/', ['Range: bytes=0-8']),
      ask('GET /proxied/', ['If-None-Match: "e"']),
    ],
    { 'GET /pages/t.html, Range: bytes=5000-': MEANT.oneContentRange },
  ),
};

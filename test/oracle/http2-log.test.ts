/**
 * Generated requests over HTTP/2, one after the other on one connection, are put to nginx and to tsproxy: responses, what the back
 * end received, and logged values are compared. Skipped where there is no nginx.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { until } from '../kit/index.js';
import { differences } from './compare.js';
import { Http2Asker, type Http2Request } from './http2.js';
import { nginxVersion, unavailable } from './nginx.js';
import { type OracleGroup, startOracle } from './oracle.js';

const LOGGED = [
  'request',
  'status',
  'request_completion',
  'body_bytes_sent',
  'request_length',
  'connection_requests',
  'server_protocol',
  'http2',
  'scheme',
  'host',
  'http_host',
  'http_cookie',
  'http_x_field',
  'uri',
  'content_type',
  'sent_http_content_length',
  'sent_http_content_type',
  'sent_http_transfer_encoding',
  'sent_http_connection',
  'sent_http_location',
  'upstream_status',
  'upstream_bytes_received',
  'upstream_response_length',
  'gzip_ratio',
];

const BIG = 'a line of text that repeats\n'.repeat(4000);
const PATHS = [
  '/',
  '/missing',
  '/empty.txt',
  '/small.txt',
  '/big.txt',
  '/big.txt?a=b&c=%20',
  '/gz/big.txt',
  '/directory',
  '/directory/',
  '/p/sized',
  '/p/chunked',
  '/p/closed',
  '/p/missing',
  '/p/empty',
  '/p/none',
  '/p/redirect',
  '/p/cut',
  '/unbuffered/chunked',
  '/unbuffered/sized',
  '/unbuffered/empty',
  '/streamed/sized',
  '/streamed/chunked',
  '/http10/sized',
  '/gz/p/chunked',
  '/file-free/large',
  '/errors/missing',
  '/errors/missing.txt',
  '/errors/named',
  '/auth/allowed',
  '/auth/denied',
  '/limited/sized',
  '/ssi/page.html',
  '/mirrored/sized',
  '/slow/small.txt',
  '/sub/small.txt',
  '/added/small.txt',
  '/return/200',
  '/return/204',
  '/return/301',
  '/return/304',
  '/return/404',
  '/return/444',
  '/return/500',
  '/rewritten/small.txt',
  '/tried/small.txt',
  '/tried/none',
  '/closed',
  '/%70/sized',
  '/a/../small.txt',
  '//small.txt',
  '/small.txt%00',
  '*',
];
const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'];
const NEWER_FIELDS = [
  ['if-unmodified-since', 'Tue, 14 Nov 2000 22:13:20 GMT'],
  ['te', 'gzip'],
  ['connection', 'close'],
  ['host', 'other'],
  ['host', 'localhost'],
] as const;
const isOld = /^1\.([01]?\d|2\d|30)\./.test(nginxVersion());
const FIELDS: readonly (readonly [string, string])[] = [
  ['range', 'bytes=2-5'],
  ['range', 'bytes=0-1,4-6'],
  ['range', 'bytes=900000-'],
  ['if-modified-since', 'Tue, 14 Nov 2023 22:13:20 GMT'],
  ['if-none-match', '*'],
  ['accept-encoding', 'gzip'],
  ['accept-encoding', 'identity'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['x-field', 'value'],
  ['x-field', ''],
  ['x-field', 'v\xe4lue, "quoted"'],
  ['x_field', 'underscore'],
  ['te', 'trailers'],
  // Debian's version forwards fields of a connection, refuses `host` beside `:authority`, and resets after 412.
  ...(isOld ? [] : NEWER_FIELDS),
  ['content-type', 'text/plain'],
  ['content-length', '7'],
  ['content-length', 'x'],
  ['user-agent', 'oracle'],
  ['x-long', 'x'.repeat(5000)],
];

const group: OracleGroup = {
  name: 'generated',
  config: `
    log_format values '${LOGGED.map((name) => `${name}=$${name}`).join('|')}';
    server_tokens off;
    upstream pool { server 127.0.0.1:%%BACKEND%%; keepalive 2; }
    server {
      listen 127.0.0.1:%%PORT%% http2;
      access_log %%DIR%%/values values;
      root %%ROOT%%;
      default_type text/plain;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host backend;
      location /gz/ { alias %%ROOT%%/; gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }
      location /gz/p/ { proxy_pass http://pool/; gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }
      location /p/ { proxy_pass http://pool/; }
      location /unbuffered/ { proxy_pass http://pool/; proxy_buffering off; }
      location /streamed/ { proxy_pass http://pool/; proxy_request_buffering off; }
      location /http10/ { proxy_pass http://127.0.0.1:%%BACKEND%%/; proxy_http_version 1.0; }
      location /file-free/ { proxy_pass http://pool/; proxy_max_temp_file_size 0; proxy_buffers 2 4k; proxy_busy_buffers_size 4k; proxy_buffer_size 4k; }
      location /errors/ { proxy_pass http://pool/; proxy_intercept_errors on; error_page 404 =203 /small.txt; }
      location /errors/named { error_page 405 500 = @named; return 500; }
      location @named { return 202 "named $request_method $status\\n"; }
      location /auth/ { auth_request /check; auth_request_set $checked $upstream_http_x_checked; add_header X-Checked $checked; alias %%ROOT%%/; try_files /small.txt =404; }
      location = /check { internal; proxy_pass http://pool/check$request_uri; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; }
      location /limited/ { client_max_body_size 5; proxy_pass http://pool/; }
      location /ssi/ { ssi on; alias %%ROOT%%/; }
      location /mirrored/ { mirror /copy; proxy_pass http://pool/; }
      location = /copy { internal; return 204; }
      location /slow/ { limit_rate 100k; alias %%ROOT%%/; }
      location /sub/ { sub_filter text replaced; sub_filter_types *; sub_filter_once off; alias %%ROOT%%/; }
      location /added/ { add_before_body /small.txt; add_after_body /missing; addition_types *; alias %%ROOT%%/; }
      location /return/200 { return 200 "text $http_x_field $request_method\\n"; }
      location /return/204 { return 204; }
      location /return/301 { return 301 /elsewhere; }
      location /return/304 { return 304; }
      location /return/404 { return 404; }
      location /return/444 { return 444; }
      location /return/500 { return 500 "own text"; }
      location /rewritten/ { rewrite ^/rewritten/(.*)$ /$1?rewritten last; }
      location /tried/ { try_files /nothing /p$uri /small.txt; }
      location /closed { proxy_pass http://127.0.0.1:%%CLOSED%%; }
    }
    server { listen 127.0.0.1:%%PORT%% http2; server_name other; access_log %%DIR%%/values values; location / { return 200 "other $host\\n"; } }`,
  files: {
    'empty.txt': '',
    'small.txt': 'small text\n',
    'big.txt': BIG,
    'directory/index.html': '<p>index</p>\n',
    'page.html': 'before <!--# include virtual="/p/sized" --> between <!--# include virtual="/small.txt" --> after\n',
  },
  backend: ({ target, head }) => {
    // Responses to HEAD have no body.
    const body = (text: string) => (head.startsWith('HEAD ') ? '' : text);
    if (target.startsWith('/check')) {
      return `HTTP/1.1 ${target.includes('denied') ? 403 : 200} OK\r\nX-Checked: yes\r\nContent-Length: 0\r\n\r\n`;
    }
    if (target.endsWith('chunked')) {
      return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body('4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n')}`;
    }
    if (target.endsWith('closed')) return `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body('until the end')}`;
    if (target.endsWith('missing')) return `HTTP/1.1 404 None\r\nContent-Length: 4\r\n\r\n${body('none')}`;
    if (target.endsWith('empty')) return 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    if (target.endsWith('none')) return 'HTTP/1.1 204 No Content\r\n\r\n';
    if (target.endsWith('redirect'))
      return 'HTTP/1.1 302 Found\r\nLocation: http://backend/x\r\nContent-Length: 0\r\n\r\n';
    if (target.endsWith('cut'))
      return `HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n${body('abc')}`;
    if (target.endsWith('large')) return `HTTP/1.1 200 OK\r\nContent-Length: ${BIG.length}\r\n\r\n${body(BIG)}`;
    return `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n${body('sized')}`;
  },
  cases: [],
};

/** Numbers from a seed, below 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function generated(seed: number): Http2Request {
  const next = numbers(seed);
  const oneOf = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const path = oneOf(PATHS);
  // Debian's version refuses TRACE before it examines the fields.
  const method = oneOf(isOld ? METHODS.slice(0, -1) : METHODS);
  const fields = Array.from({ length: Math.floor(next() * 4) }, () => oneOf(FIELDS)).filter(
    // Debian's version has only the first of several values in variables.
    ([name], i, all) => !isOld || all.findIndex(([other]) => other === name) === i || name === 'cookie',
  );
  const body =
    method === 'POST' || method === 'PUT' || next() < 0.05 ? oneOf(['', 'content', 'c'.repeat(20_000)]) : null;
  const declared = body !== null && next() < 0.5 ? [['content-length', String(body.length)] as const] : [];
  const pseudo = [
    [':method', method],
    [':scheme', 'http'],
    ...(next() < 0.95 ? [[':authority', next() < 0.9 ? 'localhost' : 'other'] as const] : []),
    [':path', path],
  ] as const;
  return { fields: [...pseudo, ...fields, ...declared], body };
}

const COUNT = Number(process.env.ORACLE_HTTP2_REQUESTS ?? 300);
const SEED = Number(process.env.ORACLE_HTTP2_SEED ?? 1);

it(`${COUNT} generated requests over HTTP/2 have equal responses and log lines`, { skip: unavailable }, async (t) => {
  const askers = new Map<number, Http2Asker>();
  t.after(() => {
    for (const asker of askers.values()) asker.close();
  });
  const oracle = await startOracle(group, async (port, text) => {
    let asker = askers.get(port);
    if (asker === undefined || asker.closed) askers.set(port, (asker = new Http2Asker(port)));
    return [await asker.ask(JSON.parse(text) as Http2Request)];
  });
  t.after(() => oracle.close());
  const found: string[] = [];
  let lines = 0;
  for (let i = 0; i < COUNT; i++) {
    const request = generated(SEED + i);
    const asked = request.fields.map(([name, value]) => `${name}: ${value.slice(0, 80)}`).join(', ');
    const what = `${i} ${asked} body ${request.body?.length ?? 'none'}`;
    const { nginx, tsproxy } = await oracle.ask(JSON.stringify(request));
    for (const difference of differences(nginx, tsproxy)) found.push(`${what}: ${difference}`);
    lines++;
  }
  await until('all requests are logged', () => {
    const logs = oracle.read('values');
    return [logs.nginx, logs.tsproxy].every((log) => log.split('\n').length - 1 >= lines);
  });
  const logs = oracle.read('values');
  const own = logs.tsproxy.split('\n');
  for (const [i, line] of logs.nginx.split('\n').entries()) {
    const refused = line.includes('|status=400|');
    const values = valuesOf(own[i] ?? '');
    for (const [name, value] of valuesOf(line)) {
      if (refused && !OF_REFUSED.has(name)) continue;
      // nginx logs no completion after 412, and the bytes of a refused body depend on its buffers.
      if (name === 'request_completion' && line.includes('|status=412|')) continue;
      if (name === 'request_length' && line.includes('|status=413|')) continue;
      const difference = `${value} and ${values.get(name)}`;
      // Built-in pages contain the name of the software, here without its version.
      if (/^(body_bytes_sent|sent_http_content_length)$/.test(name) && values.get(name) === `${Number(value) + 2}`)
        continue;
      if (value !== values.get(name)) found.push(`log line ${i}: ${name}: ${difference} (${line})`);
    }
  }
  assert.equal(found.join('\n'), '');
});

/** nginx refuses malformed requests before it has examined all fields. */
const OF_REFUSED = new Set(['status', 'request_completion', 'body_bytes_sent', 'connection_requests']);

function valuesOf(line: string): Map<string, string> {
  const pairs = line
    .replaceAll(/:\d+\//g, ':PORT/')
    .replaceAll(/boundary=\d+/g, 'boundary')
    .split('|');
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/**
 * Line breaks that a client hides in a variable begin no field, message, log line or request of its own, whichever
 * directive the variable stands in. Every directive with variables is listed here, with the place to which its text leads.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { withoutOpenssl } from '../kit/certificates.js';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';
import { templateDirectives } from './template-directives.js';

/** Where a directive's text leads. */
type Destination =
  | 'request line'
  | 'request field'
  | 'answer field'
  | 'body'
  | 'URI'
  | 'file name'
  | 'log line'
  /** Compared, or parsed as a number, an address or a word of a list; the text itself appears nowhere but in the error log. */
  | 'value'
  /** Becomes a variable, which leads where other directives take it. */
  | 'variable';

interface Attack {
  readonly to: Destination;
  /** Directives of the location; `$evil` holds the client's text. */
  readonly text: string;
  /** Directives of `http`. */
  readonly http?: string;
  /** The request never reaches the back end. */
  readonly refused?: true;
}

const PASS = 'proxy_pass http://app;';

const ATTACKS: Readonly<Record<string, Attack>> = {
  access_log: {
    to: 'file name',
    text: 'root %%DIR%%; access_log %%DIR%%/logs/x$evil.log; access_log %%DIR%%/logs/y.log evil if=$evil; return 200 ok;',
  },
  add_header: {
    to: 'answer field',
    text: 'add_header X-Evil $evil; add_header ETag $evil; add_header Last-Modified "$evil"; return 200 ok;',
  },
  add_trailer: { to: 'answer field', text: 'add_trailer X-Evil $evil; return 200 ok;' },
  alias: { to: 'file name', text: 'alias %%DIR%%/$evil;' },
  auth_basic: { to: 'answer field', text: 'auth_basic x$evil; auth_basic_user_file users; root %%DIR%%;' },
  auth_basic_user_file: { to: 'file name', text: 'auth_basic x; auth_basic_user_file $evil; root %%DIR%%;' },
  auth_jwt: { to: 'answer field', text: 'auth_jwt x$evil; auth_jwt_key_file %%DIR%%/$evil; root %%DIR%%;' },
  auth_jwt_key_file: {
    to: 'file name',
    text: 'auth_jwt x token=$evil; auth_jwt_key_file %%DIR%%/$evil; root %%DIR%%;',
  },
  auth_jwt_require: {
    to: 'value',
    text: 'auth_jwt x token=$evil; auth_jwt_key_file %%DIR%%/$evil; auth_jwt_require $evil; root %%DIR%%;',
  },
  auth_request_set: {
    to: 'variable',
    text: 'auth_request /allowed; auth_request_set $found x$evil; add_header X-Evil $found; error_page 404 =200 /allowed; root %%DIR%%;',
  },
  charset: { to: 'answer field', text: 'default_type text/html; charset $evil; return 200 ok;' },
  client_body_early_read: { to: 'value', text: PASS, http: 'client_body_early_read $evil $uri;' },
  disable_symlinks: { to: 'file name', text: 'disable_symlinks on from=$evil; root %%DIR%%;' },
  early_hints: { to: 'value', text: `early_hints $evil; ${PASS}` },
  error_page: { to: 'answer field', text: 'error_page 404 =302 http://other/$evil; return 404;' },
  expires: { to: 'value', text: 'expires $evil; return 200 ok;' },
  hash: {
    to: 'value',
    text: 'proxy_pass http://hashed;',
    http: 'upstream hashed { hash $uri; server 127.0.0.1:%%PORT%%; }',
  },
  if: { to: 'value', text: 'if ($evil = x) { return 404; } if (-f %%DIR%%/$evil) { return 404; } return 200 ok;' },
  index: { to: 'file name', text: 'root %%DIR%%; index $evil; rewrite ^ /logs/ break;' },
  limit_conn_zone: {
    to: 'value',
    text: `limit_conn connections 1; ${PASS}`,
    http: 'limit_conn_zone $uri zone=connections:32k;',
  },
  limit_rate: { to: 'value', text: 'limit_rate $evil; return 200 ok;' },
  limit_rate_after: { to: 'value', text: 'limit_rate 1m; limit_rate_after $evil; return 200 ok;' },
  otel_span_attr: { to: 'value', text: `otel_trace on; otel_span_attr x $evil; otel_trace_context inject; ${PASS}` },
  otel_span_name: { to: 'value', text: `otel_trace on; otel_span_name x$evil; ${PASS}` },
  otel_trace: {
    to: 'value',
    text: `otel_trace $evil; ${PASS}`,
    http: 'otel_exporter { endpoint 127.0.0.1:1; batch_count 1; interval 1h; }',
  },
  js_fetch_proxy: {
    to: 'value',
    text: 'js_fetch_proxy http://$evil; js_content main.fetched;',
    http: 'js_import main from %%DIR%%/main.js;',
  },
  js_var: { to: 'variable', text: 'js_var $held $evil; add_header X-Evil $held; return 200 ok;' },
  keyval: {
    to: 'variable',
    text: `add_header X-Evil $kept$evil; return 200 ok;`,
    http: 'keyval_zone zone=kept:32k; keyval $uri $kept zone=kept;',
  },
  limit_req_zone: {
    to: 'value',
    text: `limit_req zone=requests; ${PASS}`,
    http: 'limit_req_zone $uri zone=requests:32k rate=1000r/s;',
  },
  log_format: {
    to: 'log line',
    text: 'access_log %%DIR%%/logs/z.log evil; access_log %%DIR%%/logs/z.log json; return 200 ok;',
    http: `log_format evil '<$uri>'; log_format json escape=json '<$uri>';`,
  },
  map: {
    to: 'variable',
    text: 'add_header X-Evil $mapped; return 200 ok;',
    http: 'map $uri $mapped { default $uri; }',
  },
  // `test/metrics/usage.test.ts` reads the label that the text becomes.
  metrics_usage: {
    to: 'value',
    text: `metrics_usage $evil; ${PASS}`,
    http: 'server { listen unix:%%DIR%%/metrics.sock; location / { metrics; } }',
  },
  // Requests over HTTP/2 have no lines: proxy-http2.test.ts shows that a field cannot hold a line break.
  grpc_bind: { to: 'value', text: 'grpc_bind $evil; grpc_pass 127.0.0.1:1;', refused: true },
  grpc_pass: { to: 'value', text: 'grpc_pass 127.0.0.1$evil:1;', refused: true },
  grpc_set_header: { to: 'request field', text: 'grpc_set_header X-Evil $evil; grpc_pass 127.0.0.1:1;', refused: true },
  grpc_ssl_certificate: {
    to: 'file name',
    text: 'grpc_ssl_certificate %%DIR%%/$evil; grpc_ssl_certificate_key %%DIR%%/x; grpc_pass grpcs://127.0.0.1:1;',
    refused: true,
  },
  grpc_ssl_certificate_key: {
    to: 'file name',
    text: 'grpc_ssl_certificate %%DIR%%/x$is_args; grpc_ssl_certificate_key %%DIR%%/$evil; grpc_pass grpcs://127.0.0.1:1;',
    refused: true,
  },
  grpc_ssl_name: {
    to: 'value',
    text: 'grpc_ssl_name $evil; grpc_ssl_server_name on; grpc_pass grpcs://127.0.0.1:1;',
    refused: true,
  },
  proxy_bind: { to: 'value', text: `proxy_bind $evil; ${PASS}` },
  proxy_cache: {
    to: 'value',
    text: `proxy_cache $evil; ${PASS}`,
    http: 'proxy_cache_path %%DIR%%/cache keys_zone=one:1m;',
    refused: true,
  },
  proxy_cache_key: { to: 'value', text: `proxy_cache one; proxy_cache_valid 200 1m; proxy_cache_key $evil; ${PASS}` },
  proxy_cache_purge: { to: 'value', text: `proxy_cache_purge $evil; ${PASS}` },
  proxy_cache_purge_regex: { to: 'value', text: `proxy_cache_purge $arg_none; proxy_cache_purge_regex $evil; ${PASS}` },
  proxy_cache_purge_tags: { to: 'value', text: `proxy_cache_purge $arg_none; proxy_cache_purge_tags $evil; ${PASS}` },
  proxy_cache_bypass: { to: 'value', text: `proxy_cache_bypass $evil; ${PASS}` },
  proxy_cookie_domain: { to: 'answer field', text: `proxy_cookie_domain back $evil; ${PASS}` },
  proxy_cookie_flags: {
    to: 'answer field',
    text: `proxy_cookie_flags ~ $evil; proxy_cookie_flags $evil secure; ${PASS}`,
  },
  proxy_cookie_path: { to: 'answer field', text: `proxy_cookie_path / $evil; ${PASS}` },
  proxy_limit_rate: { to: 'value', text: `proxy_limit_rate $evil; ${PASS}` },
  proxy_method: { to: 'request line', text: `proxy_method GET$evil; ${PASS}`, refused: true },
  proxy_no_cache: { to: 'value', text: `proxy_no_cache $evil; ${PASS}` },
  proxy_pass: { to: 'request line', text: 'proxy_pass http://app/x$evil;' },
  proxy_redirect: { to: 'answer field', text: `proxy_redirect / http://other$evil/; ${PASS}` },
  proxy_set_body: { to: 'body', text: `proxy_set_body $evil; ${PASS}` },
  proxy_forwarded: {
    to: 'request field',
    text: `proxy_forwarded append for=$evil by=$evil host=$evil proto=$evil; ${PASS}`,
  },
  proxy_set_header: {
    to: 'request field',
    text: `proxy_set_header X-Evil $evil; proxy_set_header Host $evil; ${PASS}`,
  },
  proxy_ssl_certificate: {
    to: 'file name',
    text: 'proxy_ssl_certificate %%DIR%%/$evil; proxy_ssl_certificate_key %%DIR%%/x; proxy_pass https://app;',
    refused: true,
  },
  proxy_ssl_certificate_key: {
    to: 'file name',
    text: 'proxy_ssl_certificate %%DIR%%/x$is_args; proxy_ssl_certificate_key %%DIR%%/$evil; proxy_pass https://app;',
    refused: true,
  },
  proxy_ssl_name: {
    to: 'value',
    text: 'proxy_ssl_name $evil; proxy_ssl_server_name on; proxy_ssl_verify off; proxy_pass https://127.0.0.1:1;',
    refused: true,
  },
  proxy_store: { to: 'file name', text: `proxy_store %%DIR%%/stored-$evil; ${PASS}` },
  // Evaluated for health checks, which have no client.
  require: { to: 'value', text: PASS, http: 'match checked { require $evil; }' },
  return: { to: 'answer field', text: 'return 302 http://other$evil;' },
  rewrite: { to: 'URI', text: `rewrite ^ /x$evil?a=$evil break; ${PASS}` },
  root: { to: 'file name', text: 'root %%DIR%%/$evil;' },
  secure_link: {
    to: 'value',
    text: 'secure_link $evil; secure_link_md5 $evil; add_header X-Evil $secure_link$evil; return 200 ok;',
  },
  secure_link_md5: { to: 'value', text: 'secure_link x; secure_link_md5 $evil; return 200 ok;' },
  set: { to: 'variable', text: `set $args $evil; ${PASS}` },
  source_charset: { to: 'value', text: 'default_type text/html; charset utf-8; source_charset $evil; return 200 ok;' },
  split_clients: {
    to: 'variable',
    text: 'add_header X-Evil $split$evil; return 200 ok;',
    http: 'split_clients $uri $split { * one; }',
  },
  sse_error: { to: 'body', text: 'sse_error $evil; proxy_pass http://127.0.0.1:%%STREAM%%;' },
  sticky: {
    to: 'value',
    text: 'proxy_pass http://bound;',
    http: 'upstream bound { server 127.0.0.1:%%PORT%%; sticky route $evil; }',
  },
  sub_filter: { to: 'body', text: `sub_filter_types *; sub_filter GET $evil; ${PASS}` },
  try_files: { to: 'URI', text: `root %%DIR%%; try_files /none$evil /passed$evil?a=$evil;` },
  tunnel_key: { to: 'value', text: `tunnel_key $evil; ${PASS}` },
  // `test/modules/websocket_log.test.ts` opens WebSockets.
  websocket_log: {
    to: 'log line',
    text: `root %%DIR%%; websocket_log %%DIR%%/logs/w$evil.log; websocket_log %%DIR%%/logs/w.log evil if=$evil; ${PASS}`,
  },
  // For CONNECT the path is always "/", so that a client cannot hide line breaks in it; other methods get 405.
  tunnel_allow_upstream: { to: 'value', text: 'tunnel_allow_upstream $evil; tunnel_pass;' },
  tunnel_bind: { to: 'value', text: 'tunnel_bind $evil; tunnel_pass;' },
  tunnel_pass: { to: 'value', text: 'tunnel_pass $evil:80;' },
  websocket_limit_zone: {
    to: 'value',
    text: `websocket_limit_messages 1000/s zone=messages; ${PASS}`,
    http: 'websocket_limit_zone $uri zone=messages:32k;',
  },
};

/** Attacks on further ways of the same directives. */
const FURTHER: Readonly<Record<string, Attack>> = {
  'proxy_pass to a name': { to: 'request field', text: 'proxy_pass http://app$evil;', refused: true },
  'proxy_pass to an address': {
    to: 'request field',
    text: 'proxy_pass http://127.0.0.1:%%PORT%%$evil;',
    refused: true,
  },
  'proxy_method with a space': {
    to: 'request line',
    text: `set $m "GET /smuggled"; proxy_method $m; ${PASS}`,
    refused: true,
  },
  'return with a body': { to: 'body', text: 'return 200 $evil;' },
  'error_page with a URI': { to: 'URI', text: 'error_page 404 /passed$evil; return 404;' },
  'rewrite to another place': { to: 'answer field', text: 'rewrite ^ http://other$evil redirect;' },
  'rewrite to a directory': { to: 'answer field', text: 'root %%DIR%%; set $args $evil; rewrite ^ /logs break;' },
  '$uri as it is': { to: 'URI', text: `rewrite ^ $evil break; ${PASS}` },
};

const BREAK = '\r\nEvil: yes\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n2026/01/01 00:00:00 [alert] 1#0: forged';

/** Directives whose variables are evaluated in a TLS handshake, before there is a request. */
const IN_HANDSHAKES = ['ssl_certificate', 'ssl_certificate_key'];

test('every directive with variables is listed with the place to which they lead', () => {
  assert.deepEqual([...Object.keys(ATTACKS), ...IN_HANDSHAKES].sort(), templateDirectives());
});

test('a line break in a server name of TLS leaves whole log lines', { skip: withoutOpenssl }, async (t) => {
  const proxy = await startProxy(
    `error_log %%DIR%%/logs/error.log info;
    server {
      listen 127.0.0.1:0 ssl;
      ssl_certificate %%DIR%%/$ssl_server_name.crt;
      ssl_certificate_key %%DIR%%/$ssl_server_name.key;
      return 204;
    }`,
  );
  t.after(() => proxy.close());
  const socket = connectTls({ port: proxy.port, host: '127.0.0.1', servername: BREAK, rejectUnauthorized: false });
  const [failure] = await once(socket, 'error');
  assert.ok(failure instanceof Error);
  await until('the failure is logged', () => proxy.file('logs/error.log').includes('cannot load certificate'));
  const lines = proxy.file('logs/error.log').split('\n').slice(0, -1);
  for (const line of lines) assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#0: (?!forged)/);
});

/** The module of attacks on directives of scripts. */
const SCRIPT = `
  async function fetched(r) {
    try {
      r.return(200, (await ngx.fetch('http://127.0.0.1:1/')).status);
    } catch (error) {
      r.error(String(error));
      r.return(502);
    }
  }
  export default { fetched };
`;

describe('a line break in a variable', () => {
  const attacks = Object.entries({ ...ATTACKS, ...FURTHER });
  const received: string[] = [];
  let backend: Backend;
  /** Responds with an event stream, and fails. */
  let failing: Backend;
  let proxy: TestProxy;
  before(async () => {
    failing = await scriptedBackend(async (connection) => {
      const request = await connection.request();
      if (request === null) return;
      received.push(request.head);
      connection.send(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n',
      );
      connection.end();
    });
    backend = await answeringBackend(({ head, body }) => {
      received.push(head);
      return reply(head + body, {
        fields: [
          'Content-Type: text/html',
          'Location: /x',
          'Refresh: 1; url=/x',
          'Set-Cookie: name=value; domain=back; path=/x',
        ],
      });
    });
    proxy = await startProxy(
      `upstream app { server 127.0.0.1:%%PORT%%; }
      error_log %%DIR%%/logs/error.log info;
      ${attacks.map(([, { http = '' }]) => http).join('\n')}
      server {
        listen 127.0.0.1:0;
        ${attacks.map(([, { text }], i) => `location ~ "^/attack-${i}:(?<evil>(?:.|\\s)*)$" { ${text} }`).join('\n')}
        location /allowed { return 204; }
        location /passed { ${PASS} }
      }`,
      { PORT: backend.port, STREAM: failing.port },
      { files: { 'main.js': SCRIPT } },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close(), failing.close()]));

  for (const [i, [name, { to, text, refused }]] of attacks.entries()) {
    test(`in ${name} (${to}) leaves one request, one answer and whole log lines`, async () => {
      received.length = 0;
      const lines = proxy.file('logs/error.log').split('\n').length;
      const connection = await connect(proxy.port);
      connection.send(
        `GET /attack-${i}:${encodeURIComponent(BREAK)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      const raw = await connection.reader.all();
      const end = raw.indexOf('\r\n\r\n');
      const head = raw.slice(0, end);
      assert.match(head, /^HTTP\/1\.1 [2-5]\d\d /);
      assert.doesNotMatch(head, /[\r\n]Evil/);
      const length = /\r\nContent-Length: (\d+)/.exec(head)?.[1];
      if (length !== undefined) assert.equal(raw.length - end - 4, Number(length));
      else assert.match(raw, /\r\n0\r\n(?:X-Evil: [^\r\n]*\r\n)?\r\n$/);
      if (refused === true) assert.match(head, /^HTTP\/1\.1 50[02] /);
      const passed = refused !== true && /proxy_pass|\/passed/.test(text);
      assert.equal(received.length, passed ? 1 : 0, received.join('\n\n'));
      for (const request of received) {
        assert.match(request, /^GET \S+ HTTP\/1\.[01]\r\n/);
        assert.doesNotMatch(request, /[\r\n]Evil|[^\r]\n|\r[^\n]/);
      }
      const written = proxy
        .file('logs/error.log')
        .split('\n')
        .slice(lines - 1, -1);
      for (const line of written) assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#0: (?!forged)/);
    });
  }

  test('is escaped in access logs', () => {
    const lines = proxy.accessLog('logs/z.log');
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, /^<\/attack-.*forged>$/);
  });
  test('stops nothing', async () => {
    assert.equal((await get(proxy.port, '/passed')).status, 200);
  });
});

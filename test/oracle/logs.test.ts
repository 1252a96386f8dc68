/** Log lines of Debian's nginx and of tsproxy for the same requests. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { until } from '../kit/index.js';
import { bytes } from './cases/request.js';
import { unavailable } from './nginx.js';
import { type Both, type Oracle, type OracleGroup, startOracle } from './oracle.js';

const group: OracleGroup = {
  name: 'logs',
  config: `
    log_format plain '$uri?$args|$http_x|$http_user_agent|$remote_user|$request|$status|$body_bytes_sent|$arg_none|$pipe';
    log_format json escape=json '{"x":"$http_x","none":"$arg_none","request":"$request","status":$status}';
    log_format none escape=none '$http_x|$arg_none|$request';
    log_format limits '$request_uri $status $limit_req_status $limit_conn_status';
    log_format proxied '$uri $status $body_bytes_sent $upstream_status $upstream_response_length $proxy_host';
    limit_req_zone $arg_k zone=one:1m rate=1r/m;
    limit_req_zone $arg_k zone=fast:1m rate=200r/s;
    limit_conn_zone $arg_k$arg_k$arg_k zone=long:1m;
    access_log off;
    server {
      listen 127.0.0.1:%%PORT%%;
      root %%DIR%%;
      location /formats { access_log %%DIR%%/plain plain; access_log %%DIR%%/json json; access_log %%DIR%%/none none; return 200 body; }
      location /if { access_log %%DIR%%/if plain if=$arg_log; return 204; }
      location /buffer { access_log %%DIR%%/buffer none buffer=64; return 200; }
      location /gzip { access_log %%DIR%%/gzip none gzip=1 buffer=64; return 200; }
      location /path { access_log %%DIR%%/path_$arg_p none; return 200; }
      location /rootless { root %%DIR%%/missing; access_log %%DIR%%/path_$arg_p none; error_log %%DIR%%/rootless; return 200; }
      location /combined { access_log %%DIR%%/combined; return 204; }
      location /proxied {
        access_log %%DIR%%/proxied proxied; proxy_pass http://127.0.0.1:%%BACKEND%%;
        proxy_http_version 1.1; proxy_set_header Connection close; proxy_set_header Host backend;
        proxy_redirect http://backend/ /proxied/; proxy_intercept_errors on; error_page 404 = @other;
      }
      location @other { access_log %%DIR%%/proxied proxied; return 402 "text $status"; }
      location /off { access_log off; access_log %%DIR%%/off; return 200; }
      location /req { limit_req zone=one burst=1 nodelay; access_log %%DIR%%/limits limits; error_log %%DIR%%/req info; try_files /page =404; }
      location /delay { limit_req zone=fast burst=9; limit_req_log_level warn; error_log %%DIR%%/delay info; try_files /page =404; }
      location /dry { limit_req zone=one; limit_req_dry_run on; limit_req_log_level info; access_log %%DIR%%/limits limits; error_log %%DIR%%/dry info; try_files /page =404; }
      location /key { limit_conn long 1; access_log %%DIR%%/limits limits; error_log %%DIR%%/key; try_files /page =404; }
    }`,
  backend: ({ target }) => {
    if (target.endsWith('chunked')) return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    if (target.endsWith('missing')) return 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';
    if (target.endsWith('cut')) return 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc';
    return 'HTTP/1.1 201 Created\r\nLocation: http://backend/x\r\nContent-Length: 2\r\n\r\nok';
  },
  cases: [],
};

/** Without what is never the same: time, process, connection, port, directory, fractions of a request. */
function comparable(log: string): string {
  return log
    .replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: \*\d+ /gm, '[$1] ')
    .replace(/\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/g, '[time]')
    .replace(/excess: (\d+\.\d+)/g, (_, excess: string) => `excess: ${Math.round(Number(excess))}`)
    .replace(/"\/tmp\/[^/"]+(\/root)?/g, '"/DIR');
}

describe('nginx and tsproxy log alike', { skip: unavailable }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await startOracle(group);
  });
  after(() => oracle?.close());

  const ask = async (line: string, fields: readonly string[] = [], times = 1): Promise<void> => {
    await oracle.ask(bytes(line, fields).repeat(times));
  };
  /** The logs, as soon as each has so many lines. */
  const logs = async (path: string, lines: number): Promise<Both<string>> => {
    const count = (log: string) => log.split('\n').length - 1;
    await until(`${path} has ${lines} lines`, () => {
      const { nginx, tsproxy } = oracle.read(path);
      return count(nginx) >= lines && count(tsproxy) >= lines;
    });
    const { nginx, tsproxy } = oracle.read(path);
    return { nginx: comparable(nginx), tsproxy: comparable(tsproxy) };
  };
  const alike = async (path: string, lines: number): Promise<void> => {
    const { nginx, tsproxy } = await logs(path, lines);
    assert.equal(tsproxy, nginx);
    assert.equal(nginx.split('\n').length - 1, lines);
  };

  it('values are escaped alike in every format', async () => {
    const values = [
      '',
      'a"b\\c',
      '\xe4\xf6\x80\xff',
      'tab\there',
      '\x7f',
      "'<&>",
      'ü',
      '{"a":1}',
      '\x01\x1f'.replace(/[\x01-\x1f]/g, ''),
    ];
    for (const value of values) await ask('GET /formats?a="b', [`X: ${value}`, `User-Agent: ${value}`]);
    await ask('GET /formats', ['Authorization: Basic dXNlcjpwYXNz']);
    await ask('HEAD /formats%41%22%5c');
    await ask('GET /formats', [], 3);
    for (const path of ['plain', 'json', 'none']) await alike(path, values.length + 5);
  });

  it('if= lets the same through', async () => {
    for (const value of ['', '0', '1', '00', '%30', 'no']) await ask(`GET /if?log=${value}`);
    await ask('GET /if');
    await alike('if', 4);
  });

  it('a buffer that is full is written, and what has no room goes past it', async () => {
    for (let i = 0; i < 5; i++) await ask(`GET /buffer?${'x'.repeat(i * 20)}`);
    await alike('buffer', 5);
  });

  it('what is packed is the same when unpacked', async () => {
    for (let i = 0; i < 5; i++) await ask(`GET /gzip?${'x'.repeat(i * 20)}`);
    const { nginx, tsproxy } = oracle.read('gzip');
    const [a = '', b = ''] = [nginx, tsproxy].map((log) => gunzipSync(Buffer.from(log, 'latin1')).toString('latin1'));
    assert.equal(b, a);
    assert.equal(a.split('\n').length - 1, 5);
  });

  it('a path with variables is written, if the root is there', async () => {
    for (const name of ['a', 'b', 'a']) await ask(`GET /path?p=${name}`);
    await alike('path_a', 2);
    await alike('path_b', 1);
    await ask('GET /rootless?p=c');
    await alike('rootless', 1);
    assert.deepEqual(oracle.read('path_c'), { nginx: '', tsproxy: '' });
  });

  it('the predefined format is the same', async () => {
    await ask('GET /combined', ['Referer: "x"', 'User-Agent: y']);
    await ask('GET /combined?%22');
    await alike('combined', 2);
    await ask('GET /off');
    assert.deepEqual(oracle.read('off'), { nginx: '', tsproxy: '' });
  });

  it('what variables tell of upstreams is the same', async () => {
    for (const path of ['created', 'chunked', 'missing', 'cut']) await ask(`GET /proxied/${path}`);
    await ask('HEAD /proxied/created');
    await alike('proxied', 5);
  });

  it('limits are logged in the same words, at the same levels', async () => {
    await ask('GET /req?k=a', [], 4);
    await alike('req', 2);
    await ask('GET /delay?k=b', [], 3);
    const { nginx, tsproxy } = await logs('delay', 1);
    for (const log of [nginx, tsproxy]) {
      assert.match(
        log,
        /^\[notice\] delaying request, excess: [01], by zone "fast", client: 127\.0\.0\.1, server: , request: "GET \/delay\?k=b HTTP\/1\.1", host: "localhost"$/m,
      );
    }
    await ask('GET /dry?k=c', [], 3);
    await alike('dry', 2);
    await ask(`GET /key?k=${'x'.repeat(86)}`);
    await ask(`GET /key?k=${'x'.repeat(85)}`);
    await alike('key', 1);
    await alike('limits', 9);
  });
});

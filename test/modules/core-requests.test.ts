import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  exchange,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

describe('variables', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend(reply('ok'));
    proxy = await startProxy(
      `
      log_format sent "$sent_http_content_type|$sent_http_content_length|$sent_http_x_own|$sent_http_connection|$sent_http_keep_alive|$sent_http_transfer_encoding|$sent_trailer_x_t|$status|$request_completion";
      server {
        listen 127.0.0.1:0;
        server_name names.example other.example;
        location / { return 200 "$uri|$args|$is_args|$query_string|$request_uri|$document_uri"; }
        location /args { set $args "x=1&y=2"; return 200 "$args $arg_x $arg_Y $is_args$arg_none"; }
        location /arg { return 200 "$arg_a|$arg_b_c|$arg_e"; }
        location /http { return 200 "$http_x_one|$http_x_two|$http_cookie|$cookie_b|$cookie_none"; }
        location /host { return 200 "$host|$http_host|$request_port|$is_request_port|$server_name|$hostname"; }
        location /user { return 200 "$remote_user|$content_length|$content_type"; }
        location /conn { return 200 "$scheme|$https|$remote_addr|$server_addr|$server_port|$connection_requests|$request_method|$server_protocol|$request"; }
        location /id { return 200 "$request_id $request_id"; }
        location /rate { set $limit_rate $arg_r; return 200 $limit_rate; }
        location /sent { access_log logs/sent.log sent; add_header X-Own a; add_header X-Own b; add_trailer X-T end; keepalive_timeout 10 7; return 200 text; }
        location /body { access_log logs/body.log body; client_body_buffer_size 4; proxy_pass http://127.0.0.1:%%PORT%%; }
      }
      log_format body escape=none "$request_body|$request_body_file|$content_length|$request_length";
    `,
      { PORT: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));
  const body = async (path: string, fields: readonly string[] = []) => (await get(proxy.port, path, { fields })).body;

  test('tell the URI', async () => {
    assert.equal(await body('/a%20b/../c?d=%20'), '/c|d=%20|?|d=%20|/a%20b/../c?d=%20|/c');
    assert.equal(await body('/x'), '/x||||/x|/x');
  });
  test('tell arguments, and take new ones', async () => {
    assert.equal(await body('/arg?A=1&b_c=2&xe=3&e'), '1|2|');
    assert.equal(await body('/arg?ae=1&e=a=b&e=c'), '||a=b');
    assert.equal(await body('/args?a=1'), 'x=1&y=2 1 2 ?');
  });
  test('tell fields and cookies', async () => {
    const fields = ['X-One: 1', 'x-one: 2', 'X-Two: ', 'Cookie: a=1; b = 2; c=3', 'Cookie: B=4'];
    assert.equal(await body('/http', fields), '1, 2||a=1; b = 2; c=3; B=4|2|');
    assert.equal(await body('/http', ['Cookie: xb=1;B=4']), '||xb=1;B=4|4|');
  });
  test('tell the host', async () => {
    const name = hostname().toLowerCase();
    assert.equal(
      await body('/host', ['Host: Names.Example:8080']),
      `names.example|Names.Example:8080|8080|:|names.example|${name}`,
    );
    const absolute = await exchange(proxy.port, 'GET http://a:81/host HTTP/1.0\r\nHost: b:82\r\n\r\n');
    assert.match(absolute, /\r\n\r\na\|b:82\|81\|:\|/);
    assert.match(await exchange(proxy.port, 'GET /host HTTP/1.0\r\n\r\n'), /\r\n\r\nnames\.example\|\|\|\|/);
  });
  test('tell the user of Basic authentication', async () => {
    assert.equal(await body('/user', ['Authorization: Basic YTpi', 'Content-Type: text/x']), 'a||text/x');
    assert.equal(await body('/user', ['Authorization: Basic YQ==']), '||');
    assert.equal(await body('/user', ['Authorization: Bearer YTpi']), '||');
  });
  test('tell the connection', async () => {
    assert.equal(await body('/conn'), `http||127.0.0.1|127.0.0.1|${proxy.port}|1|GET|HTTP/1.1|GET /conn HTTP/1.1`);
    assert.match(await exchange(proxy.port, 'GET /conn HTTP/1.0\r\n\r\n'), /\|HTTP\/1\.0\|GET \/conn HTTP\/1\.0$/);
  });
  test('give one id to a request', async () => {
    const [first = '', second = ''] = (await body('/id')).split(' ');
    assert.match(first, /^[0-9a-f]{32}$/);
    assert.equal(first, second);
    assert.notEqual(first, (await body('/id')).split(' ')[0]);
  });
  test('take a rate', async () => {
    assert.equal(await body('/rate?r=40k'), '40960');
    assert.equal(await body('/rate?r=x'), '0');
    assert.ok(proxy.messages('error').some((message) => message.includes('invalid $limit_rate "x"')));
  });
  test('tell what was sent', async () => {
    const connection = await connect(proxy.port);
    connection.send(request('/sent', { fields: ['Connection: keep-alive'] }));
    await connection.answer();
    connection.close();
    await until('the line is logged', () => proxy.accessLog('logs/sent.log').length === 1);
    assert.deepEqual(proxy.accessLog('logs/sent.log'), ['text/plain|-|a, b|keep-alive|timeout=7|chunked|end|200|OK']);
  });
  test('tell the body that was read', async () => {
    await get(proxy.port, '/body', { method: 'POST', body: 'abc' });
    // Longer than what nginx reads together with the head.
    await get(proxy.port, '/body', { method: 'POST', body: 'abcdef'.repeat(200) });
    await get(proxy.port, '/body', {
      method: 'POST',
      fields: ['Transfer-Encoding: chunked'],
      body: '2\r\nab\r\n0\r\n\r\n',
    });
    await until('the lines are logged', () => proxy.accessLog('logs/body.log').length === 3);
    const [memory = '', file = '', chunked = ''] = proxy.accessLog('logs/body.log');
    assert.match(memory, /^abc\|\|3\|\d+$/);
    assert.match(file, /^\|\/.*client_body_temp-\w{6}\/\d{10}\|1200\|\d+$/);
    assert.match(chunked, /^ab\|\|2\|\d+$/);
  });
});

describe('$upstream_ variables', () => {
  test('tell each try, and keep those before an internal redirect apart', async () => {
    const backend = await answeringBackend((received) =>
      received.target === '/broken'
        ? reply('no', { status: '500 Broken' })
        : reply('yes', { fields: ['X-Back: 1', 'X-Back: 2', 'Set-Cookie: c=d; Path=/'] }),
    );
    const proxy = await startProxy(
      `
      log_format up "$upstream_addr|$upstream_status|$upstream_response_length|$upstream_http_x_back|$upstream_cookie_c|$upstream_http_none";
      log_format times "$upstream_connect_time|$upstream_header_time|$upstream_response_time|$upstream_bytes_sent|$upstream_bytes_received";
      server {
        listen 127.0.0.1:0;
        access_log logs/up.log up;
        access_log logs/times.log times;
        location /broken { proxy_pass http://127.0.0.1:%%PORT%%; proxy_intercept_errors on; error_page 500 /fine; }
        location /fine { proxy_pass http://127.0.0.1:%%PORT%%; }
        location /none { return 204; }
      }`,
      { PORT: backend.port },
    );
    try {
      await get(proxy.port, '/fine');
      await get(proxy.port, '/broken');
      await get(proxy.port, '/none');
      await until('the lines are logged', () => proxy.accessLog('logs/times.log').length === 3);
      const address = `127.0.0.1:${backend.port}`;
      const [fine, broken, none] = proxy.accessLog('logs/up.log');
      assert.equal(fine, `${address}|200|3|1, 2|d|-`);
      assert.equal(broken, `${address} : ${address}|500 : 200|0 : 3|1, 2|d|-`);
      assert.equal(none, '-|-|-|-|-|-');
      const [times] = proxy.accessLog('logs/times.log');
      assert.match(times ?? '', /^\d\.\d{3}\|\d\.\d{3}\|\d\.\d{3}\|[1-9]\d*\|[1-9]\d*$/);
    } finally {
      await Promise.all([proxy.close(), backend.close()]);
    }
  });
});

describe('limits of requests', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      max_headers 5;
      large_client_header_buffers 2 512;
      client_header_buffer_size 512;
      keepalive_requests 2;
      server {
        listen 127.0.0.1:0;
        merge_slashes off;
        underscores_in_headers on;
        ignore_invalid_headers on;
        client_max_body_size 4;
        keepalive_timeout 30 20;
        location / { return 200 "$uri|$http_a_b"; }
        location /never { keepalive_timeout 0; return 200 x; }
        location /old { keepalive_disable none; return 200 x; }
      }`);
  });
  after(() => proxy.close());

  test('keep slashes where merge_slashes is off', async () => {
    assert.equal((await get(proxy.port, '//a//b')).body, '//a//b|');
  });
  test('let underscores through where they may be', async () => {
    assert.equal((await get(proxy.port, '/', { fields: ['a_b: c'] })).body, '/|c');
  });
  test('refuse too many fields, too long lines and too large bodies', async () => {
    const many = Array.from({ length: 6 }, (_, i) => `X-${i}: 1`);
    assert.equal((await get(proxy.port, '/', { fields: many })).status, 400);
    assert.equal((await get(proxy.port, `/${'x'.repeat(600)}`)).status, 414);
    assert.equal((await get(proxy.port, '/', { fields: [`X: ${'x'.repeat(600)}`] })).status, 400);
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: '12345' })).status, 413);
  });
  test('close the connection after keepalive_requests', async () => {
    const connection = await connect(proxy.port);
    const asked = request('/', { fields: ['Connection: keep-alive'] });
    const first = await connection.send(asked).answer();
    assert.equal(first.field('connection'), 'keep-alive');
    assert.equal(first.field('keep-alive'), 'timeout=20');
    const second = await connection.send(asked).answer();
    assert.equal(second.field('connection'), 'close');
    assert.equal(await connection.all(), '');
    connection.close();
  });
  test('close the connection where keepalive_timeout is 0, or for browsers of old', async () => {
    const closes = async (path: string, method: string, agent: string) => {
      const fields = ['Connection: keep-alive', `User-Agent: ${agent}`];
      return (await get(proxy.port, path, { method, fields })).field('connection') === 'close';
    };
    assert.equal(await closes('/never', 'GET', 'x'), true);
    assert.equal(await closes('/', 'POST', 'Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)'), true);
    assert.equal(await closes('/', 'GET', 'Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)'), false);
    assert.equal(await closes('/old', 'POST', 'Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)'), false);
  });
});

describe('answers', () => {
  test('say who made them as server_tokens says, and redirect as the directives say', async () => {
    const proxy = await startProxy(`
      server {
        listen 127.0.0.1:0;
        server_name main.example;
        location /off { server_tokens off; return 200 x; }
        location /own { server_tokens gateway; return 200 x; }
        location /relative { absolute_redirect off; return 301 /x; }
        location /name { server_name_in_redirect on; port_in_redirect off; return 301 /x; }
        location /plain { return 301 /x; }
      }`);
    try {
      const field = async (path: string, name: string) =>
        (await get(proxy.port, path, { fields: ['Host: asked.example'] })).field(name);
      assert.match((await field('/', 'server')) ?? '', /^tsproxy\/\d/);
      assert.equal(await field('/off', 'server'), 'tsproxy');
      assert.equal(await field('/own', 'server'), 'gateway');
      assert.equal(await field('/relative', 'location'), '/x');
      assert.equal(await field('/name', 'location'), 'http://main.example/x');
      assert.equal(await field('/plain', 'location'), `http://asked.example:${proxy.port}/x`);
    } finally {
      await proxy.close();
    }
  });
});

describe('error_log', () => {
  test('goes where the innermost block says, with its level', async () => {
    const proxy = await startProxy(`
      error_log %%DIR%%/logs/http.log error;
      server {
        listen 127.0.0.1:0;
        root %%DIR%%/html;
        location / { }
        location /own/ { error_log logs/own.log crit; error_log logs/second.log; }
      }`);
    try {
      await get(proxy.port, '/missing');
      await get(proxy.port, '/own/missing');
      assert.match(
        proxy.file('logs/http.log'),
        /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[error\] \d+#0: \*\d+ open\(\) "[^"]*\/html\/missing" failed \(2: No such file or directory\), client: 127\.0\.0\.1/,
      );
      assert.equal(proxy.file('logs/own.log'), '');
      assert.match(proxy.file('logs/second.log'), /html\/own\/missing/);
      assert.doesNotMatch(proxy.file('logs/http.log'), /own/);
    } finally {
      await proxy.close();
    }
  });
});

test('names that every JavaScript object has are names like others', async (t) => {
  const proxy = await startProxy(`
    server {
      listen 127.0.0.1:0;
      add_header Constructor made;
      add_header X "<$sent_http_constructor><$sent_http___proto__><$http_constructor><$arg_constructor><$cookie___proto__>" always;
      return 200 "<$http_constructor><$arg_tostring><$cookie_constructor>";
    }`);
  t.after(() => proxy.close());
  const answer = await get(proxy.port);
  assert.equal(answer.field('x'), '<made><><><><>');
  assert.equal(answer.body, '<><><>');
});

test('a request line that is refused is answered as far as it was understood', async (t) => {
  // Takes away the length of every body, so that what follows shows which framing the client is thought to know.
  const proxy = await startProxy(`
    server { listen 127.0.0.1:0; sub_filter x y; }`);
  t.after(() => proxy.close());
  const raw = async (bytes: string) => {
    const connection = await connect(proxy.port);
    const all = await connection.send(bytes).all();
    connection.close();
    return all;
  };
  const refused = await raw('get / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(refused, /^HTTP\/1\.1 400 /);
  assert.doesNotMatch(refused, /chunked/i, 'the version was not read');
  assert.match(await raw('HEAD * HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*\r\n\r\n$/, 'HEAD has no body');
  assert.match(await raw('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*\r\n0\r\n\r\n$/);
});

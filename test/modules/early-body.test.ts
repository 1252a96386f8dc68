import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

const JSON_TYPE = ['Content-Type: application/json'];

describe('client_body_early_read', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend((received) =>
      reply(`${received.field('content-length')} ${received.field('transfer-encoding')} ${received.body}`),
    );
    proxy = await startProxy(
      `
      map $http_content_type $is_json { application/json 1; }
      map $request_body $method { default other; ~"method":"login" login; }
      set_real_ip_from 127.0.0.1;
      server {
        listen 127.0.0.1:0;
        client_body_early_read $is_json $arg_early;
        client_max_body_size 100;
        client_body_buffer_size 50;
        error_page 413 /too-large;
        location = /too-large { return 413 "too large for $request_uri"; }
        if ($method = login) { return 200 "a login"; }
        location / { return 200 "<$request_body> $content_length"; }
        location /small { client_max_body_size 10; return 200 "<$request_body>"; }
        location /large { client_max_body_size 1m; return 200 large; }
        location /streamed { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }
      server { listen 127.0.0.2:0; return 200 "<$request_body>"; }`,
      { BACKEND: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  const post = (path: string, body: string, fields: readonly string[] = JSON_TYPE) =>
    get(proxy.port, path, { method: 'POST', body, fields });

  it('provides the body to the server, before a location is chosen', async () => {
    assert.equal((await post('/', '{"method":"login"}')).body, 'a login');
    assert.equal((await post('/', '{"method":"list"}')).body, '<{"method":"list"}> 17');
  });

  it('depends on its condition: any of the strings', async () => {
    assert.equal((await post('/', '{"method":"login"}', [])).body, '<> 18');
    assert.equal((await post('/?early=0', 'abc', [])).body, '<> 3');
    assert.equal((await post('/?early=1', 'abc', [])).body, '<abc> 3');
    assert.equal((await get({ host: '127.0.0.2', port: proxy.portOf('127.0.0.2') }, '/')).body, '<>');
  });

  it('does nothing for a request without a body', async () => {
    assert.equal((await get(proxy.port, '/?early=1')).body, '<> ');
  });

  it('applies the limits of the server, then that of the location, to chunked bodies as well', async () => {
    const client = await connect(proxy.port);
    const chunked = (path: string, body: string) =>
      client.send(
        `POST ${path} HTTP/1.1\r\nHost: a\r\n${JSON_TYPE[0]}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      );
    chunked('/', 'chunked');
    assert.equal((await client.answer()).body, '<chunked> 7');
    chunked('/small', 'more than ten');
    assert.equal((await client.answer()).body, 'too large for /small');
    const long = 'x'.repeat(101);
    assert.equal((await post('/small', '12345678901')).status, 413);
    assert.equal((await post('/large', long)).body, 'too large for /large');
    assert.equal((await post('/large', long, [])).body, 'large');
    client.close();
  });

  it('waits for a body that arrives slowly, after "100 Continue" if the client waits for that', async () => {
    const client = await connect(proxy.port);
    const [head = ''] = request('/', {
      method: 'POST',
      body: 'abcdef',
      fields: [...JSON_TYPE, 'Expect: 100-continue'],
    }).split('abcdef');
    client.send(head);
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    client.send('def');
    assert.equal((await client.answer()).body, '<abcdef> 6');
    client.close();
  });

  it('makes a request to an upstream with a length, although requests are not buffered', async () => {
    assert.equal((await post('/streamed', '{"a":1}')).body, '7 undefined {"a":1}');
    const client = await connect(proxy.port);
    client.send(
      `POST /streamed HTTP/1.1\r\nHost: a\r\n${JSON_TYPE[0]}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    );
    assert.equal((await client.answer()).body, '3 undefined abc');
    client.close();
  });

  it('refuses a malformed body before any phase', async () => {
    const client = await connect(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${JSON_TYPE[0]}\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n`);
    assert.equal((await client.answer()).status, 400);
    client.close();
  });
});

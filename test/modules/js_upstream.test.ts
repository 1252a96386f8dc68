/** Functions of scripts for requests to upstreams and their responses. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type TestContext, test } from 'node:test';
import { get, listening, startProxy, type TestProxy } from '../kit/index.js';

interface Report {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly body: string;
}

function parse(body: string): Report {
  return JSON.parse(Buffer.from(body, 'latin1').toString()) as Report;
}

/** A proxy in front of a server that reports requests; `script` is the module `main`. */
async function scene(t: TestContext, script: string, directives: string): Promise<TestProxy> {
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const { method, url, headers, rawHeaders } = req;
      res.writeHead(Number(headers['x-status'] ?? 200), [
        ['X-Powered-By', 'Something'],
        ['Set-Cookie', 'a=1; Path=/'],
        ['Set-Cookie', 'b=2'],
        ['Content-Type', 'application/json'],
      ]);
      res.end(JSON.stringify({ method, url, headers, raw: rawHeaders, body: Buffer.concat(parts).toString() }));
    });
  });
  const port = await listening(t, server);
  const proxy = await startProxy(
    `js_import main from main.js;
     server {
       listen 127.0.0.1:0;
       location / { proxy_pass http://127.0.0.1:${port}; proxy_set_header X-Set "by proxy"; ${directives} }
       location = /error { return 404 "page"; }
     }`,
    {},
    { files: { 'main.js': script } },
  );
  t.after(() => proxy.close());
  return proxy;
}

test('a function changes method, target and fields of the request to the upstream', async (t) => {
  const script = `
    export function request(r, request) {
      const { headers } = request;
      request.method = request.method === 'POST' ? 'PUT' : request.method;
      request.target = '/new' + request.target + '&user=' + r.headersIn['X-User'];
      headers.set('Host', 'inner.example');
      headers.set('X-Many', ['1', 2]);
      headers.append('X-Many', '\\u00fc');
      headers.delete('User-Agent');
      headers.set('X-Seen', [headers.get('x-set'), headers.get('X-None'), headers.has('cookie'), [...headers].length > 3].join());
    }`;
  const proxy = await scene(t, script, 'js_upstream_request main.request;');
  const fields = ['X-User: me', 'User-Agent: test', 'Cookie: a=b'];
  const response = await get(proxy.port, '/path?a=1', { method: 'POST', fields, body: 'body' });
  const { method, url, headers, raw, body } = parse(response.body);
  assert.deepEqual([method, url, body], ['PUT', '/new/path?a=1&user=me', 'body']);
  assert.deepEqual(
    [headers.host, headers['user-agent'], headers['x-seen']],
    ['inner.example', undefined, 'by proxy,,true,true'],
  );
  assert.deepEqual(
    raw.filter((_, i) => i % 2 === 1 && raw[i - 1] === 'X-Many'),
    ['1', '2', 'Ã¼'],
  );
});

test('a method that asks for no body changes the framing of the response', async (t) => {
  const script = `export function request(r, request) { request.method = 'HEAD'; }`;
  const proxy = await scene(t, script, 'js_upstream_request main.request;');
  const response = await get(proxy.port);
  assert.deepEqual([response.status, response.body], [200, '']);
});

test('invalid fields and targets are exceptions, and the request gets 500 or passes unchanged', async (t) => {
  const script = `
    export function request(r, request) {
      const attempts = [
        () => request.headers.set('X-A', 'a\\r\\nX-Injected: 1'),
        () => request.headers.set('X A', 'a'),
        () => request.headers.set('Content-Length', '1'),
        () => request.headers.append('Transfer-Encoding', 'chunked'),
        () => request.headers.delete('Connection'),
        () => { request.target = '/a b'; },
        () => { request.target = '/a\\r\\nX: 1'; },
        () => { request.target = 'http://elsewhere/'; },
        () => { request.method = 'GET /'; },
      ];
      const names = attempts.map((attempt) => { try { attempt(); return 'none'; } catch (e) { return e.name; } });
      request.headers.set('X-Errors', [...new Set(names)].join());
      if (r.uri === '/throw') throw new Error('on purpose');
      if (r.uri === '/async') return Promise.resolve();
    }`;
  const proxy = await scene(t, script, 'js_upstream_request main.request;');
  const { url, headers } = parse((await get(proxy.port, '/ok')).body);
  assert.deepEqual([url, headers['x-errors'], headers['x-injected']], ['/ok', 'TypeError', undefined]);
  assert.equal((await get(proxy.port, '/throw')).status, 500);
  assert.equal((await get(proxy.port, '/async')).status, 500);
  const errors = proxy.messages('error').join('\n');
  assert.match(errors, /on purpose/);
  assert.match(errors, /async function "main\.request" of "js_upstream_request"/);
  const open = await scene(t, script, 'js_upstream_request main.request; js_timeout 1s fail=open;');
  const unchanged = parse((await get(open.port, '/throw')).body);
  assert.equal(unchanged.headers['x-errors'], undefined);
});

test('a function changes status and fields of the response, or replaces it by a status', async (t) => {
  const script = `
    export function response(r, response) {
      const { headers } = response;
      if (r.uri === '/replace') return 503;
      if (r.uri === '/throw') throw new Error('on purpose');
      headers.delete('X-Powered-By');
      headers.set('Set-Cookie', headers.getAll('set-cookie').map((cookie) => cookie + '; Secure'));
      headers.append('X-New', '\\u00fc');
      headers.set('Content-Type', 'text/plain');
      headers.set('X-Status', response.status);
      if (response.status === 201) response.status = 202;
    }`;
  const proxy = await scene(t, script, 'js_upstream_response main.response; add_header X-Added 1;');
  const response = await get(proxy.port, '/', { fields: ['X-Status: 201'] });
  assert.deepEqual(
    ['x-powered-by', 'set-cookie', 'x-new', 'content-type', 'x-status', 'x-added'].map((name) => response.field(name)),
    [undefined, 'a=1; Path=/; Secure, b=2; Secure', Buffer.from('ü').latin1Slice(), 'text/plain', '201', undefined],
  );
  assert.deepEqual([response.status, response.reason], [202, 'Accepted']);
  assert.equal((await get(proxy.port, '/replace')).status, 503);
  assert.equal((await get(proxy.port, '/throw')).status, 500);
  assert.equal((await get(proxy.port, '/error')).body, 'page');
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  answeringBackend,
  certificates,
  closedPort,
  get,
  httpsBackend,
  reply,
  startProxy,
  type TestProxy,
} from '../kit/index.js';
import { scripted } from './scripted-proxy.js';

const MAIN = `
async function one(r) {
  try {
    const reply = await ngx.fetch(r.args.url, JSON.parse(r.args.options || '{}'));
    r.return(200, reply.status + ' ' + await reply.text());
  } catch (e) { r.return(500, e.name + ': ' + e.message); }
}
function chained(r) {
  ngx.fetch(r.args.url).then((reply) => reply.text()).then((body) => r.return(200, body)).catch((e) => r.return(501, e.message));
}
export default { one, chained };`;

const started = (t: TestContext, settings: string): Promise<TestProxy> => scripted(t, MAIN, settings);

function fetched(proxy: TestProxy, location: string, url: string, options?: object): Promise<string> {
  const query = options === undefined ? '' : `&options=${encodeURIComponent(JSON.stringify(options))}`;
  return get(proxy.port, `${location}?url=${encodeURIComponent(url)}${query}`).then(({ body }) => body);
}

test('ngx.fetch sends a request, and the handler waits for its continuations', async (t) => {
  const backend = await answeringBackend(({ method, target, body }) => reply(`${method} ${target} ${body}`));
  t.after(() => backend.close());
  const proxy = await started(
    t,
    'location /one { js_content main.one; } location /chained { js_content main.chained; }',
  );
  const url = `http://127.0.0.1:${backend.port}/a?b=1`;
  assert.equal(await fetched(proxy, '/one', url), '200 GET /a?b=1 ');
  assert.equal(await fetched(proxy, '/one', url, { method: 'post', body: 'x' }), '200 POST /a?b=1 x');
  assert.equal(await fetched(proxy, '/chained', url), 'GET /a?b=1 ');
});

test('settings of the location apply: limits, timeouts, kept connections', async (t) => {
  const backend = await answeringBackend(({ target }, connection) =>
    target === '/slow' ? new Promise<string>(() => {}) : reply(`${connection.number}${'x'.repeat(10)}`),
  );
  t.after(() => backend.close());
  const proxy = await started(
    t,
    `location /small { js_fetch_max_response_buffer_size 5; js_content main.one; }
     location /slow { js_fetch_timeout 50ms; js_content main.one; }
     location /kept { js_fetch_keepalive 2; js_content main.one; }
     location /none { js_content main.one; }`,
  );
  const url = `http://127.0.0.1:${backend.port}/`;
  assert.equal(await fetched(proxy, '/small', url), 'Error: http content length is too large');
  assert.equal(await fetched(proxy, '/slow', `${url}slow`), 'Error: read timed out');
  const first = await fetched(proxy, '/kept', url);
  assert.equal(await fetched(proxy, '/kept', url), first);
  assert.notEqual(await fetched(proxy, '/none', url), await fetched(proxy, '/none', url));
});

test('certificates are verified, by the authorities and for the name', async (t) => {
  const backend = await httpsBackend();
  const other = await httpsBackend({ certificate: 'other' });
  t.after(() => Promise.all([backend.close(), other.close()]));
  const ca = `js_fetch_trusted_certificate ${certificates().directory}/ca.crt;`;
  const proxy = await started(
    t,
    `location /trusted { ${ca} js_content main.one; }
     location /strange { js_content main.one; }
     location /off { js_fetch_verify off; js_content main.one; }`,
  );
  const url = `https://127.0.0.1:${backend.port}/`;
  assert.match(await fetched(proxy, '/trusted', url), /^200 /);
  assert.equal(await fetched(proxy, '/trusted', `https://127.0.0.1:${other.port}/`), 'Error: connect failed');
  assert.equal(await fetched(proxy, '/strange', url), 'Error: connect failed');
  assert.match(await fetched(proxy, '/strange', url, { verify: false }), /^200 /);
  assert.match(await fetched(proxy, '/off', url), /^200 /);
  const errors = proxy.messages('error').join('\n');
  assert.match(errors, /js http SSL certificate does not match "127\.0\.0\.1"/);
  assert.match(errors, /js http SSL certificate verify error: \(\d+:[a-z]/);
});

test('a proxy may be chosen by variables', async (t) => {
  const backend = await answeringBackend(({ line, field }) => reply(`${line} ${field('proxy-authorization')}`));
  t.after(() => backend.close());
  const proxy = await started(t, 'location / { js_fetch_proxy $arg_proxy; js_content main.one; }');
  const via = (proxyUrl: string) =>
    get(proxy.port, `/?proxy=${proxyUrl}&url=${encodeURIComponent('http://example.test/x')}`).then(({ body }) => body);
  assert.equal(await via(`http://u:p@127.0.0.1:${backend.port}`), '200 GET http://example.test/x HTTP/1.1 Basic dTpw');
  assert.equal(await via('http:/'), 'Error: failed to evaluate proxy URL');
  assert.equal(await via(''), 'Error: no resolver defined');
});

test('a refused connection is logged with the request', async (t) => {
  const proxy = await started(t, 'location / { js_content main.one; }');
  assert.equal(await fetched(proxy, '/', `http://127.0.0.1:${await closedPort()}/`), 'Error: connect failed');
  assert.match(
    proxy.messages('error').join('\n'),
    /^\*\d+ connect\(\) to 127\.0\.0\.1:\d+ failed \(111: Connection refused\), client: /m,
  );
});

test('text of clients cannot add fields or requests', async (t) => {
  const backend = await answeringBackend(reply('ok'));
  t.after(() => backend.close());
  const proxy = await started(t, 'location / { js_content main.one; }');
  const url = `http://127.0.0.1:${backend.port}/`;
  assert.equal(await fetched(proxy, '/', `${url}a\r\nX: y`), 'TypeError: invalid url');
  assert.equal(
    await fetched(proxy, '/', url, { method: 'GET / HTTP/1.1\r\nX: y\r\n\r\nGET' }),
    'TypeError: invalid Request method',
  );
  assert.equal(await fetched(proxy, '/', url, { headers: { a: 'b\r\nX: y' } }), 'TypeError: invalid header value');
  assert.equal(await fetched(proxy, '/', url, { headers: { 'a: b\r\nX': 'y' } }), 'TypeError: invalid header name');
  assert.equal(
    await fetched(proxy, '/', url, { headers: { Host: 'a', 'Transfer-Encoding': 'chunked' }, body: 'x' }),
    '200 ok',
  );
  assert.equal(backend.requests.length, 1);
  assert.equal(backend.requests[0]?.field('transfer-encoding'), undefined);
});

test('a file of authorities that is missing is reported where it is named', async () => {
  for (const place of [
    'js_fetch_trusted_certificate none.crt; server { listen 127.0.0.1:0; }',
    'server { listen 127.0.0.1:0; location / { js_fetch_trusted_certificate none.crt; } }',
  ]) {
    const started = startProxy(`js_path %%DIR%%; js_import main.js; ${place}`, {}, { files: { 'main.js': MAIN } });
    await assert.rejects(started, /none\.crt.*No such file/s);
  }
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answeringBackend, type Backend, get, reply, scriptedBackend, type TestProxy } from '../kit/index.js';
import { scripted } from './scripted-proxy.js';

async function filtered(t: TestContext, main: string, locations: string, backend: Backend): Promise<TestProxy> {
  const proxy = await scripted(t, main, locations, { backend: backend.port });
  t.after(() => backend.close());
  return proxy;
}

test('js_header_filter changes the head of a proxied response before add_header', async (t) => {
  const backend = await answeringBackend(reply('ok', { fields: ['Set-Cookie: a', 'Set-Cookie: bbb', 'X-Out: 1'] }));
  const proxy = await filtered(
    t,
    `function head(r) {
       r.headersOut['Set-Cookie'] = r.headersOut['Set-Cookie'].filter((v) => v.length > 1);
       delete r.headersOut['X-Out'];
       r.headersOut['X-Status'] = String(r.status);
     }
     export default { head };`,
    'location / { js_header_filter main.head; add_header X-Added $sent_http_x_status; proxy_pass http://127.0.0.1:%%BACKEND%%; }',
    backend,
  );
  const answer = await get(proxy.port);
  assert.equal(answer.field('set-cookie'), 'bbb');
  assert.equal(answer.field('x-out'), undefined);
  assert.equal(answer.field('x-status'), '200');
  assert.equal(answer.field('x-added'), '200');
});

test('a js_header_filter that throws makes the response 500, or leaves it with fail=open', async (t) => {
  const proxy = await scripted(
    t,
    'function head() { throw new Error("oops"); } export default { head };',
    `location / { js_header_filter main.head; return 200 ok; }
     location /open { js_timeout 1s fail=open; js_header_filter main.head; return 200 open; }`,
  );
  assert.equal((await get(proxy.port)).status, 500);
  assert.match(proxy.messages('error').join('\n'), /js exception: .*oops/s);
  const open = await get(proxy.port, '/open');
  assert.deepEqual([open.status, open.body], [200, 'open']);
});

test('an async js_header_filter is reported, and its rejection is handled', async (t) => {
  const proxy = await scripted(
    t,
    'async function head(r) { r.headersOut.a = "b"; await 0; throw new Error("late"); } export default { head };',
    'location / { js_header_filter main.head; return 200 ok; }',
  );
  assert.equal((await get(proxy.port)).field('a'), 'b');
  assert.match(proxy.messages('error').join('\n'), /async operation inside "main\.head" header filter/);
});

test('js_body_filter receives all parts and an empty last one, and sends other data', async (t) => {
  const backend = await answeringBackend(reply('abc'));
  const proxy = await filtered(
    t,
    `const clear = (r) => { delete r.headersOut['Content-Length']; };
     const append = (r, data, flags) => {
       r.sendBuffer(data, { last: false });
       if (flags.last) r.sendBuffer('XXX', flags);
     };
     let all = '';
     const collect = (r, data, flags) => {
       all += data;
       if (flags.last) { r.sendBuffer(all.toUpperCase() + data.constructor.name, flags); all = ''; }
     };
     const prepend = (r, data, flags) => { r.sendBuffer('<'); r.sendBuffer(data, flags); r.done(); };
     export default { clear, append, collect, prepend };`,
    `js_header_filter main.clear;
     location /append { js_body_filter main.append; proxy_pass http://127.0.0.1:%%BACKEND%%; }
     location /collect { js_body_filter main.collect; proxy_pass http://127.0.0.1:%%BACKEND%%; }
     location /prepend { js_body_filter main.prepend; return 200 abc; }`
      .replace(/\{ js_body/g, '{ js_header_filter main.clear; js_body')
      .replace('js_header_filter main.clear;\n', '\n'),
    backend,
  );
  const append = await get(proxy.port, '/append');
  assert.deepEqual([append.body, append.field('content-length')], ['abcXXX', undefined]);
  assert.equal((await get(proxy.port, '/collect')).body, 'ABCString');
  assert.equal((await get(proxy.port, '/prepend')).body, '<abc');
});

test('a character that arrives in two parts is passed whole, and buffers are not decoded', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\xc3');
    await new Promise((resolve) => setTimeout(resolve, 30));
    connection.send('\xa9\xff');
  });
  const proxy = await filtered(
    t,
    `const seen = [];
     const text = (r, data, flags) => { seen.push(data); if (flags.last) r.sendBuffer(JSON.stringify(seen.splice(0)), flags); };
     const bytes = (r, data, flags) => { seen.push(...data); if (flags.last) r.sendBuffer(seen.splice(0).join(), flags); };
     const clear = (r) => { delete r.headersOut['Content-Length']; };
     export default { text, bytes, clear };`,
    `proxy_buffering off;
     location /text { js_header_filter main.clear; js_body_filter main.text; proxy_pass http://127.0.0.1:%%BACKEND%%; }
     location /bytes { js_header_filter main.clear; js_body_filter main.bytes buffer_type=buffer; proxy_pass http://127.0.0.1:%%BACKEND%%; }`,
    backend,
  );
  assert.equal(
    (JSON.parse(Buffer.from((await get(proxy.port, '/text')).body, 'latin1').toString()) as string[]).join(''),
    'aé\ufffd',
  );
  assert.equal((await get(proxy.port, '/bytes')).body, '97,195,169,255');
});

test('more or fewer bytes than Content-Length never reach the next response', async (t) => {
  const proxy = await scripted(
    t,
    `const longer = (r, data, flags) => r.sendBuffer(data + 'HTTP/1.1 200 Forged', flags);
     const shorter = (r, data, flags) => r.sendBuffer('', flags);
     export default { longer, shorter };`,
    `location /longer { js_body_filter main.longer; return 200 abc; }
     location /shorter { js_body_filter main.shorter; return 200 abc; }`,
  );
  for (const path of ['/longer', '/shorter']) {
    const answer = await get(proxy.port, path);
    assert.deepEqual([answer.field('content-length'), answer.body], ['3', ''], path);
  }
  assert.match(
    proxy.messages('error').join('\n'),
    /longer than its Content-Length of 3 after js_body_filter "main\.longer"/,
  );
  assert.match(proxy.messages('error').join('\n'), /shorter than its Content-Length of 3/);
});

test('a js_body_filter that throws ends the response early, and other requests continue', async (t) => {
  const proxy = await scripted(
    t,
    'function fail() { throw new Error("oops"); } export default { fail };',
    'location / { js_body_filter main.fail; return 200 abc; } location /other { return 200 other; }',
  );
  assert.equal((await get(proxy.port)).body, '');
  assert.equal((await get(proxy.port, '/other')).body, 'other');
  assert.match(proxy.messages('error').join('\n'), /js exception: .*oops/s);
});

test('r.sendBuffer outside of a body filter throws', async (t) => {
  const proxy = await scripted(
    t,
    'function c(r) { try { r.sendBuffer("a"); } catch (e) { r.return(200, e.name); } } export default { c };',
    'location / { js_content main.c; }',
  );
  assert.equal((await get(proxy.port)).body, 'TypeError');
});

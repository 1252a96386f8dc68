import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeringBackend, get, reply } from '../kit/index.js';
import { scripted } from './scripted-proxy.js';

test('js_content responds with a status, a body and fields', async (t) => {
  const proxy = await scripted(
    t,
    `function hello(r) {
       r.headersOut['X-A'] = ['1', '2'];
       r.headersOut['Content-Type'] = 'text/x';
       r.return(201, \`\${r.method} \${r.uri} \${r.args.a} \${r.headersIn['x-b']} \${r.httpVersion} \\u00e9\`);
     }
     export default { hello };`,
    'location / { js_content main.hello; }',
  );
  const answer = await get(proxy.port, '/p%41th?a=%C3%A9', { fields: ['X-B: b'] });
  assert.equal(answer.status, 201);
  assert.equal(answer.body, 'GET /pAth \xc3\xa9 b 1.1 \xc3\xa9');
  assert.equal(answer.field('x-a'), '1, 2');
  assert.equal(answer.field('content-type'), 'text/x');
});

test('js_content streams parts, and redirects internally', async (t) => {
  const proxy = await scripted(
    t,
    `function parts(r) { r.status = 202; r.sendHeader(); r.send('a', Buffer.from('b')); r.send('c'); r.finish(); }
     function inner(r) { r.internalRedirect('/inner?x=1'); }
     function named(r) { r.internalRedirect('@named'); }
     function location(r) { r.return(302, '/elsewhere'); }
     export { parts, inner, named, location };`,
    `location /parts { js_content main.parts; }
     location /redirect { js_content main.inner; }
     location /named { js_content main.named; }
     location /location { js_content main.location; }
     location /inner { internal; return 200 "inner $args"; }
     location @named { return 200 "named $uri"; }`,
  );
  const parts = await get(proxy.port, '/parts');
  assert.deepEqual([parts.status, parts.body], [202, 'abc']);
  assert.equal((await get(proxy.port, '/redirect')).body, 'inner x=1');
  assert.equal((await get(proxy.port, '/named')).body, 'named /named');
  const location = await get(proxy.port, '/location');
  assert.equal(location.status, 302);
  assert.match(location.field('location') ?? '', /^http:\/\/localhost:\d+\/elsewhere$/);
});

test('js_content reads the body of the request, and makes subrequests', async (t) => {
  const proxy = await scripted(
    t,
    `async function body(r) { r.return(200, JSON.stringify([r.requestText, await r.readRequestJSON()])); }
     async function both(r) {
       const [a, b] = await Promise.all([r.subrequest('/sub', 'x=1'), r.subrequest('/sub', { method: 'PUT', body: 'abc' })]);
       r.return(200, a.responseText + b.responseText + b.status + r.variables.request_method);
     }
     function callback(r) { r.subrequest('/missing', (reply) => r.return(200, String(reply.status))); }
     function sub(r) { r.return(200, r.method + (r.variables.args ?? '') + (r.requestText ?? '-') + r.parent.uri + ' '); }
     export default { body, both, callback, sub };`,
    `location /body { js_content main.body; }
     location /both { js_content main.both; }
     location /callback { js_content main.callback; }
     location /sub { js_content main.sub; }
     location /missing { return 404; }`,
  );
  const body = await get(proxy.port, '/body', { method: 'POST', body: '{"a":1}' });
  assert.equal(body.body, '["{\\"a\\":1}",{"a":1}]');
  assert.equal((await get(proxy.port, '/both')).body, 'GETx=1-/both PUTabc/both 200GET');
  assert.equal((await get(proxy.port, '/callback')).body, '404');
});

test('js_access allows, denies, and declines', async (t) => {
  const proxy = await scripted(
    t,
    `async function check(r) {
       await new Promise((resolve) => setTimeout(resolve, 1));
       if (r.args.a === 'deny') r.return(403);
       if (r.args.a === 'none') r.decline();
       if (r.args.a === 'own') r.return(402, 'own');
     }
     function hello(r) { r.return(200, 'in'); }
     export default { check, hello };`,
    `location / { js_access main.check; js_content main.hello; }
     location /any { satisfy any; deny all; js_access main.check; js_content main.hello; }`,
  );
  assert.equal((await get(proxy.port, '/')).body, 'in');
  assert.equal((await get(proxy.port, '/?a=deny')).status, 403);
  assert.equal((await get(proxy.port, '/?a=none')).body, 'in');
  assert.equal((await get(proxy.port, '/?a=own')).body, 'own');
  assert.equal((await get(proxy.port, '/any')).body, 'in');
  assert.equal((await get(proxy.port, '/any?a=none')).status, 403);
});

test('js_set computes a variable once, or with nocache at each use, with the imports of the location', async (t) => {
  const proxy = await scripted(
    t,
    `let count = 0;
     export default { count: () => ++count, where: () => 'outer', late: async (r) => { await new Promise((f) => setTimeout(f, 1)); r.setReturnValue('now'); },
       value: async () => 'value' };`,
    `js_set $once main.count; js_set $each main.count nocache; js_set $where main.where; js_set $late main.late; js_set $value main.value;
     js_var $own first;
     location / { set $copy $value; return 200 "$once $once $each $each $late $own $copy"; }
     location /inner { js_import main from %%DIR%%/inner.js; return 200 $where; }`,
    { files: { 'inner.js': `export default { where: () => 'inner', count() {}, late() {} };` } },
  );
  assert.equal((await get(proxy.port, '/')).body, '1 1 2 3 now first value');
  assert.equal((await get(proxy.port, '/inner')).body, 'inner');
});

test('r.variables reads variables and assigns those that js_var defines', async (t) => {
  const proxy = await scripted(
    t,
    `function hello(r) {
       const { variables: v } = r;
       v.own = 'changed';
       const failures = ['nothing_known', 'host'].map((name) => { try { v[name] = 1; } catch (e) { return e.message; } });
       r.return(200, JSON.stringify([v.uri, v.own, 'uri' in v, 'nothing_known' in v, v[1], r.rawVariables.uri.length, failures, r.jsVarNames()]));
     }
     export default { hello };`,
    'js_var $own first; location ~ ^/(.*)$ { js_content main.hello; }',
  );
  assert.equal(
    (await get(proxy.port, '/abc')).body,
    JSON.stringify([
      '/abc',
      'changed',
      true,
      false,
      'abc',
      4,
      ['variable not found', 'variable is not writable'],
      ['own'],
    ]),
  );
});

test('modules are TypeScript, import each other and packages, and wait at their top level', async (t) => {
  const proxy = await scripted(
    t,
    `import lib, { type Named, upper } from './lib.ts';
     import * as all from './lib.ts';
     import { value } from 'some-package';
     import qs from 'querystring';
     import { basename } from 'node:path';
     function hello(r) {
       const name = basename('/x/local');
       const { data } = await_ ;
       r.return(200, [lib.name, upper('a'), all.count, value, qs.stringify({ a: 1 }), name, data].join(' '));
     }
     const await_ = await import('./later.mjs');
     all.increment();
     export default { hello };`.replace('type Named, ', ''),
    'location / { js_content main.hello; }',
    {
      files: {
        'lib.ts':
          'export let count: number = 0;\nexport function increment(): void { count++; }\nexport const upper = <T extends string>(x: T) => x.toUpperCase();\nexport default { name: "lib" as const };',
        'later.mjs': 'export const data = new URL(import.meta.url).pathname.split("/").pop();',
        'node_modules/some-package/package.json':
          '{"name":"some-package","type":"module","exports":{"import":"./index.js"}}',
        'node_modules/some-package/index.js': 'export const value = 42;',
      },
    },
  );
  assert.equal((await get(proxy.port, '/')).body, 'lib A 1 42 a=1 local later.mjs');
});

test('an exception is logged with the place in the file, and the response is 500', async (t) => {
  const proxy = await scripted(
    t,
    `import { fail } from './lib.ts';
     export default { sync: (r) => fail(r), rejects: async (r) => { await null; fail(r); }, nothing() {} };`,
    `location /sync { js_content main.sync; }
     location /rejects { js_content main.rejects; }
     location /nothing { js_content main.nothing; }`,
    {
      files: {
        'lib.ts': 'type A = string;\nexport function fail(r: any): A {\n  return r.missing.property as A;\n}\n',
      },
    },
  );
  for (const path of ['/sync', '/rejects']) {
    proxy.entries.length = 0;
    assert.equal((await get(proxy.port, path)).status, 500);
    assert.match(
      proxy.messages('error').join('\n'),
      /js (?:exception|unhandled rejection): TypeError: .* at fail \(\S+\/lib\.ts:3:20\)/,
    );
  }
  assert.equal((await get(proxy.port, '/nothing')).status, 500);
});

test('misuse of r throws the errors of njs', async (t) => {
  const proxy = await scripted(
    t,
    `function misuse(r) {
       const calls = {
         range: () => r.return(1000), number: () => r.return('x'), name: () => { r.headersOut['a b'] = 'x'; },
         value: () => { r.headersOut.a = 'x\\ny'; }, length: () => { r.headersOut['Content-Length'] = 'x'; },
         redirect: () => r.return(302, 'a\\nb'), empty: () => r.internalRedirect(''), uri: () => r.subrequest(''),
         unsafe: () => r.subrequest('/../x'), done: () => r.done(), buffer: () => r.sendBuffer('x'), send: () => r.send('x'),
       };
       const found = {};
       for (const [name, call] of Object.entries(calls)) {
         try { call(); found[name] = null; } catch (e) { found[name] = e.constructor.name + ': ' + e.message; }
       }
       r.return(200, JSON.stringify(found));
     }
     function twice(r) { r.return(200, 'a'); r.return(200, 'b'); }
     export default { misuse, twice };`,
    'location /misuse { js_content main.misuse; } location /twice { js_content main.twice; }',
  );
  assert.deepEqual(JSON.parse((await get(proxy.port, '/misuse')).body), {
    range: 'RangeError: code is out of range',
    number: 'TypeError: invalid number',
    name: 'TypeError: invalid header name',
    value: 'TypeError: invalid header value',
    length: 'TypeError: failed converting argument to positive integer',
    redirect: 'TypeError: invalid header value',
    empty: 'TypeError: uri is empty',
    uri: 'TypeError: uri is empty',
    unsafe: 'TypeError: unsafe uri',
    done: 'TypeError: cannot set done while not filtering',
    buffer: 'TypeError: cannot send buffer while not filtering',
    send: 'Error: failed to send response',
  });
  assert.equal((await get(proxy.port, '/twice')).body, 'a');
  assert.match(proxy.messages('error').join('\n'), /js exception: Error: failed to send response/);
});

test('a reload with a module that fails leaves the configuration in force', async (t) => {
  const proxy = await scripted(
    t,
    `export default { hello: (r) => r.return(200, 'first') };`,
    'location / { js_content main.hello; }',
    {
      files: {
        'fails.js': 'null.x;\nexport default { hello() {} };',
        'none.js': 'export default { hello: make() };\nfunction make() { return 1; }',
      },
    },
  );
  const configuration = (file: string) =>
    `js_import main from %%DIR%%/${file}; server { listen 127.0.0.1:0; location / { js_content main.hello; } }`;
  await assert.rejects(proxy.reload(configuration('fails.js')), /TypeError: .* in \S+fails\.js:1:6/);
  await assert.rejects(proxy.reload(configuration('none.js')), /"main\.hello" of "js_content" is not a function/);
  assert.equal((await get(proxy.port, '/')).body, 'first');
});

test('a promise that a function does not return responds or denies, unless it waits for an untracked promise', async (t) => {
  const proxy = await scripted(
    t,
    `const later = (call) => void Promise.resolve().then(() => {}).finally(() => {}).then(call);
     export const content = (r) => later(() => r.return(200, 'later'));
     export const never = () => void new Promise(() => {}).then(() => {});
     export const deny = (r) => later(() => r.return(403));
     export const allow = () => later(() => {});`,
    `location /content { js_content main.content; }
     location /never { js_content main.never; }
     location /denied { js_access main.deny; js_content main.content; }
     location /allowed { js_access main.allow; js_content main.content; }`,
  );
  assert.equal((await get(proxy.port, '/content')).body, 'later');
  assert.equal((await get(proxy.port, '/never')).status, 500);
  assert.equal((await get(proxy.port, '/denied')).status, 403);
  assert.equal((await get(proxy.port, '/allowed')).body, 'later');
});

test('with js_engine njs, each request has variables of modules of its own', async (t) => {
  const proxy = await scripted(
    t,
    `import counter from './counter.js';
     let own = 0;
     export function count(r) { r.return(200, [++own, counter.next(), r.variables.value, njs.engine].join()); }
     export const value = (r) => 'value ' + own;
     export async function twice(r) {
       own = 5;
       const reply = await r.subrequest('/isolated');
       r.return(200, own + ' ' + reply.responseText);
     }
     if (globalThis.refuses) throw new Error('refused to run again');`,
    `js_set $value main.value;
     location /shared { js_content main.count; }
     location /isolated { js_engine njs; js_content main.count; }
     location /twice { js_engine njs; js_content main.twice; }`,
    { files: { 'counter.js': 'let n = 10; export default { next: () => ++n };' } },
  );
  const ask = async (path: string): Promise<string> => (await get(proxy.port, path)).body;
  assert.deepEqual([await ask('/shared'), await ask('/shared')], ['1,11,value 1,QuickJS', '2,12,value 2,QuickJS']);
  for (let i = 0; i < 2; i++) assert.equal(await ask('/isolated'), '1,11,value 1,njs');
  assert.equal(await ask('/shared'), '3,13,value 3,QuickJS');
  assert.equal(await ask('/twice'), '5 1,11,value 1,njs');
  (globalThis as { refuses?: boolean }).refuses = true;
  t.after(() => {
    delete (globalThis as { refuses?: boolean }).refuses;
  });
  assert.equal((await get(proxy.port, '/isolated')).status, 500);
  assert.match(proxy.messages('error').join(), /js exception: Error: refused to run again/);
  assert.equal((await get(proxy.port, '/shared')).status, 200);
});

test('replies to subrequests keep their fields when other responses arrive', async (t) => {
  const backend = await answeringBackend(({ target }) => {
    const name = target.slice(1);
    // Readers discard long heads at once.
    const fields = name.startsWith('long') ? [`X-Long: ${'x'.repeat(5000)}`] : [];
    return reply('', { fields: [...fields, `X-Name: ${name}`] });
  });
  t.after(() => backend.close());
  const proxy = await scripted(
    t,
    `async function main(r) {
       const replies = [];
       for (const name of ['a', 'b', 'cc', 'long1', 'd', 'long2']) replies.push(await r.subrequest('/backend/' + name));
       replies.push(...(await Promise.all(['e', 'f', 'gg'].map((name) => r.subrequest('/backend/' + name)))));
       r.return(200, replies.map((x) => x.headersOut['X-Name'] + ' ' + x.variables.upstream_http_x_name).join());
     }
     export default { main };`,
    `location / { js_content main.main; }
     location /backend/ { proxy_buffer_size 8k; proxy_pass http://127.0.0.1:${backend.port}/; }`,
  );
  const names = ['a', 'b', 'cc', 'long1', 'd', 'long2', 'e', 'f', 'gg'];
  assert.equal((await get(proxy.port, '/')).body, names.map((name) => `${name} ${name}`).join());
});

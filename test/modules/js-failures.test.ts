/** Functions that fail in every way: other requests continue. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { collectGarbage, connect, get, request, startProxy, until } from '../kit/index.js';

const MAIN = `
  export const recurses = (r) => recurses(r);
  export const never = () => new Promise(() => {});
  export const late = async (r) => { await new Promise((f) => setTimeout(f, 300)); r.return(200, 'late'); };
  export function blocks(r) { const end = Date.now() + 60; while (Date.now() < end); r.return(200, 'blocked'); }
  export function partial(r) { r.status = 200; r.sendHeader(); r.send('part'); throw new Error('after the head'); }
  export function unfinished(r) { r.status = 200; r.sendHeader(); r.send('part'); }
  export function afterEnd(r) { r.status = 200; r.sendHeader(); r.finish(); r.send('more'); }
  export const strange = () => { throw { get message() { throw 1; }, get stack() { throw 2; } }; };
  export const nothing = () => { throw undefined; };
  export const thenable = () => ({ then() { throw new Error('in then'); } });
  export function hello(r) { r.return(200, 'hello'); }
  export const denies = async () => { throw new Error('denied'); };
  export const timer = (r) => { setTimeout(() => { throw new Error('in a timer'); }, 1); r.return(200, 'timer'); };
`;

test('a function that throws, recurses, never settles or answers twice ends only its own request', async (t) => {
  const names = [...MAIN.matchAll(/export (?:const|function) (\w+)/g)].map(([, name]) => name);
  const proxy = await startProxy(
    `js_import main from %%DIR%%/main.js; access_log off; js_slow_log 50ms; js_timeout 100ms;
     server { listen 127.0.0.1:0;
       ${names.map((name) => `location /${name} { js_content main.${name}; }`).join('\n')}
       location /closed { js_access main.denies; js_content main.hello; }
       location /open { js_timeout 50ms fail=open; js_access main.never; js_content main.hello; }
     }`,
    {},
    { files: { 'main.js': MAIN } },
  );
  t.after(() => proxy.close());
  const status = async (path: string): Promise<number> => (await get(proxy.port, path)).status;
  const pending = get(proxy.port, '/late');
  assert.equal(await status('/recurses'), 500);
  assert.match(proxy.messages('error').join(), /js exception: RangeError: Maximum call stack size exceeded/);
  assert.equal(await status('/never'), 500);
  assert.match(
    proxy.messages('error').join(),
    /js handler "main\.never" of "js_content" \(\S*main\.js:3:24\) timed out after 100 ms/,
  );
  assert.equal(await status('/strange'), 500);
  assert.equal(await status('/nothing'), 500);
  assert.equal(await status('/thenable'), 500);
  assert.equal((await get(proxy.port, '/blocks')).body, 'blocked');
  assert.match(
    proxy.messages('warn').join(),
    /js handler "main\.blocks" of "js_content" \(\S*main\.js:5:\d+\) blocked the worker for \d+ ms/,
  );
  for (const path of ['/partial', '/unfinished']) {
    const client = await connect(proxy.port);
    assert.doesNotMatch(await client.send(request(path)).all(), /\r\n0\r\n\r\n$/, 'the response is incomplete');
  }
  assert.equal(await status('/afterEnd'), 200);
  assert.equal(await status('/closed'), 500);
  assert.equal((await get(proxy.port, '/open')).body, 'hello');
  assert.equal((await get(proxy.port, '/timer')).body, 'timer');
  await until('the timer is logged', () => /js exception: Error: in a timer at /.test(proxy.messages('error').join()));
  assert.equal((await pending).status, 500, 'js_timeout');
  assert.equal((await get(proxy.port, '/hello')).body, 'hello');
});

test('a reload replaces modules, requests finish with the old ones, and the old ones are collected', async (t) => {
  const version = (n: number): string =>
    `const ballast = new Array(250_000).fill(${n}.5);
     const released = new Promise((resolve) => { globalThis.released ??= resolve; });
     setInterval(() => ballast.length, 1000);
     export async function wait(r) { await released; r.return(200, 'v' + ballast[0]); }
     export function now(r) { r.return(200, 'v' + ballast[0]); }`;
  const text = `js_import main from %%DIR%%/main.js; access_log off;
     server { listen 127.0.0.1:0; location /wait { js_content main.wait; } location /now { js_content main.now; } }`;
  const proxy = await startProxy(text, {}, { files: { 'main.js': version(0) } });
  t.after(() => proxy.close());
  const replace = async (n: number): Promise<void> => {
    writeFileSync(`${proxy.directory}/main.js`, version(n));
    await proxy.reload(text);
  };
  const waiting = get(proxy.port, '/wait');
  await until('it runs', () => proxy.proxy.status.active > 0);
  await replace(1);
  assert.equal((await get(proxy.port, '/now')).body, 'v1.5');
  const global = globalThis as { released?: () => void };
  global.released?.();
  assert.equal((await waiting).body, 'v0.5');
  global.released = () => {};
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let n = 2; n < 22; n++) await replace(n);
  assert.equal((await get(proxy.port, '/now')).body, 'v21.5');
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  // Each version has 2 MB.
  assert.ok(grown < 12 << 20, `${grown} bytes`);
});

test('a status that does not fit in a status line is an exception; others have three digits', async (t) => {
  const proxy = await startProxy(
    `js_import main from %%DIR%%/main.js; access_log off;
     server { listen 127.0.0.1:0;
       location /content { js_content main.content; }
       location /filter { js_header_filter main.filter; return 200 text; }
     }`,
    {},
    {
      files: {
        'main.js': `export function content(r) { r.status = r.args.s; r.sendHeader(); r.finish(); }
          export function filter(r) { r.status = r.args.s; }`,
      },
    },
  );
  t.after(() => proxy.close());
  for (const path of ['/content', '/filter']) {
    for (const status of ['-5', '1000', '100000']) {
      assert.equal((await get(proxy.port, `${path}?s=${status}`)).status, 500, `${path} ${status}`);
    }
    assert.equal((await get(proxy.port, `${path}?s=999`)).status, 999);
    const client = await connect(proxy.port);
    client.send(`GET ${path}?s=99 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assert.match(await client.all(), /^HTTP\/1\.1 099 \r\n/);
  }
  assert.match(proxy.messages('error').join(), /js exception: RangeError: code is out of range/);
});

test('a function that waits for a tracked promise or timer is not idle; another one is abandoned', async (t) => {
  const proxy = await startProxy(
    `js_import main from %%DIR%%/main.js; access_log off; js_timeout idle=40ms;
     server {
       listen 127.0.0.1:0;
       location /late { js_content main.late; }
       location /again { js_content main.again; }
       location /never { js_content main.never; }
       location /open { js_timeout idle=40ms fail=open; js_access main.never; js_content main.hello; }
     }`,
    {},
    {
      files: {
        'main.js': `${MAIN}
          // Between its timers it waits for a promise that the proxy does not track.
          export const again = async (r) => {
            for (let i = 0; i < 20; i++) { await new Promise((f) => setTimeout(f, 5)); await new Promise((f) => queueMicrotask(f)); }
            r.return(200, 'again');
          };`,
      },
    },
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/late')).body, 'late');
  assert.equal((await get(proxy.port, '/again')).body, 'again');
  assert.equal((await get(proxy.port, '/never')).status, 500);
  assert.match(
    proxy.messages('error').join(),
    /js handler "main\.never" of "js_content" \(\S+\) timed out: its promise is pending for 40 ms/,
  );
  assert.equal((await get(proxy.port, '/open')).body, 'hello');
});

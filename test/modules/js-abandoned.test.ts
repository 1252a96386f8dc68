/** Abandoned work of functions: cleared timers, promises that nothing awaits, values without a text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, startProxy } from '../kit/index.js';

const MAIN = `
  export function timeout() { clearTimeout(setTimeout(() => {}, 1_000_000)); }
  export function immediate() { clearImmediate(setImmediate(() => {})); }
  export async function race(r) {
    const timer = setTimeout(() => {}, 1_000_000);
    await null;
    clearTimeout(timer);
    clearTimeout(timer);
    r.return(200, 'raced');
  }
  export const thenable = () => ({ then() { throw new Error('in then'); } });
  export const textless = () => Object.create(null);
  export const later = async () => Object.create(null);
`;

test('a request does not wait for timers that its function has cleared', async (t) => {
  const proxy = await startProxy(
    `js_import main from %%DIR%%/main.js; access_log off;
     server { listen 127.0.0.1:0;
       location /timeout { js_access main.timeout; return 200 allowed; }
       location /content { js_content main.timeout; }
       location /immediate { js_content main.immediate; }
       location /race { js_content main.race; }
     }`,
    {},
    { files: { 'main.js': MAIN } },
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/timeout')).body, 'allowed');
  assert.equal((await get(proxy.port, '/content')).status, 500, 'it has not responded');
  assert.equal((await get(proxy.port, '/immediate')).status, 500);
  assert.equal((await get(proxy.port, '/race')).body, 'raced');
  assert.doesNotMatch(proxy.messages('error').join(), /pending events/);
});

test('a thenable that throws and a value without a text are exceptions of the function', async (t) => {
  const proxy = await startProxy(
    `js_import main from %%DIR%%/main.js; access_log off;
     js_set $thenable main.thenable; js_set $textless main.textless; js_set $later main.later;
     server { listen 127.0.0.1:0;
       location /head { js_header_filter main.thenable; return 200 head; }
       location /variables { return 200 "[$thenable$textless$later]"; }
     }`,
    {},
    { files: { 'main.js': MAIN } },
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/head')).body, 'head');
  assert.match(proxy.messages('error').join(), /async operation inside "main\.thenable" header filter/);
  assert.equal((await get(proxy.port, '/variables')).body, '[]');
  const errors = proxy.messages('error').join();
  assert.match(errors, /js exception: Error: in then/);
  assert.equal(errors.match(/js exception: TypeError: Cannot convert object to primitive value/g)?.length, 2);
  assert.deepEqual(proxy.messages('alert'), []);
});

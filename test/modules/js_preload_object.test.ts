import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { get, startProxy } from '../kit/index.js';

const MAIN = `
function read(r) { r.return(200, JSON.stringify([typeof data === 'undefined' ? null : data, typeof inner === 'undefined' ? null : inner])); }
function change(r) {
  const errors = [() => { data.a = 1; }, () => { data.list.push(1); }, () => { delete data.list[0]; }].map((f) => {
    try { f(); return 'none'; } catch (e) { return e.name; }
  });
  r.return(200, errors.join());
}
export default { read, change };`;

const TEXT = `js_path %%DIR%%;
js_import main.js;
access_log off;
js_preload_object data from %%DIR%%/data.json;
server {
  listen 127.0.0.1:0;
  location / { js_content main.read; }
  location /inner { js_preload_object inner from %%DIR%%/inner.json; js_content main.read; }
  location /change { js_content main.change; }
}`;

test('the values of files are global constants of the modules of a block', async (t) => {
  const files = { 'main.js': MAIN, 'data.json': '{"a":"\xc3\xa9","list":[1,{"b":2}]}', 'inner.json': '"i"' };
  const proxy = await startProxy(TEXT, {}, { files });
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port)).body, '[{"a":"\xc3\xa9","list":[1,{"b":2}]},null]');
  assert.equal((await get(proxy.port, '/inner')).body, '[{"a":"\xc3\xa9","list":[1,{"b":2}]},"i"]');
  assert.equal((await get(proxy.port, '/change')).body, 'TypeError,TypeError,TypeError');
});

test('a reload loads files again, and is refused if one is invalid', async (t) => {
  const files = { 'main.js': MAIN, 'data.json': '1', 'inner.json': '2' };
  const proxy = await startProxy(TEXT, {}, { files });
  t.after(() => proxy.close());
  writeFileSync(join(proxy.directory, 'data.json'), '3');
  await proxy.reload(TEXT);
  assert.equal((await get(proxy.port)).body, '[3,null]');
  writeFileSync(join(proxy.directory, 'data.json'), '{');
  await assert.rejects(proxy.reload(TEXT), /js_preload_object ".*data\.json" could not be loaded/);
  assert.equal((await get(proxy.port)).body, '[3,null]');
});

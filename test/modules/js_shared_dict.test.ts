import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseDictionary } from '../../src/scripting/dictionary-state.js';
import { freePort, launch, Prefix } from '../cli/running.js';
import { get, startProxy, type TestProxy, until } from '../kit/index.js';

/** A function that evaluates the expression of the query, and answers with its value or the error as JSON. */
const MAIN = `
function run(r) {
  const d = ngx.shared;
  try { r.return(200, JSON.stringify(eval(r.args.do)) ?? 'undefined'); }
  catch (e) { r.return(200, e.name + ': ' + e.message + ' ' + (e instanceof SharedMemoryError)); }
}
export default { run };`;

const TEXT = `js_path %%DIR%%;
js_import main.js;
access_log off;
js_shared_dict_zone zone=s:64k;
js_shared_dict_zone zone=n:64k type=number timeout=1000s;
js_shared_dict_zone zone=e:32k timeout=1000s evict;
server { listen 127.0.0.1:0; location / { js_content main.run; } }`;

async function started(t: TestContext, text = TEXT): Promise<TestProxy> {
  const proxy = await startProxy(text, {}, { files: { 'main.js': MAIN } });
  t.after(() => proxy.close());
  return proxy;
}

async function run(port: number, code: string): Promise<string> {
  return (await get(port, `/?do=${encodeURIComponent(code)}`)).body;
}

test('entries are added, changed, read and removed', async (t) => {
  const { port } = await started(t);
  assert.equal(await run(port, 'd.s.add("a", "1")'), 'true');
  assert.equal(await run(port, 'd.s.add("a", "2")'), 'false');
  assert.equal(await run(port, 'd.s.replace("a", "3")'), 'true');
  assert.equal(await run(port, 'd.s.replace("b", "3")'), 'false');
  assert.equal(await run(port, 'd.s.set("b", "\\u00e9").set("c", "") === d.s'), 'true');
  assert.equal(await run(port, '[d.s.get("a"), d.s.get("b"), d.s.get("c"), d.s.get("x")]'), '["3","\xc3\xa9","",null]');
  assert.equal(await run(port, '[d.s.has("c"), d.s.has("x"), d.s.size()]'), '[true,false,3]');
  assert.equal(await run(port, '[d.s.keys().sort(), d.s.keys(2).length]'), '[["a","b","c"],2]');
  assert.equal(await run(port, 'd.s.items().length'), '3');
  assert.equal(
    await run(port, '[d.s.pop("a"), d.s.pop("a"), d.s.delete("b"), d.s.delete("b")]'),
    '["3",null,true,false]',
  );
  assert.equal(await run(port, 'd.s.clear()'), 'undefined');
  assert.equal(await run(port, 'd.s.size()'), '0');
});

test('numbers are incremented, and expire', async (t) => {
  const { port } = await started(t);
  assert.equal(await run(port, '[d.n.incr("a", 2), d.n.incr("a", -3), d.n.incr("b", 1, 10)]'), '[2,-1,11]');
  assert.equal(await run(port, 'd.n.set("c", 1, 60000).ttl("c") <= 60000'), 'true');
  assert.equal(await run(port, 'd.n.ttl("a") > 60000 && d.n.ttl("x") === undefined'), 'true');
});

test('properties and misuse are those of njs', async (t) => {
  const { port } = await started(t);
  assert.equal(await run(port, 'Object.keys(d).sort()'), '["e","n","s"]');
  assert.equal(await run(port, '[d.n.name, d.n.type, d.n.capacity, d.n.freeSpace() > 0]'), '["n","number",65536,true]');
  assert.equal(await run(port, 'd.s.set("a", 1)'), 'TypeError: string value is expected false');
  assert.equal(await run(port, 'd.n.set("a", "1")'), 'TypeError: number value is expected false');
  assert.equal(await run(port, 'd.s.incr("a", 1)'), 'TypeError: shared dict is not a number dict false');
  assert.equal(await run(port, 'd.s.ttl("a")'), 'TypeError: shared dict must be declared with timeout false');
  assert.equal(await run(port, 'd.s.set("a", "x", 1)'), 'TypeError: shared dict must be declared with timeout false');
  assert.equal(await run(port, 'd.n.set("a", 1, "x")'), 'TypeError: timeout is not a number false');
  assert.equal(await run(port, 'd.n.set("a", 1, 0)'), 'RangeError: timeout must be greater than or equal to 1 false');
  assert.equal(await run(port, 'd.none === undefined'), 'true');
});

test('a full dictionary throws SharedMemoryError, or drops the entries that expire first', async (t) => {
  const { port } = await started(t);
  const fill = (name: string) => `for (let i = 0; i < 99; i++) d.${name}.set("k" + i, "x".repeat(1024))`;
  assert.match(await run(port, fill('s')), /^SharedMemoryError: .*true$/);
  await run(port, fill('e'));
  assert.equal(await run(port, '[d.e.has("k0"), d.e.has("k98")]'), '[false,true]');
});

test('the contents survive a reload, which may change the time', async (t) => {
  const proxy = await started(t);
  await run(proxy.port, 'd.s.set("a", "kept"), d.n.set("b", 7), 0');
  await proxy.reload(TEXT.replace('timeout=1000s;', 'timeout=500s;'));
  assert.equal(await run(proxy.port, '[d.s.get("a"), d.n.get("b")]'), '["kept",7]');
});

test('a state file is written after changes and at the end, and read at the start', async (t) => {
  const text = TEXT.replace('zone=s:64k', 'zone=s:64k state=%%DIR%%/s.json');
  const first = await started(t, text);
  const path = join(first.directory, 's.json');
  await run(first.port, 'd.s.set("a\\n", "\\u00e9"), 0');
  await until('the state file is written', () => existsSync(path));
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { 'a\n': { value: 'é' } });
  await run(first.port, 'd.s.set("b", "2"), 0');
  await first.proxy.close();
  const saved = readFileSync(path, 'utf8');
  assert.deepEqual(Object.keys(JSON.parse(saved) as object).sort(), ['a\n', 'b']);
  const second = await startProxy(text, {}, { files: { 'main.js': MAIN, 's.json': Buffer.from(saved).latin1Slice() } });
  t.after(() => second.close());
  assert.equal(await run(second.port, 'd.s.get("a\\n")'), '"\xc3\xa9"');
});

test('an invalid state file is renamed, and reported', async (t) => {
  const text = TEXT.replace('zone=s:64k', 'zone=s:64k state=%%DIR%%/s.json');
  const proxy = await startProxy(text, {}, { files: { 'main.js': MAIN, 's.json': '{"a":{"value":1}}' } });
  t.after(() => proxy.close());
  assert.match(proxy.messages('error').join('\n'), /invalid state file ".*s\.json" of a js_shared_dict_zone/);
  assert.equal(await run(proxy.port, 'd.s.size()'), '0');
  assert.equal(readdirSync(proxy.directory).filter((name) => name.startsWith('s.json.invalid')).length, 1);
});

test('state files have times in ms since 1970, and may have a comma after the last entry', () => {
  const data = { name: 'a', size: 0, type: 'string', timeout: 5000, evict: false, state: null } as const;
  const future = Date.now() + 60_000;
  const text = `{"a":{"value":"x","expire":0},"b":{"value":"y","expire":${future}, "other": 1},}\n`;
  const entries = parseDictionary(text, data);
  assert.deepEqual(
    entries?.map(({ key, value }) => [key, value]),
    [
      ['a', 'x'],
      ['b', 'y'],
    ],
  );
  assert.equal(entries?.[0]?.left, 5000);
  assert.ok((entries?.[1]?.left ?? 0) > 50_000);
  for (const invalid of ['[]', '{', '{"a":1}', '{"a":{"value":1}}', '{"a":{"value":"x","expire":"y"}}']) {
    assert.equal(parseDictionary(invalid, data), null, invalid);
  }
});

test('several workers share a dictionary, and calls of all are counted', async (t) => {
  const port = await freePort();
  const prefix = new Prefix(
    t,
    `pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
worker_processes 2;
events { }
http {
  access_log off;
  js_import main.js;
  js_shared_dict_zone zone=n:64k type=number;
  server { listen 127.0.0.1:${port}; location / { js_content main.count; } }
}`,
  );
  prefix.write(
    'main.js',
    'export function count(r) { r.return(200, `${ngx.worker_id} ${ngx.shared.n.incr("a", 1)}`); }',
  );
  launch(t, prefix);
  await until('the pid file is there', () => prefix.read('nginx.pid') !== '');
  const answers = await Promise.all(Array.from({ length: 60 }, () => get(port)));
  const numbers = answers.map(({ body }) => Number(body.split(' ')[1])).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  assert.doesNotMatch(prefix.log, /\[(error|alert|emerg)\]/);
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startProxy, type TestProxy, until } from '../kit/index.js';

const TEXT = `js_path %%DIR%%;
js_import main.js;
access_log off;
js_var $v value;
js_shared_dict_zone zone=d:32k type=number;
server { listen 127.0.0.1:0; server_name name; location @calls { CALLS } }`;

async function started(t: TestContext, main: string, calls: string): Promise<TestProxy> {
  const proxy = await startProxy(TEXT.replace('CALLS', calls), {}, { files: { 'main.js': main } });
  t.after(() => proxy.close());
  return proxy;
}

/** Number of lines that contain a text. */
function count(proxy: TestProxy, text: string): number {
  return proxy.messages().filter((line) => line.includes(text)).length;
}

test('a function is called at the start and at intervals, with variables', async (t) => {
  const proxy = await started(
    t,
    'function tick(s) { ngx.log(ngx.WARN, `tick ${s.variables.v} ${s.rawVariables.v.length} [${s.variables.remote_addr}]`); } export default { tick };',
    'js_periodic main.tick interval=10ms jitter=1ms;',
  );
  await until('there are three calls', () => count(proxy, 'tick value 5 []') >= 3);
});

test('a function that throws, rejects or never settles is called again', async (t) => {
  const proxy = await started(
    t,
    `const thrower = () => { throw new Error('thrown'); };
     const rejecter = async () => { throw new Error('rejected'); };
     const waiter = () => new Promise(() => {});
     export default { thrower, rejecter, waiter };`,
    'js_periodic main.thrower interval=10ms; js_periodic main.rejecter interval=10ms; js_periodic main.waiter interval=10ms;',
  );
  await until('each is called twice', () =>
    ['Error: thrown', 'Error: rejected', 'http js periodic "main.waiter" is still running'].every(
      (text) => count(proxy, text) >= 2,
    ),
  );
  assert.equal(proxy.messages('alert').length, 0);
});

test('the timers of a call that has failed are cleared', async (t) => {
  const proxy = await started(
    t,
    `const fails = () => { setTimeout(() => ngx.log(ngx.WARN, 'of a failed call'), 1); throw new Error('thrown'); };
     const rejects = async () => { setInterval(() => ngx.log(ngx.WARN, 'of a failed call'), 1); throw new Error('rejected'); };
     const works = () => { setTimeout(() => ngx.log(ngx.WARN, 'of another call'), 1); };
     export default { fails, rejects, works };`,
    'js_periodic main.fails interval=10ms; js_periodic main.rejects interval=10ms; js_periodic main.works interval=10ms;',
  );
  await until('calls have failed', () => count(proxy, 'Error: thrown') >= 3 && count(proxy, 'Error: rejected') >= 3);
  await until('other timers have called back', () => count(proxy, 'of another call') >= 3);
  assert.equal(count(proxy, 'of a failed call'), 0);
});

test('a call that ends does not hide others that are still running', async (t) => {
  const proxy = await started(
    t,
    `let calls = 0;
     const mixed = async () => { ngx.log(ngx.WARN, 'mixed'); if (++calls % 2 === 1) await new Promise(() => {}); };
     export default { mixed };`,
    'js_periodic main.mixed interval=5ms;',
  );
  await until('there are six', () => count(proxy, 'js: mixed') >= 6);
  assert.equal(count(proxy, 'http js periodic "main.mixed" is still running'), count(proxy, 'js: mixed') - 1);
});

test('the calls end with the configuration', async (t) => {
  const proxy = await started(
    t,
    'let n = 0; function tick() { ngx.log(ngx.WARN, "old"); } function other() { ngx.log(ngx.WARN, "new"); } export default { tick, other };',
    'js_periodic main.tick interval=5ms;',
  );
  await until('it is called', () => count(proxy, 'old') >= 1);
  await proxy.reload(TEXT.replace('CALLS', 'js_periodic main.other interval=5ms;'));
  const before = count(proxy, 'old');
  await until('the new one is called', () => count(proxy, 'new') >= 3);
  assert.equal(count(proxy, 'old'), before);
});

test('only the chosen workers call a function', async (t) => {
  const main =
    'const a = () => ngx.log(ngx.WARN, "never"); const b = () => ngx.log(ngx.WARN, "always"); export default { a, b };';
  const text = `worker_processes 2; events {} http { ${TEXT.replace(
    'CALLS',
    'js_periodic main.a interval=1ms worker_affinity=01; js_periodic main.b interval=5ms worker_affinity=all;',
  )} }`;
  const proxy = await startProxy(text, {}, { files: { 'main.js': main } });
  t.after(() => proxy.close());
  await until('it is called', () => count(proxy, 'always') >= 2);
  assert.equal(count(proxy, 'never'), 0);
});

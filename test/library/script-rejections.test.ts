/** Rejections for which nothing waits, in a program that contains the proxy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const SCRIPT = `
  export function floating(r) { Promise.reject(new Error('of a script')); r.return(200, 'ok'); }
  export function timer(r) { setTimeout(async () => { throw new Error('of a timer'); }); r.return(200, 'ok'); }`;

/** Runs a program with a proxy whose errors it prints, and then `more`. Returns its output and the exit code. */
async function run(t: TestContext, more: string): Promise<{ readonly output: string; readonly code: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-rejections-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const script = join(directory, 'main.js');
  writeFileSync(script, SCRIPT);
  const index = new URL('../../src/index.js', import.meta.url).href;
  const program = `
    import { createProxy } from ${JSON.stringify(index)};
    const logged = [];
    let arrived = () => {};
    const config = 'events {} http { access_log off; js_import main from ${script}; server { listen 127.0.0.1:0; location /floating { js_content main.floating; } location /timer { js_content main.timer; } } }';
    const proxy = createProxy({ config, errorLog: ({ message }) => {
      if (message.includes('rejection')) { logged.push(message); arrived(); }
    } });
    await proxy.start();
    const ask = async (path) => {
      const line = new Promise((resolve) => { arrived = resolve; });
      await fetch(proxy.url + path);
      await line;
    };
    ${more}
    await proxy.close();
    console.log(logged.join('\\n'), process.listenerCount('unhandledRejection'));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { output, code };
}

test('those of scripts are logged and do not end the program', async (t) => {
  const { output, code } = await run(t, "await ask('/floating'); await ask('/timer');");
  assert.match(output, /js unhandled rejection: Error: of a script at floating/);
  assert.match(output, /js unhandled rejection: Error: of a timer at [^\n]* 0\n$/, 'no listener is left');
  assert.equal(code, 0, output);
});

test('those of the program end it as without scripts', async (t) => {
  const { output, code } = await run(
    t,
    `await ask('/floating');
     Promise.reject(new Error('of the program'));
     await new Promise(() => setInterval(() => {}, 1000));`,
  );
  assert.match(output, /Error: of the program/);
  assert.doesNotMatch(output, /of a script/, 'it has not printed its log');
  assert.equal(code, 1);
});

test('a program with a listener of its own receives all of them', async (t) => {
  const { output, code } = await run(
    t,
    `const received = new Promise((resolve) => process.once('unhandledRejection', resolve));
     await fetch(proxy.url + '/floating');
     logged.push((await received).message);`,
  );
  assert.equal(output, 'of a script 0\n');
  assert.equal(code, 0);
});

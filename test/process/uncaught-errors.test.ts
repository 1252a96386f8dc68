import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { closedPort, connect, get, request, until } from '../kit/index.js';
import { exhaust, NO_LIMITS } from './descriptors.js';

/** A program that runs the proxy as a process, with a module whose handler makes mistakes outside of the exchange. */
function program(port: number, log: string, errorLog = ''): string {
  return `
    import { none } from ${JSON.stringify(url('../../src/config/argument-types.js'))};
    import { defineModule } from ${JSON.stringify(url('../../src/program/module.js'))};
    import { modules } from ${JSON.stringify(url('../../src/modules/index.js'))};
    import { run } from ${JSON.stringify(url('../../src/process/run.js'))};
    const mistaken = defineModule({
      name: 'mistaken',
      doc: 'Makes mistakes.',
      directives: { mistake: { contexts: ['location'], takes: none, inherit: 'none', doc: 'One.', example: 'mistake;' } },
      phases: {
        preaccess: {
          order: 0,
          compile: (conf) => conf.mistake === undefined ? null : () => {
            setImmediate(() => { throw new Error('thrown by nobody in particular'); });
            Promise.reject(new Error('awaited by nobody'));
            return -1;
          },
        },
      },
    });
    const text = 'master_process off; ${errorLog} events {} http { access_log off; server { listen 127.0.0.1:${port}; location / { mistake; try_files /none @end; } location @end { return 200 ok; } } }';
    await run({
      modules: [...modules, mistaken],
      source: { name: '<inline>', text, prefix: '/nonexistent/', confDirectory: '/nonexistent/' },
      defaultErrorLog: ${JSON.stringify(log)},
      warn: () => {},
    });
    process.stdout.write('serving');`;
}

function url(path: string): string {
  return new URL(path, import.meta.url).href;
}

test('an uncaught error is logged with its stack, and the process continues serving', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-mistakes-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const log = join(directory, 'error.log');
  const port = await closedPort();
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(port, log)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
  await until('it serves', () => output === 'serving' || child.exitCode !== null);
  for (let i = 0; i < 3; i++) assert.equal((await get(port)).body, 'ok');
  for (const mistake of ['thrown by nobody in particular', 'awaited by nobody']) {
    const line = new RegExp(`\\[alert\\] \\d+#0: internal error: Error: ${mistake} +at `, 'g');
    await until(`each ${mistake} is logged`, () => readFileSync(log, 'utf8').match(line)?.length === 3);
  }
  assert.equal(child.exitCode, null);
});

test('a mistake is survived where its log cannot be written either', { skip: NO_LIMITS }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-mistakes-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const port = await closedPort();
  const errorLog = `error_log syslog:server=unix:${directory}/none.sock;`;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program(port, join(directory, 'error.log'), errorLog)],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  t.after(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const client = await connect(port);
  t.after(() => client.close());
  const ask = async (): Promise<void> => {
    const answer = await client.send(request('/', { fields: ['Connection: keep-alive'] })).answer();
    assert.equal(answer.body, 'ok');
  };
  // The process that sends lines to the server ends by itself, again and again.
  for (let i = 0; i < 20; i++) await ask();
  exhaust(child.pid ?? 0);
  for (let i = 0; i < 20; i++) await ask();
  assert.equal(child.exitCode, null);
});

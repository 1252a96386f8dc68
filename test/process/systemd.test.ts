import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BINARY, freePort, Prefix, Running } from '../cli/running.js';
import { get, until } from '../kit/index.js';

const CONFIGURATION = (listen: string): string => `
  pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info;
  events { } http { access_log off; server { listen ${listen}; return 200 $pid; } }`;

async function start(
  t: TestContext,
  prefix: Prefix,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Running> {
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: 'ignore', env: { ...process.env, ...env } });
  t.after(() => void child.kill('SIGKILL'));
  await until('the pid file is there', () => prefix.read('nginx.pid') !== '' || child.exitCode !== null);
  assert.equal(child.exitCode, null, prefix.log);
  return new Running(child, prefix);
}

test('the service manager is told of start, reload and end, in order', async (t) => {
  const prefix = new Prefix(t, CONFIGURATION(`127.0.0.1:${await freePort()}`));
  // In the place of systemd's own command, which needs systemd.
  prefix.write('systemd-notify', '#!/bin/sh\necho "$@" >> %%DIR%%/told\n');
  chmodSync(join(prefix.path, 'systemd-notify'), 0o755);
  const proxy = await start(t, prefix, [process.execPath, BINARY, ...prefix.words], {
    NOTIFY_SOCKET: '/nonexistent',
    PATH: `${prefix.path}:${process.env.PATH}`,
  });
  const told = (): string[] => prefix.read('told').split('\n').filter(Boolean);
  await until('it is told of the start', () => told().length === 1);
  proxy.signal('SIGHUP');
  await until('it is told of the reload', () => told().length === 3);
  proxy.signal('SIGQUIT');
  assert.equal(await proxy.exited, 0);
  const pid = `--pid=${proxy.child.pid}`;
  assert.deepEqual(
    told()
      .map((line) => line.replace(/USEC=\d+/, 'USEC=n'))
      .slice(0, 3),
    [`${pid} READY=1`, `${pid} RELOADING=1 MONOTONIC_USEC=n`, `${pid} READY=1`],
  );
});

test('a socket that the service manager has opened is served, and outlives a reload without it', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const prefix = new Prefix(t, CONFIGURATION(`127.0.0.1:${port}`));
  // The shell knows its own process id, which is the proxy's then; descriptor 3 is the socket.
  const child = spawn(
    '/bin/sh',
    ['-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh', process.execPath, BINARY, ...prefix.words],
    { stdio: ['ignore', 'ignore', 'ignore', (server as unknown as { _handle: { fd: number } })._handle.fd] },
  );
  t.after(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const proxy = new Running(child, prefix);
  await until('the pid file is there', () => prefix.read('nginx.pid') !== '' || child.exitCode !== null);
  assert.equal(child.exitCode, null, prefix.log);
  assert.match((await get(port)).body, /^\d+$/);
  prefix.write('nginx.conf', CONFIGURATION(`127.0.0.1:${await freePort()}`));
  proxy.signal('SIGHUP');
  await proxy.logged(/generation 2 started/);
  prefix.write('nginx.conf', CONFIGURATION(`127.0.0.1:${port}`));
  proxy.signal('SIGHUP');
  await proxy.logged(/generation 3 started/);
  assert.match((await get(port)).body, /^\d+$/);
  assert.doesNotMatch(prefix.log, /\[emerg\]/);
});

test('systemd’s own command is there where it is expected', { skip: !has('systemd-notify') }, () => {
  assert.match(execFileSync('systemd-notify', ['--help'], { encoding: 'utf8' }), /--pid/);
});

function has(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

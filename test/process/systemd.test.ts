import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
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

/** Prints each datagram in a line. */
const READER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().strip().replace("\\n", " "), flush=True)`;

/** A service manager's socket, and the messages that came to it. */
class NotifySocket {
  readonly messages: string[] = [];
  private constructor(readonly path: string) {}

  static async open(t: TestContext, path: string): Promise<NotifySocket> {
    const socket = new NotifySocket(path);
    const child = spawn('python3', ['-c', READER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => void child.kill('SIGKILL'));
    let isBound = false;
    createInterface(child.stdout).on('line', (line) => {
      if (isBound && !line.startsWith('BARRIER')) socket.messages.push(line);
      isBound = true;
    });
    await until('the socket is bound', () => isBound);
    return socket;
  }

  /** States, without what goes with them. */
  get states(): string[] {
    return this.messages.map((line) => /(READY|RELOADING|STOPPING|WATCHDOG)=1/.exec(line)?.[1] ?? line);
  }
}

const needed = has('python3') && has('systemd-notify') ? false : 'needs python3 and systemd-notify';

describe('messages to the service manager', { concurrency: 3, skip: needed }, () => {
  const make = async (t: TestContext): Promise<{ prefix: Prefix; socket: NotifySocket; words: readonly string[] }> => {
    const prefix = new Prefix(t, CONFIGURATION(`127.0.0.1:${await freePort()}`));
    const socket = await NotifySocket.open(t, join(prefix.path, 'notify'));
    return { prefix, socket, words: [process.execPath, BINARY, ...prefix.words] };
  };

  test('READY, RELOADING with the time, READY and STOPPING come in order, each once', async (t) => {
    const { prefix, socket, words } = await make(t);
    const proxy = await start(t, prefix, words, { NOTIFY_SOCKET: socket.path });
    await until('READY has come', () => socket.messages.length === 1);
    const before = process.hrtime.bigint() / 1000n;
    proxy.signal('SIGHUP');
    await until('the reload has come', () => socket.messages.length === 3);
    const time = BigInt(/MONOTONIC_USEC=(\d+)/.exec(socket.messages[1] ?? '')?.[1] ?? 0);
    assert.ok(time > before && time < process.hrtime.bigint() / 1000n);
    prefix.write('nginx.conf', 'broken');
    proxy.signal('SIGHUP');
    await until('the refused reload has come', () => socket.messages.length === 5);
    proxy.signal('SIGQUIT');
    proxy.signal('SIGTERM');
    assert.equal(await proxy.exited, 0);
    await until('STOPPING has come', () => socket.messages.length === 6);
    assert.deepEqual(socket.states, ['READY', 'RELOADING', 'READY', 'RELOADING', 'READY', 'STOPPING']);
  });

  test('WATCHDOG comes at half of the interval, and not while the master is stopped', async (t) => {
    const { prefix, socket, words } = await make(t);
    // The shell knows its own process id, which is the proxy's then.
    const shell = ['/bin/sh', '-c', 'WATCHDOG_PID=$$ exec "$@"', 'sh', ...words];
    const proxy = await start(t, prefix, shell, { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '1000000' });
    await until('the first has come', () => socket.states.includes('WATCHDOG'));
    assert.equal(socket.states[0], 'READY');
    const begun = performance.now();
    await until('four more have come', () => socket.messages.length >= 6);
    assert.ok(performance.now() - begun > 1200);
    proxy.signal('SIGSTOP');
    await pause(1000);
    const heard = socket.messages.length;
    await pause(1500);
    assert.equal(socket.messages.length, heard);
  });

  test('no WATCHDOG comes where it is meant for another process', async (t) => {
    const { prefix, socket, words } = await make(t);
    await start(t, prefix, words, { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' });
    await until('READY has come', () => socket.messages.length > 0);
    await pause(1000);
    assert.deepEqual(socket.states, ['READY']);
  });

  test('a message whose sender cannot be started is sent when it can', async (t) => {
    const { prefix, socket, words } = await make(t);
    prefix.write('fault', 'EAGAIN');
    const proxy = await start(t, prefix, words, {
      NOTIFY_SOCKET: socket.path,
      NODE_OPTIONS: `--import=${new URL('faulty-fork.js', import.meta.url).href}`,
      FORK_FAULT: join(prefix.path, 'fault'),
      FORK_FAULT_OF: 'systemd-notify',
    });
    await pause(200);
    rmSync(join(prefix.path, 'fault'));
    await until('READY has come', () => socket.messages.length === 1);
    prefix.write('fault', 'ENOMEM');
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
  });
});

test('a sender that is missing or hangs is logged, and neither service nor shutdown wait for it', async (t) => {
  for (const [script, expected] of [
    [null, /\[alert\] .*systemd-notify READY=1 failed \(2: No such file or directory\)/],
    ['#!/bin/sh\nexit 3\n', /\[alert\] .*systemd-notify READY=1 failed/],
    ['#!/bin/sh\nexec sleep 60\n', null],
  ] as const) {
    const port = await freePort();
    const prefix = new Prefix(t, CONFIGURATION(`127.0.0.1:${port}`));
    if (script !== null) {
      prefix.write('systemd-notify', script);
      chmodSync(join(prefix.path, 'systemd-notify'), 0o755);
    }
    const proxy = await start(t, prefix, [process.execPath, BINARY, ...prefix.words], {
      NOTIFY_SOCKET: '/nonexistent',
      PATH: script === null ? prefix.path : `${prefix.path}:${process.env.PATH}`,
    });
    assert.equal((await get(port)).status, 200);
    if (expected !== null) await proxy.logged(expected);
    proxy.signal('SIGHUP');
    await proxy.logged(/generation 2 started/);
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
  }
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

/** Workers that cannot be started: every failure is logged and tried again, and nothing else suffers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { freePort, launch, Prefix, type Running, serve } from '../cli/running.js';
import { connect, get, request, until } from '../kit/index.js';

const ERRORS = {
  EAGAIN: '11: Resource temporarily unavailable',
  EMFILE: '24: Too many open files',
  ENFILE: '23: Too many open files in system',
  ENOMEM: '12: Cannot allocate memory',
  ENOENT: '2: No such file or directory',
  EACCES: '13: Permission denied',
} as const;
type Fault = keyof typeof ERRORS;

function configuration(port: number, workers = 1): string {
  return `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes ${workers};
    events { }
    http { access_log off; server { listen 127.0.0.1:${port}; return 200 $pid; } }`;
}

/** A proxy whose forks fail while the file `fault` is there, with each of its errors in turn. */
function faulty(t: TestContext, port: number, faults: readonly Fault[]): Running {
  const prefix = new Prefix(t, configuration(port));
  if (faults.length > 0) prefix.write('fault', faults.join(' '));
  const preloaded = new URL('faulty-fork.js', import.meta.url).href;
  return launch(t, prefix, {
    env: { NODE_OPTIONS: `--import=${preloaded}`, FORK_FAULT: join(prefix.path, 'fault') },
  });
}

function alerts({ prefix }: Running, fault: Fault): number {
  return prefix.log.split(`[alert] `).filter((line) => line.includes(sentence(fault))).length;
}

const sentence = (fault: Fault): string => `fork() failed while spawning "worker process" (${ERRORS[fault]})`;

function repaired({ prefix }: Running): void {
  rmSync(join(prefix.path, 'fault'));
}

function childrenOf({ child: { pid } }: Running): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

function descriptorsOf({ child: { pid } }: Running): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

const serving = (proxy: Running): Promise<void> => until('it serves', () => proxy.prefix.read('nginx.pid') !== '');

describe('fork that fails', { concurrency: 4 }, () => {
  for (const faults of [
    ['EAGAIN', 'EMFILE', 'ENFILE'],
    ['ENOMEM', 'ENOENT', 'EACCES'],
  ] as const) {
    const names = faults.join(' ');
    test(`${names}: at start, at a replacement and at a reload each is logged, tried again, and stops nothing`, async (t) => {
      const port = await freePort();
      const proxy = faulty(t, port, faults);
      /** Waits until forks have failed with each of the faults once more than now. */
      const failed = async (what: string): Promise<void> => {
        const before = faults.map((fault) => alerts(proxy, fault));
        await until(`${what} failed with each`, () =>
          faults.every((fault, i) => alerts(proxy, fault) > (before[i] ?? 0)),
        );
      };
      await failed('the start');
      repaired(proxy);
      await serving(proxy);
      const [first = 0] = childrenOf(proxy);
      assert.equal((await get(port)).body, `${first}`);

      const open = descriptorsOf(proxy);
      proxy.prefix.write('fault', names);
      process.kill(first, 'SIGKILL');
      await failed('a replacement');
      assert.deepEqual(childrenOf(proxy), []);
      assert.ok(descriptorsOf(proxy) < open, 'a fork that failed leaves no descriptor');
      // It waits in the system's queue.
      const client = (await connect(port)).send(request('/'));
      repaired(proxy);
      const { body } = await client.answer();
      client.close();
      assert.deepEqual(childrenOf(proxy).map(String), [body]);

      proxy.prefix.write('fault', names);
      proxy.prefix.write('nginx.conf', configuration(port, 2));
      proxy.signal('SIGHUP');
      await proxy.logged(/generation 2 started/);
      await failed('the second worker');
      proxy.prefix.write('nginx.conf', configuration(port, 3));
      proxy.signal('SIGHUP');
      await proxy.logged(/generation 3 started/);
      assert.equal((await get(port)).body, body);
      repaired(proxy);
      await until('all three serve', () => (proxy.prefix.log.match(/generation 3 started/g) ?? []).length === 3);
      proxy.prefix.write('fault', names);
      proxy.signal('SIGQUIT');
      assert.equal(await proxy.exited, 0);
    });
  }

  // Node emits one of them, and throws the other.
  for (const fault of ['EAGAIN', 'ENOMEM'] as const) {
    test(`${fault}: a start for which no worker can be had ends with code 1`, async (t) => {
      const proxy = faulty(t, await freePort(), [fault]);
      assert.equal(await proxy.exited, 1);
      assert.ok(alerts(proxy, fault) > 2);
      assert.ok(proxy.prefix.log.includes(`[emerg] ${proxy.child.pid}#0: ${sentence(fault)}`));
      assert.equal(proxy.prefix.read('nginx.pid'), '');
    });
  }
});

test('without any worker a reload is refused in time, and QUIT and TERM end the master', async (t) => {
  for (const signal of ['SIGQUIT', 'SIGTERM'] as const) {
    const port = await freePort();
    const proxy = faulty(t, port, []);
    await serving(proxy);
    proxy.prefix.write('fault', 'EAGAIN');
    process.kill(childrenOf(proxy)[0] ?? 0, 'SIGKILL');
    await until('the replacement failed', () => alerts(proxy, 'EAGAIN') > 0);
    proxy.signal('SIGHUP');
    if (signal === 'SIGQUIT') await proxy.logged(/\[emerg\] \d+#0: fork\(\) failed/);
    proxy.signal(signal);
    assert.equal(await proxy.exited, 0);
  }
});

test('a worker that was killed before the master had read the configuration is replaced', async (t) => {
  const port = await freePort();
  const prefix = new Prefix(t, configuration(port));
  const proxy = launch(t, prefix);
  await until('the first worker was forked', () => childrenOf(proxy).length > 0);
  process.kill(childrenOf(proxy)[0] ?? 0, 'SIGKILL');
  await serving(proxy);
  assert.equal((await get(port)).body, `${childrenOf(proxy)[0]}`);
});

test('a Node.js that was removed, as an upgrade does, is run again as the master runs it', async (t) => {
  const port = await freePort();
  const prefix = new Prefix(t, configuration(port));
  const node = join(prefix.path, 'node');
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node);
  }
  const proxy = launch(t, prefix, { node });
  await serving(proxy);
  rmSync(node);
  const [first = 0] = childrenOf(proxy);
  process.kill(first, 'SIGKILL');
  await until('the failure is logged', () => alerts(proxy, 'ENOENT') === 1);
  assert.notEqual((await get(port)).body, `${first}`);
  assert.equal(alerts(proxy, 'ENOENT'), 1);
});

test('a master without a free descriptor starts its worker when it has one again', {
  skip: !has('prlimit'),
}, async (t) => {
  const port = await freePort();
  const proxy = await serve(t, configuration(port));
  const limit = (soft: number): void => {
    execFileSync('prlimit', ['--pid', `${proxy.child.pid}`, `--nofile=${soft}:`]);
  };
  process.kill(childrenOf(proxy)[0] ?? 0, 'SIGSTOP');
  limit(3);
  process.kill(childrenOf(proxy)[0] ?? 0, 'SIGKILL');
  await until('two attempts have failed', () => alerts(proxy, 'EMFILE') >= 2);
  limit(1024);
  assert.equal((await get(port)).status, 200);
});

function has(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

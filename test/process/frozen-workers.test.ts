/** Processes that stand still: workers that are stopped or in an endless loop, and a master that is stopped or gone. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, type Running, serve } from '../cli/running.js';
import { connect, get, request, scriptedBackend, until } from '../kit/index.js';

interface Wanted {
  readonly http?: string;
  readonly heartbeat?: string;
  readonly workers?: number;
  readonly main?: string;
  readonly server?: string;
}

function configuration(
  port: number,
  { workers = 2, heartbeat = '3s', main = '', http = '', server = 'return 200 $pid;' }: Wanted,
): string {
  return `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes ${workers};
    worker_heartbeat_timeout ${heartbeat}; ${main}
    events { }
    http { access_log off; ${http} server { listen 127.0.0.1:${port}; ${server} } }`;
}

async function start(t: TestContext, wanted: Wanted = {}): Promise<{ proxy: Running; port: number }> {
  const port = await freePort();
  const preloaded = new URL('freezing.js', import.meta.url).href;
  const proxy = await serve(t, configuration(port, wanted), { env: { NODE_OPTIONS: `--import=${preloaded}` } });
  return { proxy, port };
}

function childrenOf({ child: { pid } }: Running): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

/** One that nobody replaces ends with the test. */
function freeze(t: TestContext, pid: number, signal: NodeJS.Signals): void {
  t.after(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  });
  process.kill(pid, signal);
}

function isFrozen(pid: number): boolean {
  const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'latin1');
  return /\) T /.test(read('stat')) || read('cmdline').startsWith('frozen');
}

/** ms for which processes were ready to run while others had the processors. */
function delayOf(pids: readonly (number | string)[]): number {
  const delays = pids.map((pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6);
  return delays.reduce((sum, each) => sum + each, 0);
}

const killed = (proxy: Running, pid: number, state: string): Promise<void> =>
  proxy.logged(new RegExp(`\\[alert\\] \\d+#0: worker process ${pid} does not respond \\(${state}\\).*, killing it`));

describe('processes that stand still', { concurrency: 4 }, () => {
  for (const [what, signal, state] of [
    ['stopped', 'SIGSTOP', 'stopped by a signal'],
    ['in an endless loop', 'SIGUSR2', 'running'],
  ] as const) {
    test(`a worker that is ${what} is logged and replaced, and service continues`, async (t) => {
      const { proxy, port } = await start(t);
      const [victim = 0] = childrenOf(proxy);
      freeze(t, victim, signal);
      await until('it stands still', () => isFrozen(victim));
      let replaced = false;
      const done = killed(proxy, victim, state).then(() => {
        replaced = true;
      });
      while (!replaced) {
        assert.notEqual((await get(port)).body, `${victim}`);
        await pause(50);
      }
      await done;
      await until('another serves', () => childrenOf(proxy).length === 2 && !childrenOf(proxy).includes(victim));
      assert.match(proxy.prefix.log, new RegExp(`\\[alert\\] \\d+#0: worker process ${victim} exited on signal 9`));
    });

    test(`a reload is not blocked by the only worker, ${what}`, async (t) => {
      const { proxy, port } = await start(t, { workers: 1 });
      const [victim = 0] = childrenOf(proxy);
      freeze(t, victim, signal);
      proxy.prefix.write('nginx.conf', configuration(port, { workers: 1, server: 'return 200 new;' }));
      proxy.signal('SIGHUP');
      await proxy.logged(/generation 2 started/);
      // A replacement that was on its way may serve the old one for a moment.
      while ((await get(port)).body !== 'new');
      assert.equal(existsSync(`/proc/${victim}`), false);
      proxy.signal('SIGQUIT');
      assert.equal(await proxy.exited, 0);
    });

    test(`QUIT ends, though a worker is ${what}`, async (t) => {
      const { proxy } = await start(t);
      freeze(t, childrenOf(proxy)[0] ?? 0, signal);
      proxy.signal('SIGHUP');
      proxy.signal('SIGQUIT');
      assert.equal(await proxy.exited, 0);
    });
  }

  test('a worker that does not respond but reads and writes is logged, and keeps its connections', async (t) => {
    const { proxy, port } = await start(t, { workers: 1, heartbeat: '1s' });
    const [worker = 0] = childrenOf(proxy);
    process.kill(worker, 'SIGURG');
    await proxy.logged(new RegExp(`worker process ${worker} does not respond, but reads and writes: it is overloaded`));
    assert.equal((await get(port)).body, `${worker}`);
    assert.deepEqual(childrenOf(proxy), [worker]);
  });

  test('a master that was stopped itself kills no worker', async (t) => {
    const { proxy, port } = await start(t);
    const before = childrenOf(proxy);
    proxy.signal('SIGSTOP');
    await pause(5000);
    for (let i = 0; i < 20; i++) assert.ok(before.includes(Number((await get(port)).body)));
    proxy.signal('SIGCONT');
    await pause(1500);
    assert.deepEqual(childrenOf(proxy), before);
    assert.doesNotMatch(proxy.prefix.log, /does not respond/);
  });

  test('a stopped master causes one timeout and one log entry; limits fail open or closed as configured', async (t) => {
    const { proxy, port } = await start(t, {
      heartbeat: '60s',
      http: 'limit_req_zone $uri zone=r:1m rate=1r/m; limit_conn_zone $uri zone=c:1m;',
      server: `
        location = /open { limit_req zone=r; try_files /none @answer; }
        location = /closed { limit_req zone=r; limit_req_fail_open off; limit_req_status 429; try_files /none @answer; }
        location = /conn { limit_conn c 1; limit_conn_fail_open off; try_files /none @answer; }
        location @answer { return 200 $pid; }`,
    });
    proxy.signal('SIGSTOP');
    const heard = (level: string): number =>
      proxy.prefix.log.split(new RegExp(`\\[${level}\\] \\d+#0: the master process`)).length - 1;
    while (heard('error') < 2) assert.equal((await get(port, '/open')).status, 200);
    const pids = ['self', ...childrenOf(proxy)];
    const begun = performance.now() - delayOf(pids);
    for (let i = 0; i < 20; i++) {
      assert.equal((await get(port, '/open')).status, 200);
      assert.equal((await get(port, '/closed')).status, 429);
      assert.equal((await get(port, '/conn')).status, 503);
    }
    assert.ok(performance.now() - delayOf(pids) - begun < 5000, 'none of the sixty waits for a second');
    assert.equal(heard('error'), 2);
    proxy.signal('SIGCONT');
    await until('both workers hear it again', () => heard('notice') === 2);
    assert.equal((await get(port, '/conn')).status, 200);
    assert.equal((await get(port, '/closed')).status, 200);
    assert.equal((await get(port, '/closed')).status, 429);
  });

  test('worker_heartbeat_timeout 0 leaves a worker that is stopped alone', async (t) => {
    const { proxy, port } = await start(t, { workers: 1 });
    const text = configuration(port, { workers: 1, heartbeat: '0' });
    proxy.prefix.write('nginx.conf', text);
    proxy.signal('SIGHUP');
    await proxy.logged(/generation 2 started/);
    const [worker = 0] = childrenOf(proxy);
    freeze(t, worker, 'SIGSTOP');
    await pause(5000);
    process.kill(worker, 'SIGCONT');
    assert.equal((await get(port)).body, `${worker}`);
  });

  test('workers of a killed master release the port at once, finish their requests, and exit', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
    });
    t.after(() => backend.close());
    const { proxy, port } = await start(t, {
      main: 'worker_shutdown_timeout 1h;',
      server: `location / { proxy_pass http://127.0.0.1:${backend.port}; }`,
    });
    const workers = childrenOf(proxy);
    const [first, second] = [(await connect(port)).send(request('/')), (await connect(port)).send(request('/'))];
    await until('both are with the back end', () => backend.connections.length === 2);
    proxy.signal('SIGKILL');
    await proxy.exited;
    await assert.rejects(async () => {
      for (;;) (await connect(port)).close();
    }, /ECONNREFUSED|ECONNRESET/);
    // The port is free, and both connections are still there.
    for (const connection of backend.connections) connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
    backend.connections[0]?.send('k');
    await Promise.any([first.answer(), second.answer()]);
    first.close();
    second.close();
    await until('the workers have ended', () => workers.every((pid) => !existsSync(`/proc/${pid}`)));
  });
});

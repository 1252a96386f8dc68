import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { freePort, type Running, serve } from '../cli/running.js';
import { type Connection, connect, get, READ_TIMEOUT, request, until, websocket, websocketEcho } from '../kit/index.js';

interface Wanted {
  readonly port: number;
  readonly workers?: number;
  readonly main?: string;
  readonly http?: string;
  readonly server?: string;
}

function configuration({ port, workers = 2, main = '', http = '', server = 'return 200 $pid;' }: Wanted): string {
  return `
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
worker_processes ${workers};
${main}
events { }
http {
    access_log off;
    ${http}
    server { listen 127.0.0.1:${port}; ${server} }
}
`;
}

async function start(t: TestContext, wanted: Omit<Wanted, 'port'> = {}): Promise<{ proxy: Running; port: number }> {
  const port = await freePort();
  return { proxy: await serve(t, configuration({ port, ...wanted })), port };
}

/** Puts another configuration in force. */
async function reload(proxy: Running, wanted: Wanted, generation: number): Promise<void> {
  proxy.prefix.write('nginx.conf', configuration(wanted));
  proxy.signal('SIGHUP');
  await proxy.logged(new RegExp(`generation ${generation} started`));
}

/** The processes that the proxy has started and that live. */
function childrenOf({ child: { pid } }: Running): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

/** Runs for each worker while the others are stopped: whoever connects is accepted by that one. */
async function inEach<T>(proxy: Running, run: () => Promise<T>): Promise<T[]> {
  const pids = childrenOf(proxy);
  const results: T[] = [];
  for (const pid of pids) {
    const others = pids.filter((other) => other !== pid);
    for (const other of others) process.kill(other, 'SIGSTOP');
    try {
      results.push(await run());
    } finally {
      for (const other of others) process.kill(other, 'SIGCONT');
    }
  }
  return results;
}

/** Process ids that workers answer with, each asked on a new connection. */
async function answering(proxy: Running, port: number): Promise<Set<number>> {
  return new Set(await inEach(proxy, async () => Number((await get(port)).body)));
}

/** Waits until that one worker answers whoever connects. */
async function onlyAnswering(port: number, pid: number): Promise<void> {
  let inTurn = 0;
  for (let i = 0; i < 500 && inTurn < 20; i++) inTurn = Number((await get(port)).body) === pid ? inTurn + 1 : 0;
  assert.equal(inTurn, 20);
}

/** Waits for a worker that serves and is none of those. */
async function replacement(proxy: Running, others: readonly number[]): Promise<number> {
  const fresh = (): number | undefined => childrenOf(proxy).find((pid) => !others.includes(pid));
  await until('it is replaced', () => fresh() !== undefined);
  const pid = fresh() ?? 0;
  await proxy.logged(new RegExp(`\\[notice\\] ${pid}#0: generation \\d+ started`));
  return pid;
}

/** A connection for each worker, by process id. */
async function oneInEach(proxy: Running, port: number): Promise<Map<number, Connection>> {
  const clients = await inEach(proxy, async () => {
    const client = await connect(port);
    client.send(request('/pid', { fields: ['Connection: keep-alive'] }));
    return [Number((await client.answer()).body), client] as const;
  });
  const found = new Map(clients);
  assert.deepEqual([...found.keys()], childrenOf(proxy));
  return found;
}

// A machine with several cores, or one that is busy, runs several proxies in the time of one.
describe('worker processes', { concurrency: 3 }, () => {
  test('several workers answer on one port', async (t) => {
    const { proxy, port } = await start(t, { workers: 3 });
    const seen = await answering(proxy, port);
    assert.deepEqual([...seen].sort(), childrenOf(proxy).sort());
    assert.ok(!seen.has(proxy.child.pid ?? 0));
  });

  test('a reload keeps the workers, and all of them serve the new configuration', async (t) => {
    const { proxy, port } = await start(t);
    const before = childrenOf(proxy);
    await reload(proxy, { port, server: 'return 200 two-$pid;' }, 2);
    await until('both have it', () => (proxy.prefix.log.match(/generation 2 started/g) ?? []).length === 2);
    for (let i = 0; i < 10; i++) assert.match((await get(port)).body, /^two-\d+$/);
    assert.deepEqual(childrenOf(proxy), before);
  });

  test('a worker that is killed takes its own connections with it, and another serves within a second', async (t) => {
    const { proxy, port } = await start(t);
    const [victim = 0, other = 0] = childrenOf(proxy);
    const clients = await oneInEach(proxy, port);
    const killed = performance.now();
    process.kill(victim, 'SIGKILL');
    await clients.get(victim)?.all();
    const next = await replacement(proxy, [victim, other]);
    t.diagnostic(`replaced after ${Math.round(performance.now() - killed)} ms`);
    assert.match(proxy.prefix.log, new RegExp(`\\[alert\\] \\d+#0: worker process ${victim} exited on signal 9`));
    assert.deepEqual(await answering(proxy, port), new Set([other, next]));
    clients.get(other)?.send(request('/pid'));
    assert.equal(Number((await clients.get(other)?.answer())?.body), other);
  });

  test('connections that arrive while the only worker is replaced wait, and are served', async (t) => {
    const { proxy, port } = await start(t, { workers: 1 });
    const [victim = 0] = childrenOf(proxy);
    process.kill(victim, 'SIGKILL');
    await proxy.logged(/exited on signal 9/);
    assert.notEqual(Number((await get(port)).body), victim);
  });

  test('workers that die one after the other are replaced later each time', async (t) => {
    const { proxy, port } = await start(t, { workers: 1 });
    const waits: number[] = [];
    const gone: number[] = [];
    for (let i = 0; i < 4; i++) {
      const [victim = 0] = childrenOf(proxy);
      gone.push(victim);
      const killed = performance.now();
      process.kill(victim, 'SIGKILL');
      await proxy.logged(new RegExp(`worker process ${victim} exited on signal 9`));
      await until('another is started', () => childrenOf(proxy).some((pid) => !gone.includes(pid)));
      waits.push(performance.now() - killed);
      await get(port);
    }
    assert.ok((waits[3] ?? 0) >= 400, `waited ${waits.map(Math.round)} ms`);
  });

  test('a reload that changes worker_processes adds or drains the difference; tunnels continue', async (t) => {
    const echo = await websocketEcho();
    t.after(() => echo.close());
    const server = `
    location / { return 200 $pid; }
    location /ws { proxy_pass http://127.0.0.1:${echo.port}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
    const { proxy, port } = await start(t, { workers: 1, server });
    const [first] = childrenOf(proxy);
    await reload(proxy, { port, workers: 3, server }, 2);
    await until('three serve', () => (proxy.prefix.log.match(/generation 2 started/g) ?? []).length === 3);
    assert.equal((await answering(proxy, port)).size, 3);
    const tunnels = await Promise.all(Array.from({ length: 30 }, () => websocket(port, '/ws')));
    await reload(proxy, { port, workers: 1, server }, 3);
    await until('the others accept nothing any more', () => (proxy.prefix.log.match(/gracefully/g) ?? []).length === 2);
    // Earlier requests are still answered by the previous workers.
    await onlyAnswering(port, first ?? 0);
    assert.deepEqual(
      await Promise.all(tunnels.map((tunnel, i) => tunnel.ask(`still ${i}`))),
      tunnels.map((_, i) => `still ${i}`),
    );
    await Promise.all(tunnels.map((tunnel) => tunnel.close()));
    await until('those that drained have ended', () => childrenOf(proxy).length === 1);
    assert.deepEqual(childrenOf(proxy), [first]);
  });

  test('a configuration refused by one worker changes nothing, and no socket stays bound', async (t) => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    t.after(() => blocker.close());
    const taken = (blocker.address() as { port: number }).port;
    const free = await freePort();
    const { proxy, port } = await start(t);
    const before = childrenOf(proxy);
    const http = `server { listen 127.0.0.1:${free}; } server { listen 127.0.0.1:${taken}; }`;
    proxy.prefix.write('nginx.conf', configuration({ port, http, workers: 3 }));
    proxy.signal('SIGHUP');
    await proxy.logged(
      new RegExp(`\\[emerg\\] \\d+#0: bind\\(\\) to 127\\.0\\.0\\.1:${taken} failed \\(98: Address already in use\\)`),
    );
    await until('the third has gone', () => childrenOf(proxy).length === 2);
    assert.deepEqual(childrenOf(proxy), before);
    await assert.rejects(connect(free), /ECONNREFUSED/);
    assert.deepEqual(await answering(proxy, port), new Set(before));
    // The address is free again, and so is the number of the generation.
    blocker.close();
    proxy.signal('SIGHUP');
    await proxy.logged(/generation 2 started/);
    await until('all three serve', () => (proxy.prefix.log.match(/generation 2 started/g) ?? []).length === 3);
  });

  test('a reload adds and removes listeners; a removed one finishes its requests', async (t) => {
    const second = await freePort();
    const http = `server { listen 127.0.0.1:${second}; return 200 second; }`;
    const { proxy, port } = await start(t);
    await reload(proxy, { port, http }, 2);
    const client = await connect(second);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n');
    await reload(proxy, { port }, 3);
    await assert.rejects(async () => {
      for (;;) (await connect(second)).close();
    }, /ECONNREFUSED|ECONNRESET/);
    client.send('\r\n');
    const answer = await client.answer();
    assert.equal(answer.body, 'second');
    await client.all();
  });

  test('an address that one reload gives up can be had again by the next, however soon it comes', async (t) => {
    const second = await freePort();
    const http = `server { listen 127.0.0.1:${second}; listen unix:%%DIR%%/s; return 200 second; }`;
    const { proxy, port } = await start(t);
    for (let generation = 2; generation <= 31; generation++) {
      await reload(proxy, { port, http: generation % 2 === 0 ? http : '' }, generation);
    }
    assert.doesNotMatch(proxy.prefix.log, /\[emerg\]/);
    await reload(proxy, { port, http }, 32);
    assert.equal((await get(second)).body, 'second');
    assert.equal((await get({ path: join(proxy.prefix.path, 's') })).body, 'second');
  });

  test('any user may connect to a unix socket, and it is removed with its listener', async (t) => {
    const port = await freePort();
    const proxy = await serve(
      t,
      configuration({ port, http: 'server { listen unix:%%DIR%%/x.sock; return 200 unix; }' }),
    );
    const path = join(proxy.prefix.path, 'x.sock');
    assert.equal((await get({ path })).body, 'unix');
    assert.equal(statSync(path).mode & 0o777, 0o666);
    await reload(proxy, { port }, 2);
    await until('it is gone', () => !existsSync(path));
  });

  test('limits apply across all workers, and the counts of a dead worker are given back', async (t) => {
    const open = new Set<Socket>();
    const backend = createServer((socket) => {
      open.add(socket.resume().on('error', () => {}));
      socket.on('close', () => open.delete(socket));
    });
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    t.after(() => backend.close());
    const silent = (backend.address() as { port: number }).port;
    const { proxy, port } = await start(t, {
      http: 'limit_req_zone $arg_k zone=r:1m rate=1r/m; limit_conn_zone $arg_k zone=c:1m;',
      server: `
      location / { return 200 $pid; }
      location /r { limit_req zone=r burst=4 nodelay; try_files /none @ok; } location @ok { return 200 $pid; }
      location /c { limit_conn c 3; proxy_pass http://127.0.0.1:${silent}; }`,
    });
    const passed = async (key: string): Promise<number> => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => get(port, `/r?k=${key}`)));
      assert.ok(answers.every(({ status }) => status === 200 || status === 503));
      return answers.filter(({ status }) => status === 200).length;
    };
    let count = await passed('a');
    // On a busy machine the master may not answer within a second; then all may pass.
    for (let i = 0; i < 5 && count !== 5 && /the settings \*_fail_open apply/.test(proxy.prefix.log); i++) {
      count = await passed(`a${i}`);
    }
    assert.equal(count, 5);

    // A place that was given back by one worker may reach the master after another worker has asked for it.
    const hangs = async (): Promise<Connection> => {
      for (const end = performance.now() + READ_TIMEOUT; performance.now() < end; ) {
        const before = open.size;
        const client = (await connect(port)).send(request('/c?k=a'));
        let refused = false;
        void client.answer().then(
          () => (refused = true),
          () => {},
        );
        await until('it hangs or is refused', () => refused || open.size > before);
        if (!refused) return client;
        client.close();
      }
      throw new Error('no place is free');
    };
    // Three requests hang in the back end, whichever workers have them.
    const hang = async (): Promise<Connection[]> => {
      const clients = [await hangs(), await hangs(), await hangs()];
      assert.equal((await get(port, '/c?k=a')).status, 503);
      return clients;
    };
    const first = await hang();
    const [victim = 0, other = 0] = childrenOf(proxy);
    process.kill(victim, 'SIGKILL');
    await replacement(proxy, [victim, other]);
    for (const client of first) client.close();
    await until('the back end has none', () => open.size === 0);
    // All places are free: those of clients that left, and those of the worker that died.
    for (const client of await hang()) client.close();
  });

  test('stub_status counts all workers, including those that have exited', async (t) => {
    const { proxy, port } = await start(t, {
      server: 'location / { return 200 $pid; } location /status { stub_status; }',
    });
    const status = async (): Promise<readonly number[]> => {
      const { body } = await get(port, '/status');
      return (body.match(/\d+/g) ?? []).map(Number);
    };
    await answering(proxy, port);
    const clients = await oneInEach(proxy, port);
    // Two that are open, and the one that asks; those that clients have closed are gone a moment later.
    let first = await status();
    for (let i = 0; i < 500 && first[0] !== 3; i++) first = await status();
    const [active = 0, accepted = 0, handled = 0, requests = 0] = first;
    assert.equal(active, 3);
    assert.equal(accepted, handled);
    for (let i = 0; i < 10; i++) await get(port);
    const later = await status();
    // Ten, and the one that asks.
    assert.deepEqual(later.slice(1, 4), [accepted + 11, handled + 11, requests + 11]);
    for (const client of clients.values()) client.close();
    process.kill(childrenOf(proxy)[0] ?? 0, 'SIGQUIT');
    await proxy.logged(/exited with code 0/);
    await until('another serves', () => childrenOf(proxy).length === 2);
    const last = await status();
    assert.deepEqual(last.slice(1, 4), [accepted + 12, handled + 12, requests + 12]);
  });

  test('a master that is killed takes its workers with it, and the port is free', async (t) => {
    const { proxy, port } = await start(t);
    const workers = childrenOf(proxy);
    proxy.signal('SIGKILL');
    await proxy.exited;
    await until('the workers have ended', () => workers.every((pid) => !existsSync(`/proc/${pid}`)));
    await assert.rejects(connect(port), /ECONNREFUSED/);
    assert.match(proxy.prefix.log, /\[alert\] \d+#0: the master process is gone/);
  });

  test('a signal to a worker is its own affair: QUIT drains it, and it is replaced', async (t) => {
    const { proxy } = await start(t);
    const [first = 0, other = 0] = childrenOf(proxy);
    process.kill(first, 'SIGINT'); // what a terminal sends to all
    process.kill(first, 'SIGHUP');
    process.kill(first, 'SIGQUIT');
    await replacement(proxy, [first, other]);
    assert.match(proxy.prefix.log, new RegExp(`worker process ${first} exited with code 0`));
  });

  test('signals that come together are served in order', async (t) => {
    const { proxy, port } = await start(t);
    for (const signal of ['SIGHUP', 'SIGHUP', 'SIGHUP', 'SIGQUIT'] as const) proxy.signal(signal);
    assert.equal(await proxy.exited, 0);
    await assert.rejects(connect(port), /ECONNREFUSED/);
    assert.doesNotMatch(proxy.prefix.log, /\[(alert|crit|emerg)\]/);
  });

  test('master_process off: one process does everything', async (t) => {
    const { proxy, port } = await start(t, { main: 'master_process off;' });
    assert.equal(Number((await get(port)).body), proxy.child.pid);
    await reload(proxy, { port, main: 'master_process off;', server: 'return 200 two;' }, 2);
    assert.equal((await get(port)).body, 'two');
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
  });

  test('a worker that hangs does not keep TERM from ending it all', async (t) => {
    const { proxy } = await start(t);
    const [stuck = 0] = childrenOf(proxy);
    process.kill(stuck, 'SIGSTOP');
    proxy.signal('SIGTERM');
    assert.equal(await proxy.exited, 0);
    assert.equal(existsSync(`/proc/${stuck}`), false);
  });

  const IS_ROOT = process.geteuid?.() === 0;

  test('workers serve as the user, with logs that are theirs after reload and reopening', {
    skip: !IS_ROOT,
  }, async (t) => {
    const names = execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim();
    const group = execFileSync('id', ['-gn', 'nobody'], { encoding: 'utf8' }).trim();
    const port = await freePort();
    const main = `user nobody ${group};`;
    const wanted = (log: string): Wanted => ({
      port,
      main,
      server: `access_log %%DIR%%/secret/${log}.log; return 200 $pid;`,
    });
    const proxy = await serve(t, configuration(wanted('a')).replace(/\/secret/, ''));
    const [worker = 0] = childrenOf(proxy);
    assert.match(
      readFileSync(`/proc/${worker}/status`, 'utf8'),
      new RegExp(`Uid:\\s+${names}\\s+${names}\\s+${names}`),
    );
    const path = (name: string): string => join(proxy.prefix.path, name);
    // Their directory must be one that they may enter; it belongs to root.
    execFileSync('chmod', ['755', proxy.prefix.path]);
    mkdirSync(path('secret'), { mode: 0o755 });
    await reload(proxy, wanted('b'), 2);
    // One of the workers may still serve what was before.
    for (const deadline = Date.now() + 10_000; Date.now() < deadline && statSync(path('secret/b.log')).size === 0; ) {
      await get(port);
    }
    assert.ok(statSync(path('secret/b.log')).size > 0);
    renameSync(path('secret/b.log'), path('secret/b.log.1'));
    proxy.signal('SIGUSR1');
    await until('it was made anew', () => existsSync(path('secret/b.log')));
    await proxy.logged(/reopening logs/);
    await until('workers write to it', () => statSync(path('secret/b.log')).uid === Number(names));
    await get(port);
    await until('a line is in it', () => statSync(path('secret/b.log')).size > 0);
  });

  test('a user that the system does not have is refused in nginx’s words', { skip: !IS_ROOT }, async (t) => {
    const { proxy, port } = await start(t);
    proxy.prefix.write('nginx.conf', configuration({ port, main: 'user nobody-of-this-name;' }));
    proxy.signal('SIGHUP');
    await proxy.logged(/\[emerg\] \d+#0: getpwnam\("nobody-of-this-name"\) failed/);
    assert.equal((await answering(proxy, port)).size, 2);
  });
});

const UNUSABLE: readonly (readonly [what: string, make: (proxy: Running) => void])[] = [
  ['an empty file', (proxy: Running) => proxy.prefix.write('nginx.conf', '')],
  [
    'a directory',
    (proxy: Running) => {
      renameSync(join(proxy.prefix.path, 'nginx.conf'), join(proxy.prefix.path, 'old.conf'));
      mkdirSync(join(proxy.prefix.path, 'nginx.conf'));
    },
  ],
  [
    'no file',
    (proxy: Running) => renameSync(join(proxy.prefix.path, 'nginx.conf'), join(proxy.prefix.path, 'old.conf')),
  ],
  // The last one: it may have several errors.
  [
    'half of a file',
    (proxy: Running) => proxy.prefix.write('nginx.conf', proxy.prefix.read('nginx.conf').slice(0, -40)),
  ],
];

test('a reload that finds an empty file, half of a file, a directory or no file reports it and changes nothing', async (t) => {
  const { proxy, port } = await start(t);
  const path = join(proxy.prefix.path, 'nginx.conf');
  const usable = proxy.prefix.read('nginx.conf');
  const files = readdirSync('/proc/self/fd').length;
  const errors = (): number => (proxy.prefix.log.match(/\[emerg\]/g) ?? []).length;
  for (const [what, make] of UNUSABLE) {
    const before = errors();
    make(proxy);
    proxy.signal('SIGHUP');
    await until(`a reload that found ${what} is reported`, () => errors() > before);
    assert.equal((await answering(proxy, port)).size, 2);
    if (what !== 'half of a file') assert.equal(errors(), before + 1);
    rmSync(path, { recursive: true, force: true });
    proxy.prefix.write('nginx.conf', usable);
  }
  assert.doesNotMatch(proxy.prefix.log, /generation 2/);
  assert.ok(readdirSync('/proc/self/fd').length <= files + 2);
});

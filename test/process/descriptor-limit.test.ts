/** A worker near its limit of open files. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { freePort, type Running, serve } from '../cli/running.js';
import {
  answeringBackend,
  type Connection,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  until,
} from '../kit/index.js';
import { exhaust, firstFree, limitFiles, NO_LIMITS, workerOf } from './descriptors.js';

const KEPT = { fields: ['Connection: keep-alive'] };

async function start(
  t: TestContext,
  main: string,
  locations: string,
  upstreams = '',
): Promise<{ proxy: Running; port: number; worker: number }> {
  const port = await freePort();
  const proxy = await serve(
    t,
    `
    user root; daemon off; pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; ${main}
    http { access_log off; server { listen 127.0.0.1:${port}; location / { return 200 ok; } ${locations} } ${upstreams} }`,
  );
  return { proxy, port, worker: await workerOf(proxy) };
}

async function idleClient(t: TestContext, port: number): Promise<Connection> {
  const client = await connect(port);
  t.after(() => client.close());
  assert.equal((await client.send(request('/', KEPT)).answer()).body, 'ok');
  return client;
}

for (const [kind, main] of [
  ['a worker', 'events {}'],
  ['a single process', 'master_process off; events {}'],
] as const) {
  test(`${kind} that runs short of descriptors gives up idle clients for new ones`, { skip: NO_LIMITS }, async (t) => {
    const { proxy, port, worker } = await start(t, main, '');
    limitFiles(worker, firstFree(worker) + 30);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the limit is read once a second
    const clients: Connection[] = [];
    for (let i = 0; i < 100; i++) clients.push(await idleClient(t, port));
    await until('the first have gone', () => clients.filter(({ reader }) => reader.ended).length > 50);
    assert.ok(
      clients.slice(-8).every(({ reader }) => !reader.ended),
      'the last are there',
    );
    await proxy.logged(/\[warn\] .*: \d+ worker_connections are not enough, reusing connections\n/);
    assert.doesNotMatch(proxy.prefix.log, /alert/);
  });
}

test('a worker that runs short of descriptors keeps clients that are busy', { skip: NO_LIMITS }, async (t) => {
  const { port, worker } = await start(t, 'events {}', '');
  limitFiles(worker, firstFree(worker) + 30);
  await new Promise((resolve) => setTimeout(resolve, 1100)); // the limit is read once a second
  const busy = await idleClient(t, port);
  let over = false;
  const working = (async () => {
    // The worker was active at that time at the latest: it has answered since.
    let active = performance.now();
    while (!over) {
      const started = performance.now();
      const answer = await busy
        .send(request('/', KEPT))
        .answer()
        .catch((error: Error) => error);
      if (answer instanceof Error) {
        // On a busy machine it may have been idle for as long as a client that is given up (250 ms by a clock that ticks).
        if (performance.now() - active < 150) throw answer;
        t.diagnostic('the client could not be kept busy');
        return;
      }
      assert.equal(answer.body, 'ok');
      active = started;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  // Heads that are not complete take all descriptors; idle clients beside the busy one would be given up for them.
  for (let i = 0; i < 60; i++) {
    const client = await connect(port);
    client.socket.on('error', () => {});
    t.after(() => client.close());
    client.send('GET /');
  }
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than a client must be idle
  over = true;
  await working;
});

test('without idle clients accepting pauses, is logged, and resumes when descriptors are free', {
  skip: NO_LIMITS,
}, async (t) => {
  const backend = await scriptedBackend(() => {});
  t.after(() => backend.close());
  const { proxy, port, worker } = await start(
    t,
    'events {}',
    `location /held { proxy_pass http://127.0.0.1:${backend.port}; }`,
  );
  limitFiles(worker, firstFree(worker) + 40);
  await new Promise((resolve) => setTimeout(resolve, 1100)); // the limit is read once a second
  const held: Connection[] = [];
  for (let i = 0; i < 30; i++) {
    const client = await connect(port);
    client.socket.on('error', () => {});
    t.after(() => client.close());
    held.push(client.send(request('/held')));
    await until(
      'it is at the back end, or waits',
      () => backend.connections.length > i || /accept4/.test(proxy.prefix.log),
    );
  }
  await proxy.logged(/\[crit\] .*: accept4\(\) failed \(24: Too many open files\)\n/);
  assert.ok(readdirSync(`/proc/${worker}/fd`).length < firstFree(worker) + 40);
  // Its connection waits in the system's queue: it is neither refused nor reset.
  const late = (await connect(port)).send(request('/'));
  t.after(() => late.close());
  for (const client of held) client.close();
  assert.equal((await late.answer()).body, 'ok');
  assert.equal((await get(port)).body, 'ok');
  assert.ok(proxy.prefix.log.split('accept4()').length < 10, 'it is logged at a bounded rate');
  assert.doesNotMatch(proxy.prefix.log, /socket\(\) failed/);
  proxy.signal('SIGQUIT');
  assert.equal(await proxy.exited, 0);
});

test('clients that come all at once are not given up before their requests were read', {
  skip: NO_LIMITS,
}, async (t) => {
  // A client that does not send its request within 250 ms may be disconnected: the test is repeated after a stall of this
  // process.
  for (let attempt = 1; ; attempt++) {
    const backend = await scriptedBackend(() => {});
    t.after(() => backend.close());
    const { proxy, port, worker } = await start(
      t,
      'events {}',
      `location /held { proxy_pass http://127.0.0.1:${backend.port}; }`,
    );
    limitFiles(worker, firstFree(worker) + 60);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the limit is read once a second
    const reset: string[] = [];
    const began = performance.now();
    const clients = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const client = await connect(port);
        t.after(() => client.close());
        client.socket.on('error', (error) => reset.push(error.message));
        return client.send(request('/held'));
      }),
    );
    const sending = performance.now() - began;
    if (sending < 200) {
      await proxy.logged(/\[crit\] .*: accept4\(\) failed \(24: Too many open files\)\n/);
      await until('some are at the back end', () => backend.connections.length > 10);
      assert.deepEqual(reset, []);
      assert.ok(clients.every(({ reader }) => !reader.ended));
      return;
    }
    assert.ok(attempt < 10, `the requests were sent after ${sending} ms`);
    for (const client of clients) client.close();
    proxy.signal('SIGTERM');
    await proxy.exited;
  }
});

test('a request for which there is no socket is a 500, and no peer is taken for failed', {
  skip: NO_LIMITS,
}, async (t) => {
  const backend = await answeringBackend(reply('from the back end'));
  t.after(() => backend.close());
  const server = `server 127.0.0.1:${backend.port} max_fails=1 fail_timeout=60s;`;
  const { proxy, port, worker } = await start(
    t,
    'events {}',
    'location /passed { proxy_pass http://two; }',
    `upstream two { ${server} ${server} }`,
  );
  for (let i = 0; i < 3; i++) {
    // Another client that is idle would make room.
    const client = await idleClient(t, port);
    const restore = exhaust(worker);
    assert.equal((await client.send(request('/passed', KEPT)).answer()).status, 500);
    restore();
    await client.all();
  }
  await proxy.logged(
    /\[alert\] .* socket\(\) failed \(24: Too many open files\) while connecting to upstream, client: /,
  );
  for (let i = 0; i < 4; i++) assert.equal((await get(port, '/passed')).body, 'from the back end');
  assert.doesNotMatch(proxy.prefix.log, /no live upstreams/);
});

test('worker_connections beyond the limit of open files are warned of, in nginx’s words', {
  skip: NO_LIMITS,
}, async (t) => {
  const { proxy, port } = await start(t, 'worker_rlimit_nofile 1000; events { worker_connections 100000000; }', '');
  await proxy.logged(/\[warn\] .*: 100000000 worker_connections exceed open file resource limit: 1000\n/);
  assert.equal((await get(port)).body, 'ok');
});

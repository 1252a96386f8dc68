/** Client connections when the worker or the listener that accepted them shuts down. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, serve } from '../cli/running.js';
import { type Connection, connect, get, request, scriptedBackend, startProxy, until } from '../kit/index.js';

const KEEP = { fields: ['Connection: keep-alive'] };

function configuration(workers: number, ports: readonly number[], text = 'return 200 $pid;'): string {
  const listens = ports.map((port) => `listen 127.0.0.1:${port};`).join(' ');
  return `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes ${workers}; worker_heartbeat_timeout 0; events { }
    http { access_log off; server { ${listens} ${text} } }`;
}

async function connections(port: number, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => connect(port)));
}

/** Ids of the workers, in the order of their start. */
function workersOf(log: string): number[] {
  return [...log.matchAll(/start worker process (\d+)/g)].map(([, pid]) => Number(pid));
}

/** Number of descriptors that processes have open. */
function descriptors(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

test('a client connected to a worker that shuts down receives a response to its request', async (t) => {
  const port = await freePort();
  const proxy = await serve(t, configuration(3, [port]));
  const [first = 0, ...others] = workersOf(proxy.prefix.log);
  // The first stays. While it is stopped the others accept, however the kernel spreads connections.
  const before = descriptors(others);
  process.kill(first, 'SIGSTOP');
  const clients = await connections(port, 30);
  await until('the others have accepted', () => descriptors(others) === before + 30);
  process.kill(first, 'SIGCONT');
  proxy.prefix.write('nginx.conf', configuration(1, [port]));
  proxy.signal('SIGHUP');
  await until('two go', () => (proxy.prefix.log.match(/gracefully shutting down/g) ?? []).length === 2);
  await get(port);
  const pids = new Set<string>();
  for (const client of clients) {
    const { status, body } = await client.send(request('/')).answer();
    assert.equal(status, 200);
    pids.add(body);
  }
  assert.ok([...pids].every((pid) => others.includes(Number(pid))));
  await until('two have gone', () => (proxy.prefix.log.match(/\[notice\] \d+#0: exit\n/g) ?? []).length === 2);
});

test('requests that were sent before a QUIT are answered, on new connections and on kept ones', async (t) => {
  const port = await freePort();
  const proxy = await serve(t, configuration(2, [port]));
  const kept = await connections(port, 30);
  for (const client of kept) assert.equal((await client.send(request('/', KEEP)).answer()).status, 200);
  const fresh = await connections(port, 30);
  for (const client of [...kept, ...fresh]) client.send(request('/', KEEP));
  proxy.signal('SIGQUIT');
  for (const client of [...kept, ...fresh]) {
    assert.equal((await client.answer()).status, 200);
    assert.equal(await client.all(), '');
  }
  assert.equal(await proxy.exited, 0);
});

test('QUIT waits two seconds for silent connections, and without a limit for requests that have begun', async (t) => {
  const port = await freePort();
  const proxy = await serve(t, configuration(1, [port]));
  const [silent, begun] = [await connect(port), (await connect(port)).send('GET /')];
  await get(port);
  const since = performance.now();
  proxy.signal('SIGQUIT');
  assert.equal(await silent.all(), '');
  const waited = performance.now() - since;
  assert.ok(waited > 1900 && waited < 10_000, `waited ${waited} ms`);
  assert.equal((await begun.send(' HTTP/1.0\r\n\r\n').answer()).status, 200);
  assert.equal(await proxy.exited, 0);
});

test('requests on connections of a removed listener are handled by the configuration that had it', async (t) => {
  const [staying, going] = [await freePort(), await freePort()];
  const text = (generation: string) => `
    server { listen 127.0.0.1:${staying}; return 200 ${generation}; }
    ${generation === 'one' ? `server { listen 127.0.0.1:${going}; return 200 gone-$config_generation; }` : ''}`;
  const proxy = await startProxy(text('one'));
  t.after(() => proxy.close());
  const kept = await connect(going);
  assert.equal((await kept.send(request('/', KEEP)).answer()).body, 'gone-1');
  const fresh = await connect(going);
  const begun = (await connect(going)).send('GET / HT');
  await until('it has come', () => proxy.proxy.status.active === 1);
  await proxy.reload(text('two'));
  assert.equal(await kept.all(), '', 'nothing was under way');
  assert.equal((await fresh.send(request('/')).answer()).body, 'gone-1');
  assert.equal((await begun.send('TP/1.0\r\n\r\n').answer()).body, 'gone-1');
  await until('the first generation is over', () => proxy.proxy.status.generations === 1);
});

test('requests on a removed listener are written to its own log', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha');
  });
  t.after(() => backend.close());
  const [staying, going] = [await freePort(), await freePort()];
  const text = (both: boolean) => `
    server { listen 127.0.0.1:${staying}; access_log off; return 200 staying; }
    ${
      both
        ? `server {
             listen 127.0.0.1:${going};
             access_log own.log;
             location / { return 200 gone-$config_generation; }
             location /slow { proxy_pass http://127.0.0.1:${backend.port}; }
           }`
        : ''
    }`;
  const proxy = await startProxy(text(true));
  t.after(() => proxy.close());
  const [fresh, pipelining, silent] = [await connect(going), await connect(going), await connect(going)];
  const left = await connect(going);
  // Its head announces that the connection will be kept; another request waits behind it.
  pipelining.send(request('/slow', KEEP) + request('/behind', KEEP));
  await pipelining.until('ha');
  await until('all are there', () => proxy.proxy.status.connections === 4);
  await proxy.reload(text(false));
  assert.equal((await get(staying)).body, 'staying');
  assert.equal(proxy.proxy.status.generations, 2);
  left.close();
  assert.equal((await fresh.send(request('/fresh')).answer()).body, 'gone-1');
  backend.connections[0]?.send('lf');
  await pipelining.until('lf');
  const last = await pipelining.answer();
  assert.equal(last.body, 'gone-1');
  assert.equal(last.field('Connection'), 'close');
  assert.equal(await silent.all(), '');
  await until('the first generation is over', () => proxy.proxy.status.generations === 1);
  const lines = readFileSync(join(proxy.directory, 'own.log'), 'latin1').match(/GET \S+/g);
  assert.deepEqual(lines?.sort(), ['GET /behind', 'GET /fresh', 'GET /slow']);
});

test('a request behind the rest of a body, to a listener that has gone meanwhile, is in its log', async (t) => {
  const [staying, going] = [await freePort(), await freePort()];
  const text = (both: boolean) => `
    server { listen 127.0.0.1:${staying}; access_log off; return 200 staying; }
    ${both ? `server { listen 127.0.0.1:${going}; access_log own.log; return 200 gone-$config_generation; }` : ''}`;
  const proxy = await startProxy(text(true));
  t.after(() => proxy.close());
  const client = await connect(going);
  client.send(`${request('/1', { method: 'POST', fields: ['Content-Length: 10', 'Connection: keep-alive'] })}12345`);
  assert.equal((await client.answer()).field('Connection'), 'keep-alive');
  await proxy.reload(text(false));
  assert.equal((await get(staying)).body, 'staying');
  assert.equal((await client.send(`67890${request('/2')}`).answer()).body, 'gone-1');
  await until('the first generation is over', () => proxy.proxy.status.generations === 1);
  const lines = readFileSync(join(proxy.directory, 'own.log'), 'latin1').match(/(GET|POST) \S+/g);
  assert.deepEqual(lines, ['POST /1', 'GET /2']);
});

test('a request is answered by the configuration in force when its first byte came', async (t) => {
  const text = (generation: string) => `server { listen 127.0.0.1:0; return 200 ${generation}-$config_generation; }`;
  const proxy = await startProxy(text('one'));
  t.after(() => proxy.close());
  const begun = await connect(proxy.port);
  assert.equal((await begun.send(request('/', KEEP)).answer()).body, 'one-1');
  const fresh = await connect(proxy.port);
  begun.send('GET / HTTP/1.1\r\nHo');
  await until('it has come', () => proxy.proxy.status.active === 1);
  await proxy.reload(text('two'));
  assert.equal((await fresh.send(request('/')).answer()).body, 'two-2');
  assert.equal((await begun.send('st: a\r\n\r\n').answer()).body, 'one-1');
  assert.equal((await begun.send(request('/')).answer()).body, 'two-2');
  await until('the first generation is over', () => proxy.proxy.status.generations === 1);
});

test('a listener that is added again serves new connections, and those that it accepted before', async (t) => {
  const [staying, going] = [await freePort(), await freePort()];
  const text = (body: string) => `
    server { listen 127.0.0.1:${staying}; return 200 staying; }
    ${body === '' ? '' : `server { listen 127.0.0.1:${going}; return 200 ${body}; }`}`;
  const proxy = await startProxy(text('first'));
  t.after(() => proxy.close());
  const early = await connect(going);
  await proxy.reload(text(''));
  await proxy.reload(text('second'));
  assert.equal((await get(going)).body, 'second');
  early.send(request('/', KEEP));
  assert.equal((await early.answer()).body, 'second');
  assert.equal(await early.all(), '');
  await until('nothing of the first life is left', () => proxy.proxy.status.generations === 1);
});

test('a removed address is free at once for a wildcard, and vice versa', async (t) => {
  const port = await freePort();
  const text = (address: string) => `server { listen ${address}:${port}; return 200 ok; }`;
  const proxy = await startProxy(text('127.0.0.1'));
  t.after(() => proxy.close());
  const other = await freePort();
  for (let i = 0; i < 10; i++) {
    await proxy.reload(`server { listen 127.0.0.1:${other}; }`);
    await proxy.reload(text(i % 2 === 0 ? '0.0.0.0' : '127.0.0.1'));
    assert.equal((await get(port)).body, 'ok');
  }
});

test('a drain that is cut short ends for all its waiters', async (t) => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; return 200 ok; }');
  t.after(() => proxy.close());
  const silent = await connect(proxy.port);
  const drained = proxy.proxy.close({ drain: true });
  await Promise.all([drained, proxy.proxy.close()]);
  assert.equal(await silent.all(), '');
});

/** Zones as several workers use them: servers with tables of their own, and one master. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { check } from '../../src/config/check.js';
import { LEVELS } from '../../src/config/log-level.js';
import { DestinationLog, type LogEntry } from '../../src/logging/destination-log.js';
import { modules } from '../../src/modules/index.js';
import { compileRoutingTable, type RoutingTable } from '../../src/program/compiler.js';
import { Server } from '../../src/server/server.js';
import { portChannel } from '../../src/zones/channel.js';
import { KeyCounts } from '../../src/zones/key-counts.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { type Served, ZoneServer } from '../../src/zones/zone-server.js';
import {
  advanceClock,
  answeringBackend,
  closedPort,
  complete,
  connect,
  get,
  READ_TIMEOUT,
  reply,
  request,
  scriptedBackend,
  until,
} from '../kit/index.js';
import { api } from './api-client.js';

const KEPT = { fields: ['Connection: keep-alive'] };

class Worker {
  readonly entries: LogEntry[] = [];
  readonly home: RemoteBackend;
  private readonly log = new DestinationLog([
    { to: (entry) => this.entries.push(entry), threshold: LEVELS.indexOf('debug') },
  ]);
  private readonly server = new Server({ errorLog: this.log });
  private table: RoutingTable | null = null;
  private readonly near: MessagePort;
  readonly served: Served;

  constructor(keeper: ZoneServer, t: TestContext) {
    const { port1, port2 } = new MessageChannel();
    this.near = port1;
    this.served = keeper.serve(portChannel(port1));
    this.home = new RemoteBackend(portChannel(port2), {
      log: (level, message) => this.log.write(level, message),
      timeout: 20_000,
    });
    t.after(() => {
      this.server.stop();
      port1.close();
    });
  }

  async apply(text: string): Promise<this> {
    const { config } = check({ name: 'test', text: complete(text, {}) }, modules, { prefix: '/nonexistent/' });
    assert.ok(config);
    const previous = this.table;
    const options = { errorLog: this.log, previous, prefix: '/nonexistent/', zones: this.home };
    this.table = await compileRoutingTable(config, modules, options);
    (await this.server.prepare(this.table)).commit();
    return this;
  }

  /** A reload that another worker refuses. */
  async prepareInVain(text: string): Promise<void> {
    const { config } = check({ name: 'test', text: complete(text, {}) }, modules, { prefix: '/nonexistent/' });
    assert.ok(config);
    const { table } = this;
    const options = { errorLog: this.log, previous: table, prefix: '/nonexistent/', zones: this.home };
    const next = await compileRoutingTable(config, modules, options);
    (await this.server.prepare(next)).cancel();
    next.shared.close(table === null ? [] : [table.shared]);
  }

  get port(): number {
    return Number(this.server.addresses()[0]?.address.replace(/^.*:/, ''));
  }

  messages(part: string): string[] {
    return this.entries.map(({ message }) => message).filter((message) => message.includes(part));
  }

  /** The process dies, as far as the master can tell. */
  die(): void {
    this.near.close();
  }
}

const workers = (count: number, keeper: ZoneServer, t: TestContext, text: string) =>
  Promise.all(Array.from({ length: count }, () => new Worker(keeper, t).apply(text)));

test('limit_conn and limit_req count the requests of all workers', async (t) => {
  const held: (() => void)[] = [];
  const backend = await answeringBackend(
    () => new Promise<string>((resolve) => held.push(() => resolve(reply('done')))),
  );
  t.after(() => backend.close());
  const all = await workers(
    3,
    new ZoneServer(),
    t,
    `limit_conn_zone $arg_k zone=c:1m; limit_req_zone $arg_k zone=r:1m rate=1r/m; access_log off;
     server {
       listen 127.0.0.1:0;
       add_header X-Status "$limit_conn_status$limit_req_status" always;
       location / { limit_conn c 7; proxy_pass http://127.0.0.1:${backend.port}; }
       location /rate { limit_req zone=r burst=9 nodelay; empty_gif; }
       location /delay { limit_req zone=r burst=9; limit_conn c 1; empty_gif; }
     }`,
  );
  const rates = await Promise.all(all.flatMap(({ port }) => Array.from({ length: 10 }, () => get(port, '/rate?k=a'))));
  assert.equal(rates.filter(({ status }) => status === 200).length, 10);
  assert.equal(rates.filter((answer) => answer.field('x-status') === 'REJECTED').length, 20);
  const limited = all.flatMap((worker) => worker.messages('limiting requests, excess: '));
  assert.equal(limited.length, 20);

  const clients = await Promise.all(all.flatMap(({ port }) => Array.from({ length: 5 }, () => connect(port))));
  for (const client of clients) client.send(request('/?k=b'));
  await until('all are decided on', () => {
    const refused = all.flatMap((worker) => worker.messages('limiting connections by zone "c"'));
    return refused.length + held.length === 15;
  });
  assert.equal(held.length, 7);
  for (const answer of held.splice(0)) answer();
  const statuses = await Promise.all(clients.map(async (client) => (await client.answer()).status));
  assert.deepEqual(statuses.sort(), [...Array<number>(7).fill(200), ...Array<number>(8).fill(503)]);
  for (const client of clients) client.close();

  const [first, second] = all;
  assert.ok(first !== undefined && second !== undefined);
  await get(first.port, '/delay?k=d');
  const waiting = await connect(second.port);
  waiting.send(request('/delay?k=d'));
  await until('it waits', () => second.messages('delaying request').length === 1);
  waiting.reset();
});

test('a client that goes away while the master is asked holds nothing', async (t) => {
  const keeper = new ZoneServer();
  const [worker] = await workers(
    1,
    keeper,
    t,
    `limit_conn_zone $arg_k zone=c:1m; access_log off; server { listen 127.0.0.1:0; limit_conn c 1; location / { empty_gif; } }`,
  );
  assert.ok(worker !== undefined);
  for (let i = 0; i < 20; i++) {
    const client = await connect(worker.port);
    client.send(request('/?k=a'));
    client.reset();
  }
  await until('nothing is held', () => worker.served.owner.tickets === 0);
  await until('it lets through', () => worker.home.pending === 0);
  assert.equal((await get(worker.port, '/?k=a')).status, 200);
});

test('max_conns holds for all workers together, and a dead worker’s connections do not count', async (t) => {
  const held: (() => void)[] = [];
  const backend = await answeringBackend(
    () => new Promise<string>((resolve) => held.push(() => resolve(reply('done')))),
  );
  t.after(() => backend.close());
  const spare = await answeringBackend(() => reply('spare'));
  t.after(() => spare.close());
  const text = `
    upstream u { zone u 64k; server 127.0.0.1:${backend.port} max_conns=5; }
    upstream v { zone u; server 127.0.0.1:${backend.port} max_conns=2; server 127.0.0.1:${spare.port} backup; }
    access_log off;
    server {
      listen 127.0.0.1:0;
      add_header X-Upstream $upstream_addr always;
      location / { proxy_pass http://u; }
      location /v { proxy_pass http://v; }
    }`;
  const keeper = new ZoneServer();
  const all = await workers(3, keeper, t, text);
  const clients = await Promise.all(all.flatMap(({ port }) => Array.from({ length: 4 }, () => connect(port))));
  for (const client of clients) client.send(request('/'));
  const refused = () => all.flatMap((worker) => worker.messages('no live upstreams while connecting to upstream'));
  await until('all are decided on', () => refused().length + held.length === 12);
  assert.equal(held.length, 5);

  // Requests beyond the first server's limit are sent to the backup.
  const others = await Promise.all(all.flatMap(({ port }) => Array.from({ length: 2 }, () => connect(port))));
  for (const client of others) client.send(request('/v'));
  await until('the backup has the rest', () => held.length + spare.requests.length === 5 + 6);
  assert.equal(held.length, 5 + 2);

  // A reload in the midst of it changes nothing.
  for (const worker of all) await worker.apply(text);
  assert.equal((await get(all[0]?.port ?? 0, '/')).status, 502);

  for (const answer of held.splice(0)) answer();
  await until('the places are free', () => all.every((worker) => worker.served.owner.tickets === 0));
  for (const client of [...clients, ...others]) client.close();

  const [first, second] = all;
  assert.ok(first !== undefined && second !== undefined);
  const more = await Promise.all(Array.from({ length: 5 }, () => connect(first.port)));
  for (const client of more) client.send(request('/'));
  await until('all places are taken', () => held.length === 5);
  assert.equal((await get(second.port, '/')).status, 502);
  first.die();
  const last = await connect(second.port);
  let tries = 0;
  await until('the death is known', () => {
    if (held.length === 5 && tries++ % 10 === 0) last.send(request('/', { fields: ['Connection: keep-alive'] }));
    return held.length === 6;
  });
  for (const answer of held.splice(0)) answer();
  for (const client of [...more, last]) client.close();
});

test('a server that failed in one worker rests in all', async (t) => {
  const backend = await answeringBackend(() => reply('ok'));
  t.after(() => backend.close());
  const closed = await closedPort();
  const [first, second] = await workers(
    2,
    new ZoneServer(),
    t,
    `upstream u { zone u 64k; server 127.0.0.1:${closed} max_fails=2 fail_timeout=1m; server 127.0.0.1:${backend.port}; }
     access_log off;
     server { listen 127.0.0.1:0; add_header X-Upstream $upstream_addr always; location / { proxy_pass http://u; } }`,
  );
  assert.ok(first !== undefined && second !== undefined);
  const failures = () => [first, second].flatMap((worker) => worker.messages('connect() failed')).length;
  for (let i = 0; i < 6; i++) assert.equal((await get(first.port)).body, 'ok');
  assert.equal(failures(), 2);
  // Reports to the second worker are sent next to the requests; they arrive within the next turns of the event loop.
  await get(second.port, '/');
  const heard = failures();
  assert.ok(heard <= 3, `${heard}`);
  for (let i = 0; i < 6; i++) assert.equal((await get(second.port)).field('x-upstream'), `127.0.0.1:${backend.port}`);
  assert.equal(failures(), heard);
});

test('after a reload that was refused, workers still share max_conns, failures and breakers', async (t) => {
  const held: (() => void)[] = [];
  const backend = await answeringBackend(({ target }) =>
    target === '/hold'
      ? new Promise<string>((resolve) => held.push(() => resolve(reply('done'))))
      : reply('bad', { status: '500 Internal Server Error' }),
  );
  t.after(() => backend.close());
  const gone = await closedPort();
  const text = `
    upstream u { zone u 64k; server 127.0.0.1:${backend.port} max_conns=1; }
    upstream v { zone v 64k; server 127.0.0.1:${gone} max_fails=2 fail_timeout=1h; server 127.0.0.1:${backend.port} backup; }
    upstream app { server 127.0.0.1:${backend.port}; circuit_breaker failures=2 open=1h; }
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://u; }
      location /v { proxy_pass http://v; }
      location /app { proxy_pass http://app; }
    }`;
  const [first, second] = (await workers(2, new ZoneServer(), t, text)) as [Worker, Worker];
  const client = await connect(first.port);
  client.send(request('/hold'));
  await until('the connection is in use', () => held.length === 1);
  for (const worker of [first, second]) await worker.prepareInVain(text);
  assert.equal((await get(second.port, '/hold')).status, 502);
  held[0]?.();
  await client.all();

  const failures = () => [first, second].flatMap((worker) => worker.messages('connect() failed')).length;
  for (let i = 0; i < 4; i++) await get(first.port, '/v');
  assert.equal(failures(), 2);
  // The report may arrive during this request.
  await get(second.port, '/v');
  const heard = failures();
  assert.ok(heard <= 3, `${heard}`);
  for (let i = 0; i < 3; i++) await get(second.port, '/v');
  assert.equal(failures(), heard);

  for (let i = 0; i < 2; i++) assert.equal((await get(first.port, '/app')).status, 500);
  const before = backend.requests.length;
  await until('the breaker has opened', () => first.messages('opens').length === 1);
  let status = 0;
  for (let i = 0; i < 10 && status !== 503; i++) ({ status } = await get(second.port, '/app'));
  assert.equal(status, 503);
  assert.ok(backend.requests.length <= before + 1);
});

test('a server that is removed during requests and added again has room again', async (t) => {
  const held: (() => void)[] = [];
  const backend = await answeringBackend(({ target }) =>
    target === '/hold' ? new Promise<string>((resolve) => held.push(() => resolve(reply('done')))) : reply('here'),
  );
  t.after(() => backend.close());
  const server = `127.0.0.1:${backend.port}`;
  const text = `
    upstream u { zone u 64k; server ${server} max_conns=1; }
    server { listen 127.0.0.1:0; location /api/ { api write=on; } location / { proxy_pass http://u; } }`;
  const [first, second] = (await workers(2, new ZoneServer(), t, text)) as [Worker, Worker];
  const client = await connect(first.port);
  client.send(request('/hold'));
  await until('the connection is in use', () => held.length === 1);
  const path = '/http/upstreams/u/servers';
  assert.equal((await api(first.port, 'DELETE', `${path}/0`)).status, 200);
  assert.equal((await api(first.port, 'POST', path, { server, max_conns: 1 })).status, 201);
  assert.equal((await get(second.port)).status, 502);
  held[0]?.();
  await client.all();
  await until('the connection is given back', () => first.served.owner.tickets === 0);
  for (let i = 0; i < 5; i++) {
    assert.equal((await get(second.port)).status, 200);
    // The master announces the end of the request to both workers.
    await until('it was released', () => second.served.owner.tickets === 0 && second.home.pending === 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('whatever ends a request, nothing stays held', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    for (let i = connection.number; ; i++) {
      if ((await connection.request()) === null) return connection.end();
      if (i % 5 === 0) return connection.reset();
      if (i % 5 === 1) connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf').end();
      else if (i % 5 !== 2) connection.send(reply('whole'));
    }
  });
  t.after(() => backend.close());
  const text = `
    limit_conn_zone $arg_k zone=c:1m; limit_req_zone $arg_k zone=r:1m rate=500r/s;
    upstream u { zone u 64k; server 127.0.0.1:${backend.port} max_conns=20 max_fails=0; server 127.0.0.1:${backend.port} backup max_fails=0; }
    access_log off;
    server {
      listen 127.0.0.1:0;
      limit_conn c 30;
      limit_req zone=r burst=50;
      location / { proxy_pass http://u; proxy_read_timeout 200ms; }
      location /gif { empty_gif; }
    }`;
  const all = await workers(2, new ZoneServer(), t, text);
  const clients = Array.from({ length: 200 }, async (_, i) => {
    const connection = await connect(all[i % 2]?.port ?? 0);
    for (let n = 0; n < 3; n++) connection.send(request(`${n === 2 ? '/gif' : '/'}?k=${i % 4}`, KEPT));
    const ending = i % 3;
    if (ending === 0) await new Promise((resolve) => setTimeout(resolve, i % 40));
    if (ending === 1) await Promise.race([connection.some(), new Promise((resolve) => setTimeout(resolve, 300))]);
    if (ending === 2) await Promise.race([connection.all(), new Promise((resolve) => setTimeout(resolve, 300))]);
    connection.reset();
  });
  await all[0]?.apply(text);
  await Promise.allSettled(clients);
  for (const worker of all) {
    await until('nothing is held', () => worker.served.owner.tickets === 0 && worker.home.pending === 0);
  }
  const counts = all[0]?.served.owner.zone(1, KeyCounts);
  assert.equal(counts?.entries ?? 0, 0);
  assert.deepEqual(
    all.flatMap((worker) => worker.messages('handler failed')),
    [],
  );
});

test('sticky learn: all workers know the sessions, and a worker that dies takes none with it', async (t) => {
  const backends = await Promise.all(
    ['a', 'b'].map((name) =>
      answeringBackend(({ field }) => reply(name, { fields: [`Set-Cookie: sid=${field('x-set') ?? ''}`] })),
    ),
  );
  for (const backend of backends) t.after(() => backend.close());
  const keeper = new ZoneServer();
  const text = `access_log off;
     upstream app {
       ${backends.map(({ port }) => `server 127.0.0.1:${port};`).join(' ')}
       sticky learn create=$upstream_cookie_sid lookup=$cookie_sid zone=s:1m;
     }
     server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`;
  const all = await workers(3, keeper, t, text);
  const bound = new Map<string, string>();
  // The client's next request is received by another worker at once.
  for (let n = 0; n < 60; n++) {
    const [first, second] = [all[n % 3], all[(n + 1) % 3]];
    assert.ok(first !== undefined && second !== undefined);
    const { body } = await get(first.port, '/', { fields: [`X-Set: s${n}`] });
    bound.set(`s${n}`, body);
    assert.equal((await get(second.port, '/', { fields: [`Cookie: sid=s${n}`, `X-Set: s${n}`] })).body, body);
  }
  all[0]?.die();
  for (const worker of all.slice(1)) {
    for (const [sid, body] of bound) {
      assert.equal((await get(worker.port, '/', { fields: [`Cookie: sid=${sid}`] })).body, body);
    }
  }
});

test('sticky learn: a client that leaves while the master is asked, and a master that does not answer, lose nothing', async (t) => {
  const backend = await answeringBackend(reply('a'));
  t.after(() => backend.close());
  const [worker] = await workers(
    1,
    new ZoneServer(),
    t,
    `access_log off;
     upstream app {
       server 127.0.0.1:${backend.port}; server 127.0.0.1:${backend.port} max_conns=5;
       sticky learn create=$cookie_sid lookup=$cookie_sid zone=s:1m;
     }
     server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`,
  );
  assert.ok(worker !== undefined);
  for (let i = 0; i < 20; i++) {
    const client = await connect(worker.port);
    client.send(request('/', { fields: ['Cookie: sid=x'] }));
    client.reset();
  }
  assert.equal((await get(worker.port, '/', { fields: ['Cookie: sid=x'] })).body, 'a');
  worker.die();
  assert.equal((await get(worker.port, '/', { fields: ['Cookie: sid=x'] })).body, 'a');
});

test('workers share a circuit breaker: it opens in all, admits exactly its probes, and survives the worker of a probe', async (t) => {
  let answer: string | null = reply('bad', { status: '500 Internal Server Error' });
  const held: (() => void)[] = [];
  const backend = await answeringBackend(
    () => answer ?? new Promise<string>((resolve) => held.push(() => resolve(reply('good')))),
  );
  t.after(() => backend.close());
  const all = await workers(
    3,
    new ZoneServer(),
    t,
    `upstream app { server 127.0.0.1:${backend.port}; circuit_breaker failures=4 open=1m probes=2; }
    server { listen 127.0.0.1:0; location / { proxy_pass http://app; } }`,
  );
  const [first, second, third] = all as [Worker, Worker, Worker];
  const logged = (part: string) => all.flatMap((worker) => worker.messages(part));
  for (const worker of [first, second, third, first]) assert.equal((await get(worker.port)).status, 500);
  await until('the breaker has opened', () => logged('opens').length === 1);
  for (const worker of all) {
    // Announced, but perhaps not received yet.
    let status = 0;
    for (const end = Date.now() + READ_TIMEOUT; status !== 503 && Date.now() < end; ) {
      ({ status } = await get(worker.port));
    }
    assert.equal(status, 503);
  }
  const before = backend.requests.length;
  answer = null;
  advanceClock(60_001);
  const refused: number[] = [];
  const probes = all.flatMap((worker) =>
    Array.from({ length: 10 }, async () => {
      const { status } = await get(worker.port);
      if (status === 503) refused.push(status);
      return status;
    }),
  );
  await until('all but the probes are refused', () => refused.length === 28 && held.length === 2);
  assert.equal(backend.requests.length, before + 2);
  for (const each of held) each();
  assert.equal((await Promise.all(probes)).filter((status) => status === 200).length, 2);
  await until('the breaker has closed', () => logged('closes').length === 1);
  assert.equal(logged('is half-open').length, 1);
  answer = reply('good');
  for (const worker of all) assert.equal((await get(worker.port)).status, 200);
});

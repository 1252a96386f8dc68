/**
 * Limits of three machines with two workers each in one store, under load: `node dist/bench/zone-store.js [seconds] [lease]`
 *
 * 10,000 keys with a Zipf distribution. For each key, the requests that all machines admitted are compared with those that one
 * machine would admit in that time. Then the store fails in each way under load: requests that fail, the latency in ms at the
 * 99th percentile, and the time until all workers use the store again are printed. At last, a machine that holds connections is
 * killed. The exit code is 1 if a bound is exceeded.
 *
 * With `cost` instead of seconds: CPU time per request with two limits in zones of the machine and in a store.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, get as send } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closedPort, get, until } from '../test/kit/index.js';
import { RedisServer } from '../test/kit/redis.js';
import { cpuMicroseconds } from './accounting.js';
import { ProxyProcess } from './proxy-process.js';

const [mode = '60', leaseWord = '1'] = process.argv.slice(2);
const seconds = Number(mode) || 60;
const lease = Number(leaseWord);
const KEYS = 10_000;
const NODES = 3;
const WORKERS = mode === 'cost' ? 1 : 2;
const RATE = 5;
const BURST = 20;
const TIMEOUT = 100;
const LEASE = 3;
/** Locations whose cost is compared: without limits, and with two. */
const PATHS = ['/none', '/two', '/passed/none', '/passed/two'];
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-store-'));
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const failures: string[] = [];

/** Passes bytes on to the store, with a delay in ms. */
class Line {
  delay = 0;
  private constructor(
    readonly server: net.Server,
    readonly port: number,
  ) {}

  static async open(to: number): Promise<Line> {
    const port = await closedPort();
    const server = net.createServer((client) => {
      const upstream = net.connect(to, '127.0.0.1');
      client.setNoDelay(true);
      upstream.setNoDelay(true);
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => {
        if (line.delay === 0) client.write(chunk);
        else setTimeout(() => client.write(chunk), line.delay);
      });
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        one.on('error', () => {});
        one.on('close', () => other.destroy());
      }
    });
    const line = new Line(server, port);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return line;
  }
}

function configuration(port: number, back: number, store: string): string {
  return `worker_processes ${WORKERS}; worker_shutdown_timeout 1s; events {} http { access_log off; keepalive_requests 1000000;
    ${store === '' ? '' : `zone_store main ${store} timeout=${TIMEOUT}ms lease=${LEASE}s;`}
    limit_req_zone $arg_k zone=rate:10m rate=${RATE}r/s ${store === '' ? '' : `store=main ${lease > 1 ? `store_lease=${lease}` : ''}`};
    limit_req_zone $arg_k zone=wide:10m rate=1000000r/s ${store === '' ? '' : 'store=main'};
    limit_req_zone $arg_k zone=wider:10m rate=1000000r/s ${store === '' ? '' : 'store=main'};
    limit_conn_zone $arg_k zone=conn:10m ${store === '' ? '' : 'store=main'};
    limit_req_log_level info; limit_conn_log_level info;
    upstream app { server 127.0.0.1:${webPort}; keepalive 64; }
    server { listen 127.0.0.1:${port} reuseport;
      proxy_http_version 1.1; proxy_set_header Connection "";
      location /rate { limit_req zone=rate burst=${BURST} nodelay; empty_gif; }
      location /two { limit_req zone=wide burst=1000 nodelay; limit_req zone=wider burst=1000 nodelay; empty_gif; }
      location /none { empty_gif; }
      location /passed/none { proxy_pass http://app; }
      location /passed/two { limit_req zone=wide burst=1000 nodelay; limit_req zone=wider burst=1000 nodelay; proxy_pass http://app; }
      location /conn { limit_conn conn 4; proxy_pass http://127.0.0.1:${back}; }
      location /metrics { metrics; }
    } }`;
}

interface Answer {
  readonly status: number;
  readonly ms: number;
}

function ask(port: number, path: string): Promise<Answer> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const done = (status: number) => resolve({ status, ms: performance.now() - begun });
    send({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode ?? 0));
      response.on('error', () => done(0));
    }).on('error', () => done(0));
  });
}

// Cumulative weights of 1/n.
const weights: number[] = [];
for (let n = 1, sum = 0; n <= KEYS; n++) weights.push((sum += 1 / n));

function zipf(): number {
  const at = Math.random() * (weights.at(-1) as number); // KEYS > 0
  let low = 0;
  let high = KEYS - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((weights[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

class Load {
  readonly admitted = new Map<number, number>();
  readonly latencies: number[] = [];
  sent = 0;
  refused = 0;
  failed = 0;
  private running = true;
  private readonly done: Promise<unknown>;
  readonly begun = performance.now();

  constructor(ports: readonly number[], clients: number, prefix: string) {
    this.done = Promise.all(
      Array.from({ length: clients }, async (_, i) => {
        while (this.running) {
          const key = zipf();
          const { status, ms } = await ask(
            ports[(i + this.sent++) % ports.length] as number,
            `/rate?k=${prefix}${key}`,
          );
          this.latencies.push(ms);
          if (status === 200) this.admitted.set(key, (this.admitted.get(key) ?? 0) + 1);
          else if (status === 503) this.refused++;
          else this.failed++;
          await sleep(5);
        }
      }),
    );
  }

  async end(): Promise<number> {
    this.running = false;
    await this.done;
    return (performance.now() - this.begun) / 1000;
  }

  percentile(share: number): number {
    return this.latencies.sort((a, b) => a - b)[Math.floor(this.latencies.length * share)] ?? 0;
  }
}

const server = await RedisServer.start();
const line = await Line.open(server.port);
const held: net.Socket[] = [];
const back = net.createServer((socket) => {
  held.push(socket);
  socket.on('error', () => {});
});
await new Promise<void>((resolve) => back.listen(0, '127.0.0.1', resolve));
const backPort = (back.address() as net.AddressInfo).port;
const web = createServer((_request, response) => void response.end('x'.repeat(100)));
await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
const webPort = (web.address() as net.AddressInfo).port;
const ports = await Promise.all(Array.from({ length: NODES }, closedPort));

async function start(count: number, store: string): Promise<ProxyProcess[]> {
  return Promise.all(
    ports
      .slice(0, count)
      .map((port, i) =>
        ProxyProcess.start(configuration(port, backPort, store), join(directory, `${store.length}-${i}`)),
      ),
  );
}

async function usesStore(port: number): Promise<boolean> {
  const { body } = await get(port, '/metrics');
  return /^tsproxy_zone_store_up\{store="main"\} 1$/m.test(body);
}

/** Number of times at which a worker found that the store did not respond. */
async function storeFailures(): Promise<number> {
  const pages = await Promise.all(ports.map((port) => get(port, '/metrics')));
  const counts = pages.map(({ body }) => /^tsproxy_zone_store_failures_total\{store="main"\} (\d+)$/m.exec(body)?.[1]);
  return counts.reduce((sum, count) => sum + Number(count ?? 0), 0);
}

async function recovery(): Promise<number> {
  const begun = performance.now();
  for (;;) {
    if ((await Promise.all(ports.map(usesStore))).every(Boolean)) return performance.now() - begun;
    if (performance.now() - begun > 20_000) return Number.POSITIVE_INFINITY;
    await sleep(20);
  }
}

/** Compares the admitted requests of each key with a bound. `changes`: of the store's availability, each with a further burst. */
function compare(name: string, load: Load, time: number, changes: number): void {
  const extra = lease > 1 ? NODES * WORKERS * lease : 0;
  const bound = RATE * time + (BURST + 1) * (1 + changes) + extra;
  let most = 0;
  for (const count of load.admitted.values()) most = Math.max(most, count);
  const total = [...load.admitted.values()].reduce((sum, count) => sum + count, 0);
  console.log(
    `${name}: ${load.sent} requests, ${total} admitted, ${load.refused} refused, ${load.failed} failed; at most ${most} of a key, bound ${bound.toFixed(0)} with ${changes} changes of the store; p99 ${load.percentile(0.99).toFixed(1)} ms`,
  );
  if (most > bound) failures.push(`${name}: ${most} admitted, more than ${bound.toFixed(0)}`);
  if (load.failed > 0) failures.push(`${name}: ${load.failed} requests failed`);
}

async function fault(name: string, begin: () => unknown, end: () => unknown): Promise<void> {
  const load = new Load(ports, 24, encodeURIComponent(name));
  await sleep(1000);
  load.latencies.length = 0;
  await begin();
  await sleep(3000);
  const p99 = load.percentile(0.99);
  await end();
  const back = await recovery();
  const time = await load.end();
  compare(name, load, time, 2);
  console.log(`${name}: p99 ${p99.toFixed(1)} ms during the failure; used again after ${back.toFixed(0)} ms`);
  if (p99 > TIMEOUT + 20) failures.push(`${name}: p99 ${p99.toFixed(1)} ms`);
  if (back > 2000) failures.push(`${name}: used again after ${back.toFixed(0)} ms`);
}

async function faults(): Promise<void> {
  const command = (...words: string[]) => server.command(...words);
  await fault(
    'SIGSTOP',
    () => server.signal('SIGSTOP'),
    () => server.signal('SIGCONT'),
  );
  await fault(
    'SIGKILL',
    () => server.kill(),
    () => server.restart(),
  );
  await fault(
    'CLIENT PAUSE',
    () => command('CLIENT', 'PAUSE', '3000'),
    () => {},
  );
  await fault(
    'READONLY',
    () => command('REPLICAOF', '127.0.0.1', '1'),
    () => command('REPLICAOF', 'NO', 'ONE'),
  );
  await fault(
    'OOM',
    () => command('CONFIG', 'SET', 'maxmemory', '1'),
    () => command('CONFIG', 'SET', 'maxmemory', '0'),
  );
  await fault(
    '500 ms',
    () => void (line.delay = 500),
    () => void (line.delay = 0),
  );
}

/** The first machine is killed while it holds all connections of a key. */
async function killed(proxies: readonly ProxyProcess[]): Promise<void> {
  const sockets = Array.from({ length: 4 }, () => net.connect(ports[0] as number, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => {}).write('GET /conn?k=x HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('they are held', () => held.length === 4);
  const { status } = await ask(ports[1] as number, '/conn?k=x');
  if (status !== 503) failures.push(`another machine admitted a fifth connection: ${status}`);
  const [first] = proxies as [ProxyProcess];
  first.onExit(() => {});
  for (const pid of first.pids) process.kill(pid, 'SIGKILL');
  const begun = performance.now();
  for (;;) {
    const before = held.length;
    const socket = net.connect(ports[1] as number, '127.0.0.1');
    socket.on('error', () => {}).write('GET /conn?k=x HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(50);
    socket.destroy();
    if (held.length > before) break;
    if (performance.now() - begun > 30_000) break;
  }
  const ms = performance.now() - begun;
  console.log(`SIGKILL of a machine: its connections were free after ${ms.toFixed(0)} ms, the lease being ${LEASE} s`);
  if (ms > LEASE * 1000 + 1000) failures.push('connections of a killed machine were not free in time');
}

async function cost(): Promise<void> {
  const [local] = (await start(1, '')) as [ProxyProcess];
  const measured: Record<string, number[]> = {};
  const measure = async (name: string, proxy: ProxyProcess, path: string): Promise<void> => {
    const round = () =>
      Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let i = 0; i < 400; i++) await ask(ports[0] as number, `${path}?k=${i % 100}`);
        }),
      );
    await round();
    const before = cpuMicroseconds(proxy.pids);
    const storeBefore = cpuMicroseconds([server.pid]);
    const begun = performance.now();
    await round();
    const cpu = (cpuMicroseconds(proxy.pids) - before) / 6400;
    const inStore = (cpuMicroseconds([server.pid]) - storeBefore) / 6400;
    (measured[name] ??= []).push(cpu);
    console.log(
      `${name}: ${cpu.toFixed(1)} µs of CPU, ${inStore.toFixed(1)} µs in the store, ${(6400 / ((performance.now() - begun) / 1000)).toFixed(0)} requests/s`,
    );
  };
  for (let i = 0; i < 3; i++) for (const path of PATHS) await measure(`zones of the machine ${path}`, local, path);
  await local.stop();
  const [stored] = (await start(1, server.address)) as [ProxyProcess];
  for (let i = 0; i < 3; i++) for (const path of PATHS) await measure(`a store ${path}`, stored, path);
  await stored.stop();
  const best = (name: string) => Math.min(...(measured[name] ?? []));
  for (const path of ['/two', '/passed/two']) {
    const factor = best(`a store ${path}`) / best(`zones of the machine ${path}`);
    console.log(`two limits, ${path}: ${factor.toFixed(2)} times the CPU`);
  }
}

let proxies: ProxyProcess[] = [];
try {
  if (mode === 'cost') await cost();
  else {
    proxies = await start(NODES, `redis://127.0.0.1:${line.port}`);
    console.log(`used by all after ${(await recovery()).toFixed(0)} ms`);
    const load = new Load(ports, 24, 'k');
    await sleep(seconds * 1000);
    const time = await load.end();
    // On a machine with other load, an answer may come too late.
    compare(lease > 1 ? `leases of ${lease}` : 'exact', load, time, await storeFailures());
    if (lease === 1) {
      await faults();
      await killed(proxies);
      // It has ended.
      proxies = proxies.slice(1);
    }
  }
} finally {
  for (const proxy of proxies) await proxy.stop();
  agent.destroy();
  line.server.close();
  back.close();
  web.close();
  web.closeAllConnections();
  for (const socket of held) socket.destroy();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
}
for (const failure of failures) console.log(`FAILED: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

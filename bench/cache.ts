/**
 * Cost of cached responses, and what crashes and full disks leave of a cache:
 * `node dist/bench/cache.js [--only hits,load,memory,kills,full] [--rounds 5] [--entries 1000000]`.
 *
 * - `hits`: CPU per request for 1 KiB, 64 KiB and 10 MiB from the cache, against nginx with the same configuration
 *   (`sendfile off`, its default), in turn within each round; medians of the rounds. Needs `wrk`; `NGINX_BINARY` names nginx.
 * - `load`: latency of hits before and while a directory of many entries is loaded.
 * - `memory`: bytes per entry of the ledger.
 * - `kills`: SIGKILL at random moments during 10,000 stores; afterwards every response is complete, and the ledger agrees with
 *   the disk.
 * - `full`: a file system that becomes full, in a mount namespace (root only).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EntryHead } from '../src/cache/entry-head.js';
import { entryPath, hashOf, sizeOnDisk } from '../src/cache/entry-path.js';
import { EntryWriter } from '../src/cache/entry-writer.js';
import { CacheEntries } from '../src/zones/cache-entries.js';
import { untilAccepting } from '../test/kit/accepting.js';
import { cpuMicroseconds } from './accounting.js';
import { program } from './peers.js';
import { ProxyProcess } from './proxy-process.js';
import { freePort } from './scenarios.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'hits,load,memory,kills,full' },
    rounds: { type: 'string', default: '5' },
    entries: { type: 'string', default: '1000000' },
    stores: { type: 'string', default: '10000' },
    memory: { type: 'string', default: '' },
  },
});
const chosen = values.only.split(',');
const rounds = Number(values.rounds);
const entryCount = Number(values.entries);
const root = mkdtempSync(join(tmpdir(), 'tsproxy-cache-bench-'));
process.env.PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
let failures = 0;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function check(holds: boolean, what: string): void {
  if (!holds) failures++;
  print(`${holds ? 'ok' : 'FAILED'}: ${what}`);
}

/** A back end whose responses can be computed from their paths: `/SIZE/NAME`. */
class BackEnd {
  requests = 0;
  private readonly server = http.createServer((request, response) => {
    this.requests++;
    const body = bodyOf(request.url ?? '/');
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length });
    response.end(body);
  });

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const bodies = new Map<number, Buffer>();

/** The body for a path: begins with the digest of the path. */
function bodyOf(path: string): Buffer {
  const size = Number(/^\/(\d+)\//.exec(path)?.[1] ?? 0);
  let filler = bodies.get(size);
  if (filler === undefined) bodies.set(size, (filler = Buffer.alloc(size, 'abcdefghij')));
  const body = Buffer.from(filler);
  body.write(createHash('sha256').update(path).digest('hex'));
  return body;
}

function configuration(port: number, backEnd: number, cache: string, more = '', memory = ''): string {
  return `
${process.geteuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 100000000;
    proxy_cache_path ${cache} levels=1:2 keys_zone=c:256m inactive=1d ${more};
    upstream back_end { server 127.0.0.1:${backEnd}; keepalive 64; }
    server {
        listen 127.0.0.1:${port};
        location / {
            proxy_pass http://back_end;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache c;
            proxy_cache_valid 200 1d;
            ${memory}
        }
        location /checked/ {
            rewrite ^/checked(.*) $1 break;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://back_end;
            proxy_cache c;
            proxy_cache_valid 200 1d;
            add_header X-Cache $upstream_cache_status;
        }
    }
}`;
}

interface Answer {
  readonly status: number;
  readonly cache: string;
  readonly body: Buffer;
}

/** A response, with the status of the cache in `cache`. */
function get(port: number, path: string, agent?: http.Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, path: `/checked${path}`, host: '127.0.0.1', agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, cache: String(headers['x-cache']), body: Buffer.concat(chunks) });
      });
    });
    request.on('error', reject);
  });
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

// -- hits

const LOADS = [
  { name: '1 KiB', path: '/1024/a', connections: 32, seconds: 2, target: 1.3 },
  { name: '64 KiB', path: '/65536/a', connections: 32, seconds: 2, target: 1.1 },
  { name: '10 MiB', path: '/10485760/a', connections: 8, seconds: 2, target: 1.0 },
];

async function measureHits(): Promise<void> {
  const nginx = process.env.NGINX_BINARY ?? program('nginx');
  const wrk = program('wrk');
  if (nginx === null || wrk === null) {
    print('hits: skipped, nginx and wrk are needed (Debian: apt-get install nginx-light wrk)');
    return;
  }
  const backEnd = new BackEnd();
  const backEndPort = await backEnd.start();
  const proxies: { readonly name: string; readonly port: number; readonly proxy: ProxyProcess }[] = [];
  for (const name of ['nginx', 'tsproxy'] as const) {
    const port = await freePort();
    const directory = join(root, `hits-${name}`);
    mkdirSync(directory);
    const memory = name === 'tsproxy' && values.memory !== '' ? `proxy_cache_memory ${values.memory};` : '';
    const text = configuration(port, backEndPort, join(directory, 'cache'), '', memory);
    proxies.push({ name, port, proxy: await ProxyProcess.start(text, directory, name, nginx) });
  }
  for (const { name, path, connections, seconds, target } of LOADS) {
    for (const { name: proxy, port } of proxies) {
      for (const expected of ['MISS', 'HIT', 'HIT']) {
        const { cache, body } = await get(port, path);
        check(cache === expected && body.equals(bodyOf(path)), `${proxy}: ${expected} of ${name}`);
      }
    }
    const costs: Record<string, number[]> = { nginx: [], tsproxy: [] };
    // The first round is not counted: code is compiled while it runs.
    for (let round = -1; round < rounds; round++) {
      for (const { name: proxy, port, proxy: process } of proxies) {
        const before = cpuMicroseconds(process.pids);
        const args = ['-t1', `-c${connections}`, `-d${seconds}s`, `http://127.0.0.1:${port}${path}`];
        const text = execFileSync(wrk, args, { encoding: 'utf8' });
        const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
        if (round >= 0) costs[proxy]?.push((cpuMicroseconds(process.pids) - before) / requests);
        if (/Non-2xx|Socket errors/.test(text)) check(false, `errors:\n${text}`);
      }
    }
    const [theirs, ours] = [median(costs.nginx ?? []), median(costs.tsproxy ?? [])];
    const ratio = ours / theirs;
    print(`${name}: nginx ${theirs.toFixed(1)} µs, tsproxy ${ours.toFixed(1)} µs of CPU per request`);
    check(ratio <= target, `${name}: ${ratio.toFixed(2)} of nginx's CPU, at most ${target}`);
  }
  for (const { proxy } of proxies) await proxy.stop();
  backEnd.stop();
}

// -- load

const TIMES = {
  validUntil: 4_000_000_000,
  staleWhileRevalidateUntil: 0,
  staleIfErrorUntil: 0,
  date: 0,
  lastModified: -1,
};

function headFor(key: string): EntryHead {
  const fields = 'Content-Type: text/plain\r\nContent-Length: 10\r\n';
  return { ...TIMES, key, etag: '', vary: '', variant: '', status: 200, reason: 'OK', version: 11, fields, tags: [] };
}

/** Fills a directory with small entries. */
function fill(path: string, count: number): void {
  const body = Buffer.from('0123456789');
  for (let i = 0; i < count; i++) {
    const key = `http://back_end/fill/${i}`;
    const writer = new EntryWriter(
      { path: entryPath({ path, levels: [1, 2] }, hashOf(key)), temporary: { path: `${path}-temp`, levels: [] } },
      headFor(key),
    );
    writer.write(body, 0, body.length);
    writer.finish();
  }
}

/** Latencies of hits in ms, sorted. */
async function latencies(port: number, path: string, during: () => boolean): Promise<number[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const times: number[] = [];
  const client = async (): Promise<void> => {
    while (during()) {
      const start = performance.now();
      await get(port, path, agent);
      times.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  agent.destroy();
  return times.sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.floor(sorted.length * p)] ?? Number.NaN;
}

async function measureLoad(): Promise<void> {
  const backEnd = new BackEnd();
  const backEndPort = await backEnd.start();
  const directory = join(root, 'load');
  mkdirSync(directory);
  const cache = join(directory, 'cache');
  const port = await freePort();
  const quietProxy = await ProxyProcess.start(configuration(port, backEndPort, cache), directory);
  await get(port, '/1024/a');
  const quietEnd = Date.now() + 5000;
  const quiet = await latencies(port, '/1024/a', () => Date.now() < quietEnd);
  await quietProxy.stop();
  print(`load: writing ${entryCount} entries`);
  fill(cache, entryCount);
  const started = Date.now();
  // Without pauses, as the worst case; the default is 100 files every 50 ms.
  const text = configuration(port, backEndPort, cache, 'loader_files=1000 loader_sleep=5');
  const proxy = await ProxyProcess.start(text, directory);
  const isLoaded = (): boolean => /http file cache: .*M, bsize/.test(proxy.log.slice(-2000)) && loads() > 1;
  const loads = (): number => proxy.log.split('http file cache: ').length - 1;
  const busy = await latencies(port, '/1024/a', () => !isLoaded() && Date.now() < started + 600_000);
  const seconds = (Date.now() - started) / 1000;
  print(`load: ${entryCount} entries in ${seconds.toFixed(0)} s, ${busy.length} requests meanwhile`);
  const [before, meanwhile] = [percentile(quiet, 0.99), percentile(busy, 0.99)];
  check(isLoaded(), 'all entries were loaded');
  check(meanwhile <= 2 * before, `p99 ${meanwhile.toFixed(2)} ms while loading, ${before.toFixed(2)} ms before`);
  await proxy.stop();
  backEnd.stop();
}

// -- memory

function measureMemory(): void {
  const before = process.memoryUsage().rss;
  const entries = new CacheEntries(256 << 20);
  const user = { notify: () => {} };
  const started = performance.now();
  for (let i = 0; i < entryCount; i++) entries.stored(hashOf(String(i)), 1000, i, user, 1);
  const took = (performance.now() - started) / entryCount;
  globalThis.gc?.();
  const bytes = (process.memoryUsage().rss - before) / entryCount;
  check(entries.totals.files === entryCount, `${entryCount} entries, ${(took * 1000).toFixed(1)} µs each`);
  check(bytes <= 400, `${bytes.toFixed(0)} bytes per entry`);
}

// -- kills

/** Files of a cache: complete ones, and bytes on the disk. */
function diskOf(cache: string): { readonly files: number; readonly size: number } {
  let [files, size] = [0, 0];
  for (const entry of readdirSync(cache, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^[0-9a-f]{32}$/.test(entry.name)) continue;
    files++;
    size += sizeOnDisk(statSync(join(entry.parentPath, entry.name)).size);
  }
  return { files, size };
}

/** Starts the proxy in a directory in which another one may have been killed. */
async function restart(port: number, text: string, directory: string): Promise<ProxyProcess> {
  rmSync(join(directory, 'nginx.pid'), { force: true });
  const proxy = await ProxyProcess.start(text, directory);
  await untilAccepting(port, () => proxy.failures.length > 0);
  return proxy;
}

async function killDuringStores(): Promise<void> {
  const stores = Number(values.stores);
  const backEnd = new BackEnd();
  const backEndPort = await backEnd.start();
  const directory = join(root, 'kills');
  mkdirSync(directory);
  const cache = join(directory, 'cache');
  let stored = 0;
  let kills = 0;
  let wrong = 0;
  const sizes = [100, 5000, 70_000, 300_000];
  const pathOf = (i: number): string => `/${sizes[i % sizes.length]}/${i}`;
  while (stored < stores) {
    const port = await freePort();
    const proxy = await restart(port, configuration(port, backEndPort, cache), directory);
    const { pids } = proxy;
    let running = true;
    proxy.onExit(() => {
      running = false;
    });
    const timer = setTimeout(
      () => {
        kills++;
        for (const pid of pids) process.kill(pid, 'SIGKILL');
      },
      300 + Math.random() * 1500,
    );
    const client = async (): Promise<void> => {
      while (running && stored < stores) {
        const path = pathOf(stored++);
        try {
          if (!(await get(port, path)).body.equals(bodyOf(path))) wrong++;
        } catch {
          // Killed.
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    clearTimeout(timer);
    if (running) await proxy.stop();
  }
  check(wrong === 0, `${stores} stores with ${kills} kills: no wrong response`);
  const port = await freePort();
  const proxy = await restart(port, configuration(port, backEndPort, cache), directory);
  let [hits, bad] = [0, 0];
  for (let i = 0; i < stores; i++) {
    const answer = await get(port, pathOf(i));
    if (answer.cache === 'HIT') hits++;
    if (!answer.body.equals(bodyOf(pathOf(i)))) bad++;
  }
  check(bad === 0, `after the restart: ${hits} of ${stores} are hits, no response is wrong or truncated`);
  await proxy.stop();
  rmSync(join(directory, 'error.log'));
  const last = await restart(port, configuration(port, backEndPort, cache), directory);
  const reported = (): string | undefined => /http file cache: \S+ ([0-9.]+)M/.exec(last.log)?.[1];
  const deadline = Date.now() + 120_000;
  while (reported() === undefined && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  const disk = diskOf(cache);
  const ledger = Number(reported() ?? Number.NaN) * 2 ** 20;
  const largest = sizeOnDisk(310_000);
  check(
    Math.abs(ledger - disk.size) <= largest,
    `the ledger has ${Math.round(ledger)} bytes, the disk ${disk.size} in ${disk.files} files`,
  );
  await last.stop();
  backEnd.stop();
}

// -- full

async function fillDisk(): Promise<void> {
  const mount = join(root, 'small');
  mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount], { stdio: 'ignore' });
  } catch {
    print('full: skipped, a file system cannot be mounted');
    return;
  }
  try {
    const backEnd = new BackEnd();
    const backEndPort = await backEnd.start();
    const directory = join(root, 'full');
    mkdirSync(directory);
    const port = await freePort();
    const text = configuration(port, backEndPort, join(mount, 'cache'), 'use_temp_path=off');
    const proxy = await ProxyProcess.start(text, directory);
    let wrong = 0;
    for (let i = 0; i < 100; i++) {
      const path = `/70000/${i}`;
      const { status, body } = await get(port, path);
      if (status !== 200 || !body.equals(bodyOf(path))) wrong++;
    }
    check(wrong === 0, '100 responses are correct, although 2 MiB have room for 28 of them');
    check(/\[crit\].*failed \(28: No space left on device\)/.test(proxy.log), 'the full disk is logged');
    const { files } = diskOf(join(mount, 'cache'));
    check(files > 10 && files < 29, `${files} files are stored`);
    const left = execFileSync('find', [mount, '-name', '*.*', '-type', 'f'], { encoding: 'utf8' });
    check(left === '', 'no incomplete file is left');
    await proxy.stop();
    backEnd.stop();
  } finally {
    execFileSync('umount', [mount]);
  }
}

const parts: Readonly<Record<string, () => Promise<void> | void>> = {
  memory: measureMemory,
  hits: measureHits,
  load: measureLoad,
  kills: killDuringStores,
  full: fillDisk,
};
try {
  for (const [name, run] of Object.entries(parts)) if (chosen.includes(name)) await run();
} finally {
  if (existsSync(root)) rmSync(root, { recursive: true, force: true });
}
process.exit(failures === 0 ? 0 : 1);

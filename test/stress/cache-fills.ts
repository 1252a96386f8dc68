/**
 * Concurrent requests for responses that are not in the cache, over three workers: each is requested once, and all clients
 * get it while it arrives. Then the same during reloads, and while workers are killed: every response is the right one.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, type Running, serve } from '../cli/running.js';
import { get } from '../kit/index.js';

export interface FillsOptions {
  readonly keys: number;
  readonly clients: number;
  readonly reloads: number;
  readonly kills: number;
}

export interface FillsOutcome {
  /** Requests that the upstream got, by key, as long as no worker was killed. */
  readonly coldRequests: readonly number[];
  /** Clients that had the beginning of the response while the upstream waited with the rest. */
  readonly earlyClients: number;
  /** Statuses of the cache of the first part, with their numbers. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Complete responses during the faults. */
  readonly answered: number;
  /** Requests of connections that a worker had when it was killed. */
  readonly cut: number;
  /** Greatest number of requests for a key during the faults. */
  readonly mostRequests: number;
  /** ms of the longest response during the faults. */
  readonly longest: number;
}

interface Cleanup {
  after(fn: () => void): void;
}

/** ms; far longer than any response takes. */
const LOCK_TIMEOUT = 60_000;
/** ms. */
const RELOAD_TIMEOUT = 30_000;
/** ms between the pieces of a response, and their number, during the faults. */
const PIECE_INTERVAL = 4;
const PIECES = 8;
/** Bodies that are kept. */
const MAX_BODIES = 500;

const bodies = new Map<string, Buffer>();

/** The response for a path: up to 200 KB, which differs from all others everywhere. */
function bodyOf(path: string): Buffer {
  let body = bodies.get(path);
  if (body === undefined) {
    const seed = createHash('sha256').update(path).digest();
    body = Buffer.alloc(1000 + (seed.readUInt32LE(0) % 200_000), seed);
    for (let at = 0; at + 8 < body.length; at += 512) body.writeUInt32LE(at, at);
    if (bodies.size > MAX_BODIES) bodies.clear();
    bodies.set(path, body);
  }
  return body;
}

/** An upstream that sends the first half of a response, and the rest when it is told to. */
class HoldingServer {
  readonly requests = new Map<string, number>();
  /** Holds the second half of each response until `release`; otherwise sends pieces in intervals. */
  holds = true;
  private readonly held = new Map<string, () => void>();
  private readonly released = new Set<string>();
  private readonly server = http.createServer((request, response) => this.answer(request.url ?? '', response));

  async listen(t: Cleanup): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', 4096, resolve));
    t.after(() => {
      this.server.closeAllConnections();
      this.server.close();
    });
    return (this.server.address() as AddressInfo).port;
  }

  release(path: string): void {
    this.released.add(path);
    this.held.get(path)?.();
  }

  private answer(path: string, response: http.ServerResponse): void {
    this.requests.set(path, (this.requests.get(path) ?? 0) + 1);
    const body = bodyOf(path);
    response.writeHead(200, { 'Content-Length': body.length, ETag: `"${path}"` });
    if (!this.holds) {
      this.sendPieces(body, response);
      return;
    }
    const half = body.length >> 1;
    response.write(body.subarray(0, half));
    const finish = () => response.end(body.subarray(half));
    if (this.released.has(path)) finish();
    else this.held.set(path, finish);
  }

  private sendPieces(body: Buffer, response: http.ServerResponse): void {
    const size = Math.ceil(body.length / PIECES);
    let at = 0;
    const timer = setInterval(() => {
      response.write(body.subarray(at, at + size));
      at += size;
      if (at < body.length) return;
      clearInterval(timer);
      response.end();
    }, PIECE_INTERVAL);
    response.on('close', () => clearInterval(timer));
  }
}

interface Answer {
  readonly worker: number;
  readonly cache: string;
  readonly status: number;
  readonly body: Buffer;
  /** All declared bytes have arrived. */
  readonly complete: boolean;
}

/** Sends a request on a connection of its own; rejects if there is no response at all. `begun`: its first bytes are there. */
function request(port: number, path: string, begun?: () => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => {
        if (parts.push(part) === 1) begun?.();
      });
      response.on('error', () => {});
      response.on('close', () =>
        resolve({
          worker: Number(response.headers['x-worker']),
          cache: String(response.headers['x-cache']),
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts),
          complete: response.complete,
        }),
      );
    });
    sent.on('error', reject);
  });
}

function configuration(port: number, upstream: number, version: number): string {
  return `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice; worker_processes 3;
    events { worker_connections 8192; }
    http {
      access_log off;
      proxy_cache_path %%DIR%%/cache levels=1:2 keys_zone=fills:10m;
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location = /version { return 200 ${version}; }
        location / {
          proxy_pass http://127.0.0.1:${upstream};
          proxy_cache fills; proxy_cache_key $uri; proxy_cache_valid 200 1h;
          proxy_cache_lock on stream; proxy_cache_lock_timeout ${LOCK_TIMEOUT}ms; proxy_cache_lock_age ${LOCK_TIMEOUT}ms;
          add_header X-Worker $pid; add_header X-Cache $upstream_cache_status;
        }
      }
    }`;
}

function workersOf({ child: { pid } }: Running): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

function check(path: string, { status, cache, body }: Answer): void {
  if (status !== 200) throw new Error(`${path}: status ${status}`);
  const expected = bodyOf(path);
  if (body.equals(expected)) return;
  const at = body.findIndex((byte, i) => byte !== expected[i]);
  throw new Error(`${path}: ${cache} with ${body.length} bytes of ${expected.length}, first difference at ${at}`);
}

/** Waits until the configuration with that version is in force. */
async function reloaded(port: number, version: number): Promise<void> {
  const deadline = performance.now() + RELOAD_TIMEOUT;
  while ((await get(port, '/version').catch(() => null))?.body !== String(version)) {
    if (performance.now() > deadline) throw new Error(`reload ${version} is not obeyed`);
    await pause(5);
  }
}

/** Rejects if a response is not the right one. */
export async function fillConcurrently(t: Cleanup, options: FillsOptions): Promise<FillsOutcome> {
  const upstream = new HoldingServer();
  const upstreamPort = await upstream.listen(t);
  const port = await freePort();
  const proxy = await serve(t, configuration(port, upstreamPort, 0));
  try {
    const cold = await fillCold(upstream, port, options);
    upstream.holds = false;
    upstream.requests.clear();
    const faults = await fillDuringFaults(proxy, upstream, port, upstreamPort, options);
    proxy.signal('SIGQUIT');
    const code = await proxy.exited;
    if (code !== 0) throw new Error(`QUIT ended with ${code}`);
    return { ...cold, ...faults };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${proxy.prefix.log.slice(-4000)}`);
  }
}

async function fillCold(upstream: HoldingServer, port: number, { keys, clients }: FillsOptions) {
  const waiting = new Map<string, number>();
  const paths = Array.from({ length: clients }, (_, i) => `/cold/${i % keys}`);
  for (const path of paths) waiting.set(path, (waiting.get(path) ?? 0) + 1);
  let earlyClients = 0;
  const answers = await Promise.all(
    paths.map((path) =>
      request(port, path, () => {
        earlyClients++;
        const left = (waiting.get(path) ?? 0) - 1;
        waiting.set(path, left);
        // The last of its clients has the beginning: only now the upstream sends the rest.
        if (left === 0) upstream.release(path);
      }),
    ),
  );
  const statuses: Record<string, number> = {};
  for (const [i, answer] of answers.entries()) {
    check(paths[i] ?? '', answer);
    statuses[answer.cache] = (statuses[answer.cache] ?? 0) + 1;
  }
  return { coldRequests: [...new Set(paths)].map((path) => upstream.requests.get(path) ?? 0), earlyClients, statuses };
}

async function fillDuringFaults(
  proxy: Running,
  upstream: HoldingServer,
  port: number,
  upstreamPort: number,
  { keys, clients, reloads, kills }: FillsOptions,
) {
  const killed = new Set<number>();
  let [answered, cut, longest, round] = [0, 0, 0, 0];
  let isLoaded = true;
  const load = Array.from({ length: clients }, async (_, client) => {
    for (let i = client; isLoaded; i++) {
      // Each key is requested by several clients at about the same time.
      const path = `/faults/${round}/${i % keys}`;
      const [start, before] = [performance.now(), killed.size];
      const answer = await request(port, path).catch(() => null);
      if (answer === null || !answer.complete) {
        const isExcused = answer === null ? killed.size > before : killed.has(answer.worker);
        if (!isExcused) throw new Error(`${path}: ${answer?.body.length ?? 'no'} bytes of worker ${answer?.worker}`);
        cut++;
        continue;
      }
      check(path, answer);
      answered++;
      longest = Math.max(longest, performance.now() - start);
    }
  });
  const failed = Promise.all(load).then(() => new Promise<never>(() => {}));
  const inject = async (): Promise<void> => {
    for (let done = 1; done <= reloads; done++) {
      round = done;
      const [victim] = workersOf(proxy);
      if (Math.floor((done * kills) / reloads) > killed.size && victim !== undefined) {
        killed.add(victim);
        process.kill(victim, 'SIGKILL');
      }
      proxy.prefix.write('nginx.conf', configuration(port, upstreamPort, done));
      proxy.signal('SIGHUP');
      await reloaded(port, done);
    }
  };
  try {
    await Promise.race([inject(), failed]);
  } finally {
    isLoaded = false;
  }
  await Promise.all(load);
  const mostRequests = Math.max(0, ...upstream.requests.values());
  return { answered, cut, mostRequests, longest: Math.round(longest) };
}

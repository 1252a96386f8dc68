/**
 * Cost of circuit breakers: CPU time of the proxy per request.
 *
 *   node dist/bench/circuit-breaker.js [requests] [rounds]
 *
 * `proxied`: without a breaker; `closed`: the same with one; `open`: refused by one; `return`: a location that returns the same
 * status itself, which is what every response costs. All four alternate; the medians are printed, and as parts of a proxied
 * request: `decision`, by which a refusal exceeds `return`, and `whole`, the refusal with reading the request and sending the
 * response. Requests come one by one on 16 connections, and then 20 at once on one (pipelining), where each costs less. If nginx
 * is installed, its `return` is compared with its proxied requests in the same way.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';
import { program } from './peers.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const [count = 10_000, rounds = 7] = process.argv.slice(2).map(Number);
/** Connections, and the requests on their way at once on each. */
const LOADS = [
  { name: 'one by one', connections: 16, depth: 1 },
  { name: 'pipelined', connections: 1, depth: 20 },
] as const;
type Load = (typeof LOADS)[number];
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-breaker-'));
const port = await closedPort();
const backendPort = await closedPort();
const PATHS = ['proxied', 'closed', 'open', 'return'] as const;

async function requests(path: string, number: number, { connections, depth }: Load): Promise<void> {
  const each = Math.ceil(number / connections);
  await Promise.all(Array.from({ length: connections }, () => connection(path, each, depth)));
}

function connection(path: string, number: number, depth: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    const text = `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    let left = number;
    let pending = 0;
    let rest = '';
    const send = (): void => {
      const more = Math.min(depth, left) - pending;
      pending += more;
      if (more > 0) socket.write(text.repeat(more));
    };
    socket.on('data', (chunk) => {
      const parts = (rest + String(chunk)).split('HTTP/1.1 ');
      const complete = parts.length - 1;
      rest = (parts.at(-1) ?? '').slice(-9);
      left -= complete;
      pending -= complete;
      if (left <= 0) {
        socket.destroy();
        resolve();
      } else if (pending <= depth / 2) send();
    });
    socket.on('error', reject);
    send();
  });
}

const backend = spawn(process.execPath, [fileURLToPath(new URL('back-end.js', import.meta.url)), String(backendPort)], {
  stdio: 'ignore',
});

function configuration(breaker: boolean): string {
  const [closed, open] = breaker ? ['circuit_breaker on;', 'circuit_breaker failures=1 open=1h;'] : ['', ''];
  return `worker_processes 1; events {} http { access_log off; keepalive_requests 1000000;
    upstream app { server 127.0.0.1:${backendPort}; keepalive 64; }
    server { listen 127.0.0.1:${port};
      proxy_http_version 1.1; proxy_set_header Connection "";
      location = /proxied { proxy_pass http://app/; }
      location = /closed { ${closed} proxy_pass http://app/; }
      location = /open { ${open} proxy_pass http://127.0.0.1:1/; }
      location = /return { return 503; } } }`;
}

async function measure(name: ProxyName): Promise<void> {
  const paths = name === 'nginx' ? (['proxied', 'return'] as const) : PATHS;
  const proxy = await ProxyProcess.start(configuration(name === 'tsproxy'), directory, name);
  try {
    for (const load of LOADS) {
      for (const path of paths) await requests(path, 2000, load);
      const costs = new Map<string, number[]>(paths.map((path) => [path, []]));
      for (let round = 0; round < rounds; round++) {
        for (const path of paths) {
          const before = cpuMicroseconds(proxy.pids);
          await requests(path, count, load);
          costs.get(path)?.push((cpuMicroseconds(proxy.pids) - before) / count);
        }
      }
      const median = (path: string): number =>
        [...(costs.get(path) ?? [])].sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN;
      const share = (cost: number): string => `${((cost / median('proxied')) * 100).toFixed(1)}%`;
      const each = paths.map((path) => `${path} ${median(path).toFixed(1)} us`).join(', ');
      const shares =
        name === 'nginx'
          ? `return ${share(median('return'))}`
          : `decision ${share(median('open') - median('return'))}, whole ${share(median('open'))}`;
      process.stdout.write(`${name}, ${load.name}: ${each}: ${shares}\n`);
    }
  } finally {
    await proxy.stop();
  }
}

try {
  await measure('tsproxy');
  if (program('nginx') !== null) await measure('nginx');
} finally {
  backend.kill();
  rmSync(directory, { recursive: true, force: true });
}

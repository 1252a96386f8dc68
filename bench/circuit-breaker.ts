/**
 * Cost of circuit breakers: CPU time of the proxy per request.
 *
 *   node dist/bench/circuit-breaker.js [requests] [rounds]
 *
 * `proxied`: without a breaker; `closed`: the same with one; `open`: refused by one; `return`: a location that returns the same
 * status itself, which is what remains of a request without a breaker. All four alternate; the medians are printed. `share` is the
 * part of a proxied request that the decision of an open breaker costs.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';
import { ProxyProcess } from './proxy-process.js';

const [count = 10_000, rounds = 7] = process.argv.slice(2).map(Number);
/** Requests on their way at once. */
const DEPTH = 20;
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-breaker-'));
const port = await closedPort();
const backendPort = await closedPort();
const PATHS = ['proxied', 'closed', 'open', 'return'] as const;

function requests(path: string, number: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    const text = `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    let left = number;
    let pending = 0;
    let rest = '';
    const send = (): void => {
      const more = Math.min(DEPTH, left) - pending;
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
      } else if (pending < DEPTH / 2) send();
    });
    socket.on('error', reject);
    send();
  });
}

const backend = spawn(process.execPath, [fileURLToPath(new URL('back-end.js', import.meta.url)), String(backendPort)], {
  stdio: 'ignore',
});
const text = `worker_processes 1; events {} http { access_log off; keepalive_requests 1000000;
  upstream app { server 127.0.0.1:${backendPort}; keepalive 64; }
  server { listen 127.0.0.1:${port};
    location = /proxied { proxy_pass http://app/; }
    location = /closed { circuit_breaker on; proxy_pass http://app/; }
    location = /open { circuit_breaker failures=1 open=1h; proxy_pass http://127.0.0.1:1/; }
    location = /return { return 503; } } }`;
const proxy = await ProxyProcess.start(text, directory);
try {
  for (const path of PATHS) await requests(path, 2000);
  const costs = new Map<string, number[]>(PATHS.map((path) => [path, []]));
  for (let round = 0; round < rounds; round++) {
    for (const path of PATHS) {
      const before = cpuMicroseconds(proxy.pids);
      await requests(path, count);
      costs.get(path)?.push((cpuMicroseconds(proxy.pids) - before) / count);
    }
  }
  const median = (path: string): number =>
    [...(costs.get(path) ?? [])].sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN;
  for (const path of PATHS) process.stdout.write(`${path}: ${median(path).toFixed(1)} us\n`);
  const share = (median('open') - median('return')) / median('proxied');
  process.stdout.write(`share: ${(share * 100).toFixed(1)}%\n`);
} finally {
  await proxy.stop();
  backend.kill();
  rmSync(directory, { recursive: true, force: true });
}

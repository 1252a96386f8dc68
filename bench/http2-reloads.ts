/**
 * Reloads under load over HTTP/2: `h2load` with 100 connections of 10 streams each, while a master with two workers replaces its
 * configuration 100 times. No request may fail, and no connection may end.
 *
 *   node dist/bench/http2-reloads.js [reloads] [connections]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { get } from '../test/kit/index.js';
import { program } from './peers.js';
import { ProxyProcess } from './proxy-process.js';
import { freePort } from './scenarios.js';

const run = promisify(execFile);
const reloads = Number(process.argv[2] ?? 100);
const connections = Number(process.argv[3] ?? 100);
const h2load = program('h2load');
if (h2load === null) {
  process.stdout.write('h2load is needed (Debian: apt-get install nghttp2-client)\n');
  process.exit(0);
}
const port = await freePort();
const backEnd = await freePort();
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-http2-reloads-'));
const text = (version: number): string => `worker_processes 2;
  events {}
  http {
    http2 on; access_log off; keepalive_requests 100000000;
    upstream back_end { server 127.0.0.1:${backEnd}; keepalive 1000; }
    server { listen 127.0.0.1:${backEnd} backlog=4096; return 200 hello; }
    server { listen 127.0.0.1:${port};
      location = /version { return 200 ${version}; }
      location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://back_end; } }
  }`;
const proxy = await ProxyProcess.start(text(0), directory);

let version = 0;
const started = Date.now();
const reloading = (async () => {
  while (version < reloads) {
    const current = String(++version);
    await proxy.reloadTo(text(version), async () => {
      const answer = await get(port, '/version').catch(() => null);
      return answer?.body === current;
    });
  }
})();

let succeeded = 0;
let requests = 0;
const words = ['-n', String(connections * 100), '-c', String(connections), '-m', '10', `http://127.0.0.1:${port}/`];
do {
  const { stdout } = await run(h2load, words);
  if (!stdout.includes(' 0 failed')) process.stdout.write(`${stdout}\n${proxy.log.slice(-3000)}\n`);
  requests += connections * 100;
  succeeded += Number(/(\d+) succeeded/.exec(stdout)?.[1] ?? 0);
} while (version < reloads);
await reloading;
await proxy.stop();
rmSync(directory, { recursive: true, force: true });
const seconds = ((Date.now() - started) / 1000).toFixed(1);
const failed = requests - succeeded;
process.stdout.write(`${version} reloads in ${seconds} s: ${requests} requests, ${failed} failed\n`);
for (const failure of proxy.failures) process.stdout.write(`${failure}\n`);
process.exitCode = failed === 0 && proxy.failures.length === 0 ? 0 : 1;

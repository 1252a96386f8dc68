/**
 * CPU time of compression, in tsproxy and nginx in turn with the same configuration and back end:
 *
 *   node dist/bench/compression.js [--seconds 5] [--rounds 3] [--size 65536] [--nginx /path/to/nginx]
 *
 * Prints the CPU time per response of JSON with gzip at levels 1 and 6 and without compression, and for tsproxy also with
 * Brotli and, if this version of Node.js has it, Zstandard. A run begins with one second that does not count.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hasZstd } from '../src/encoding/zlib-codecs.js';
import { cpuMicroseconds } from './accounting.js';
import { start, twoCores, wrk } from './peers.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';
import { freePort, outputOf, printed } from './scenarios.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    size: { type: 'string', default: '65536' },
    nginx: { type: 'string' },
  },
});
const PEERS: readonly ProxyName[] = ['nginx', 'tsproxy'];
const SECONDS = Number(values.seconds);

interface Case {
  readonly name: string;
  /** First part of the path. */
  readonly path: string;
  readonly accepted: string;
  /** Directives of the location. */
  readonly directives: string;
  /** Whether nginx has them. */
  readonly nginx: boolean;
}

const CASES: readonly Case[] = [
  { name: 'uncompressed', path: 'plain', accepted: 'identity', directives: '', nginx: true },
  { name: 'gzip 1', path: 'gzip1', accepted: 'gzip', directives: 'gzip on; gzip_comp_level 1;', nginx: true },
  { name: 'gzip 6', path: 'gzip6', accepted: 'gzip', directives: 'gzip on; gzip_comp_level 6;', nginx: true },
  { name: 'br 4', path: 'br4', accepted: 'br', directives: 'brotli on; brotli_comp_level 4;', nginx: false },
  { name: 'br 6', path: 'br6', accepted: 'br', directives: 'brotli on; brotli_comp_level 6;', nginx: false },
  ...(hasZstd()
    ? [{ name: 'zstd 3', path: 'zstd3', accepted: 'zstd', directives: 'zstd on; zstd_comp_level 3;', nginx: false }]
    : []),
];

function configuration(port: number, backEnd: number, directory: string, peer: ProxyName): string {
  const types = ['gzip', ...(peer === 'tsproxy' ? ['brotli', 'zstd'] : [])].map((name) => `${name}_types *;`);
  const locations = CASES.filter(({ nginx }) => nginx || peer === 'tsproxy').map(
    ({ path, directives }) => `location /${path}/ { ${directives} proxy_pass http://back_end/json/; }`,
  );
  return `
    user root;
    worker_processes 1;
    events { worker_connections 1024; }
    http {
      access_log off;
      error_log error.log crit;
      keepalive_requests 100000000;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`).join('\n')}
      upstream back_end { server 127.0.0.1:${backEnd}; keepalive 512; }
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${types.join(' ')}
      server {
        listen 127.0.0.1:${port} backlog=4096;
        ${locations.join('\n')}
      }
    }`;
}

/** µs of CPU time per response. */
async function costOf(proxy: ProxyProcess, url: string, accepted: string): Promise<number> {
  const load = async (seconds: number): Promise<number> => {
    const words = [wrk() ?? 'wrk', '-t1', '-c16', `-d${seconds}s`, '-H', `Accept-Encoding: ${accepted}`, url];
    const output = await outputOf(start(words, 'rest', twoCores()));
    const bad = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(output);
    if (bad !== null) throw new Error(`${url}: ${bad[0]}`);
    return Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  };
  await load(1);
  const before = cpuMicroseconds(proxy.pids);
  const count = await load(SECONDS);
  return (cpuMicroseconds(proxy.pids) - before) / count;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-compression-'));
const backEndPort = await freePort();
const script = fileURLToPath(new URL('./back-end.js', import.meta.url));
const backEnd = start([process.execPath, script, `${backEndPort}`], 'rest', twoCores());
const costs = new Map<string, number[]>();
try {
  await printed(backEnd, /ready\n/);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const peer of PEERS) {
      const own = join(directory, `${peer}-${round}`);
      mkdirSync(own);
      const port = await freePort();
      const proxy = await ProxyProcess.start(configuration(port, backEndPort, own, peer), own, peer, values.nginx);
      try {
        for (const { name, path, accepted, nginx } of CASES) {
          if (!nginx && peer === 'nginx') continue;
          const cost = await costOf(proxy, `http://127.0.0.1:${port}/${path}/${values.size}`, accepted);
          costs.set(`${name} ${peer}`, [...(costs.get(`${name} ${peer}`) ?? []), cost]);
        }
      } finally {
        await proxy.stop();
      }
    }
  }
} finally {
  backEnd.kill();
  rmSync(directory, { recursive: true, force: true });
}
for (const { name, nginx } of CASES) {
  const own = median(costs.get(`${name} tsproxy`) ?? []);
  const other = median(costs.get(`${name} nginx`) ?? []);
  const comparison = nginx ? `, nginx ${other.toFixed(0)} µs (${(own / other).toFixed(2)})` : '';
  process.stdout.write(`${name.padEnd(14)} tsproxy ${own.toFixed(0)} µs${comparison}\n`);
}

/**
 * Access control, in tsproxy and nginx in turn with the same configuration and back end:
 *
 *   node dist/bench/access.js [--seconds 3] [--rounds 3] [--peers tsproxy,nginx] [--guesses 100] [--phases 7] [--only open,auth_basic,guesses]
 *
 * First the CPU time per request: without access control, with `auth_basic` (the same user again and again), with
 * `auth_request` to the back end, and with `auth_jwt` (tsproxy only). Then the latency of requests without passwords
 * while a client guesses passwords at the given rate per second, for a hash that takes milliseconds ($apr1$), one that takes
 * tens of milliseconds ($6$) and one that takes a tenth of a second ($2y$10$). Phases with and without guesses alternate, so
 * that both see the same other load of the machine; the figures are medians over the phases.
 */
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuMicroseconds } from './accounting.js';
import { start, twoCores, wrk } from './peers.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';
import { freePort, outputOf, printed, WARM_UP } from './scenarios.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string', default: 'tsproxy,nginx' },
    guesses: { type: 'string', default: '100' },
    phases: { type: 'string', default: '7' },
    only: { type: 'string' },
  },
});
const SECONDS = Number(values.seconds);
const SECRET = 'a secret of thirty-two characters';
const HASHES = {
  $apr1$: '$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.',
  $6$: '$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.',
  $2y$10$: '$2y$10$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW',
} as const;

function basic(password: string): string {
  return `Basic ${Buffer.from(`joe:${password}`).toString('base64')}`;
}

function token(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'HS256' })}.${part({ sub: 'joe', exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `Bearer ${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

function configuration(port: number, backEnd: number, directory: string, peer: ProxyName): string {
  const jwt = 'location /jwt/ { auth_jwt bench; auth_jwt_key_file keys.json; proxy_pass http://back_end/; }';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    user root;
    worker_processes 1;
    events { worker_connections 1024; }
    http {
      access_log off;
      error_log error.log crit;
      keepalive_requests 100000000;
      ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n')}
      upstream back_end { server 127.0.0.1:${backEnd}; keepalive 512; }
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / { proxy_pass http://back_end; }
        location /basic/ { auth_basic bench; auth_basic_user_file users; proxy_pass http://back_end/; }
        location /sha/ { auth_basic bench; auth_basic_user_file sha-users; proxy_pass http://back_end/; }
        location /slow/ { auth_basic bench; auth_basic_user_file slow-users; proxy_pass http://back_end/; }
        location /request/ { auth_request /auth; proxy_pass http://back_end/; }
        location = /auth { internal; proxy_pass_request_body off; proxy_pass http://back_end/bytes/0; }
        location /text { return 200 text; }
        location /basic-text { auth_basic bench; auth_basic_user_file users; alias ${directory}/file; }
        location /file { alias ${directory}/file; }
        ${peer === 'tsproxy' ? jwt : ''}
      }
    }`;
}

/** µs of CPU per request. */
async function costOf(proxy: ProxyProcess, port: number, path: string, authorization: string): Promise<number> {
  const cores = twoCores();
  const load = async (seconds: number): Promise<number> => {
    const url = `http://127.0.0.1:${port}${path}`;
    const header = ['-H', `Authorization: ${authorization}`];
    const output = await outputOf(
      start([wrk() ?? 'wrk', '-t1', '-c32', `-d${seconds}s`, ...header, url], 'rest', cores),
    );
    const bad = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(output);
    if (bad !== null) throw new Error(`${path}: ${bad[0]}`);
    return Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
  };
  // As in scenarios.ts: a second is too short for the code to be optimized.
  for (let warm = 0, runs = 0; warm < WARM_UP && runs < 10; runs++) warm += await load(1);
  const before = cpuMicroseconds(proxy.pids);
  const count = await load(SECONDS);
  return (cpuMicroseconds(proxy.pids) - before) / count;
}

const keepAlive = new Agent({ keepAlive: true, maxSockets: 512 });

/** Latency in ms. */
function ask(port: number, path: string, authorization: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    get({ port, path, agent: keepAlive, headers: { Authorization: authorization } }, (response) => {
      response.resume().once('end', () => resolve(performance.now() - began));
    }).once('error', reject);
  });
}

/** Latency of 200 requests per second, in ms: the median and the 99th percentile. */
async function latency(port: number, seconds: number): Promise<readonly [median: number, p99: number]> {
  const pending: Promise<number>[] = [];
  const began = performance.now();
  for (let i = 0; i < seconds * 200; i++) {
    const wait = began + i * 5 - performance.now();
    if (wait > 0) await pause(wait);
    pending.push(ask(port, '/', ''));
  }
  const times = (await Promise.all(pending)).sort((a, b) => a - b);
  return [times[Math.floor(times.length / 2)] ?? 0, times[Math.floor(times.length * 0.99)] ?? 0];
}

/** Paths by the format of their passwords. */
const GUESSED = { $apr1$: '/basic/', $6$: '/sha/', $2y$10$: '/slow/' } as const;

/** Latencies of requests without passwords in alternating phases: without and with guesses at a path. */
async function guessed(port: number, path: string): Promise<string> {
  const quiet: (readonly number[])[] = [];
  const during: (readonly number[])[] = [];
  for (let phase = 1; phase <= Number(values.phases); phase++) {
    quiet.push(await latency(port, SECONDS));
    const stop = guess(port, path);
    await pause(300);
    during.push(await latency(port, SECONDS));
    stop();
    // The queue of passwords becomes empty.
    await pause(path === GUESSED.$apr1$ ? 300 : 4000);
  }
  const figures = (phases: readonly (readonly number[])[]) =>
    [0, 1].map((i) => median(phases.map((figure) => figure[i] ?? 0)).toFixed(1)).join(' / ');
  const rise = median(during.map((figure, i) => (figure[1] ?? 0) - (quiet[i]?.[1] ?? 0)));
  return `median / p99 quiet ${figures(quiet)} ms, with guesses ${figures(during)} ms; p99 rises by ${rise.toFixed(1)} ms`;
}

/** Guesses passwords until `stop` is called. */
function guess(port: number, path: string): () => void {
  let number = 0;
  const timer = setInterval(
    () => void ask(port, path, basic(`guess ${number++}`)).catch(() => {}),
    1000 / Number(values.guesses),
  );
  return () => clearInterval(timer);
}

const SCENARIOS: readonly (readonly [name: string, path: string, authorization: string])[] = [
  ['open', '/', basic('password')],
  ['auth_basic', '/basic/', basic('password')],
  ['auth_request', '/request/', ''],
  ['auth_jwt', '/jwt/', token()],
  ['file', '/file', basic('password')],
  ['file, auth_basic', '/basic-text', basic('password')],
];

function chosen(name: string): boolean {
  return values.only === undefined || values.only.split(',').includes(name);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-access-'));
const backEndPort = await freePort();
const script = fileURLToPath(new URL('./back-end.js', import.meta.url));
const backEnd = start([process.execPath, script, `${backEndPort}`], 'rest', twoCores());
const costs = new Map<string, number[]>();
const latencies: string[] = [];
try {
  await printed(backEnd, /ready\n/);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const peer of values.peers.split(',') as ProxyName[]) {
      const own = join(directory, `${peer}-${round}`);
      mkdirSync(own);
      writeFileSync(join(own, 'users'), `joe:${HASHES.$apr1$}\n`);
      writeFileSync(join(own, 'sha-users'), `joe:${HASHES.$6$}\n`);
      writeFileSync(join(own, 'slow-users'), `joe:${HASHES.$2y$10$}\n`);
      writeFileSync(join(own, 'file'), 'x'.repeat(100));
      const keys = { keys: [{ kty: 'oct', k: Buffer.from(SECRET).toString('base64url') }] };
      writeFileSync(join(own, 'keys.json'), JSON.stringify(keys));
      const port = await freePort();
      const proxy = await ProxyProcess.start(configuration(port, backEndPort, own, peer), own, peer);
      try {
        for (const [name, path, authorization] of SCENARIOS) {
          if (!chosen(name) || (name === 'auth_jwt' && peer !== 'tsproxy')) continue;
          const key = `${name} ${peer}`;
          costs.set(key, [...(costs.get(key) ?? []), await costOf(proxy, port, path, authorization)]);
        }
        if (round > 1 || !chosen('guesses')) continue;
        for (const [format, path] of Object.entries(GUESSED)) {
          // nginx computes hashes in its event loop: at this rate it would not serve anything for minutes.
          if (peer === 'nginx' && format !== '$apr1$') continue;
          latencies.push(`${peer}, ${format}: ${await guessed(port, path)}`);
        }
      } finally {
        await proxy.stop();
      }
    }
  }
} finally {
  keepAlive.destroy();
  backEnd.kill();
  rmSync(directory, { recursive: true, force: true });
}
for (const [name] of SCENARIOS.filter(([each]) => chosen(each))) {
  const cells = (['tsproxy', 'nginx'] as const).map((peer) => median(costs.get(`${name} ${peer}`) ?? []));
  const [own = Number.NaN, nginx = Number.NaN] = cells;
  const open = median(costs.get(`${name.startsWith('file') ? 'file' : 'open'} tsproxy`) ?? []);
  const text = `tsproxy ${own.toFixed(1)} µs, nginx ${nginx.toFixed(1)} µs (${(own / nginx).toFixed(2)}), without access control ${(own / open).toFixed(2)}`;
  process.stdout.write(`${name.padEnd(18)} ${text}\n`);
}
process.stdout.write(`${latencies.join('\n')}\n`);

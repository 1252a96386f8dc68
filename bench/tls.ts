/**
 * CPU time and memory over TLS 1.3 in comparison with nginx, one worker each, in turn; medians of the rounds:
 * `node dist/bench/tls.js [--side client] [--seconds 2] [--rounds 1] [--handshakes 2000] [--only get,handshake,ws,idle]`.
 * `--side upstream`: clients are plain, and the back end uses TLS; then `handshake` and `resumed` are connections to it, each
 * for one request. `NGINX_BINARY` names nginx's binary; tsproxy runs with the version of Node that runs this script.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuMicroseconds, tree } from './accounting.js';
import { nginxConfiguration, ownDirectory, program, ROOT, start, twoCores } from './peers.js';
import { type Figure, freePort, idle, messages, printed, requests, type Scenario, type Target } from './scenarios.js';

const { values } = parseArgs({
  options: {
    side: { type: 'string', default: 'client' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '1' },
    handshakes: { type: 'string', default: '2000' },
    only: { type: 'string', default: 'get,handshake,resumed,ws,idle' },
  },
});
const cores = twoCores();
const script = (file: string): string => fileURLToPath(new URL(`./${file}`, import.meta.url));

/** Full handshakes with an ECDSA certificate, each with one request. */
const handshakes: Scenario = {
  id: 'handshake',
  title: 'handshake and one request',
  unit: 'µs',
  websockets: false,
  async measure({ pid, port }: Target): Promise<Figure> {
    const count = Number(values.handshakes);
    const load = start([process.execPath, script('handshake-load.js'), port, count, 3000].map(String), 'rest', cores);
    const done = printed(load, /done\n/);
    await printed(load, /counting\n/);
    const before = cpuMicroseconds(tree(pid));
    load.stdin?.write('go\n');
    await done;
    return { cost: (cpuMicroseconds(tree(pid)) - before) / count, rate: 0 };
  },
};

const CLIENT_SIDE: Readonly<Record<string, Scenario>> = {
  idle: idle('idle', 2000, 'wss'),
  get: requests('get', 'small answer, 32 connections', 32, '/', 'https'),
  handshake: handshakes,
  ws: messages('ws', 'WebSocket echo of 64 B, 32 connections', 32, 64, 'wss'),
};
const UPSTREAM_SIDE: Readonly<Record<string, Scenario>> = {
  idle: idle('idle', 2000),
  get: requests('get', 'small answer, 32 connections', 32, '/'),
  handshake: requests('handshake', 'handshake with the back end and one request', 8, '/handshake'),
  resumed: requests('resumed', 'resumed handshake with the back end and one request', 8, '/resumed'),
  ws: messages('ws', 'WebSocket echo of 64 B, 32 connections', 32, 64),
};
const upstreamSide = values.side === 'upstream';
const ALL = upstreamSide ? UPSTREAM_SIDE : CLIENT_SIDE;
const scenarios = Object.entries(ALL).flatMap(([name, each]) => (values.only.split(',').includes(name) ? [each] : []));

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-bench-'));
const certificate = [
  'req',
  '-x509',
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-nodes',
  '-subj',
  '/CN=localhost',
];
execFileSync('openssl', [...certificate, '-keyout', `${directory}/key`, '-out', `${directory}/crt`], {
  stdio: 'ignore',
});
const ssl = `ssl_certificate ${directory}/crt; ssl_certificate_key ${directory}/key; ssl_protocols TLSv1.3;`;
const nginx = process.env.NGINX_BINARY ?? program('nginx') ?? 'nginx';
const PEERS: Readonly<Record<string, (file: string, own: string) => string[]>> = {
  nginx: (file, own) => [nginx, '-c', file, '-p', `${own}/`, '-e', `${own}/error.log`],
  tsproxy: (file, own) => [
    process.execPath,
    join(ROOT, 'bin', 'tsproxy'),
    '-c',
    file,
    '-p',
    `${own}/`,
    '-e',
    'error.log',
  ],
};

const figures = new Map<string, number[]>();
const backEndPort = await freePort();
const secured = upstreamSide ? [`${directory}/crt`, `${directory}/key`] : [];
const backEnd = start([process.execPath, script('back-end.js'), `${backEndPort}`, ...secured], 'rest', cores);
try {
  await printed(backEnd, /ready\n/);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, command] of Object.entries(PEERS)) {
      const port = await freePort();
      const own = ownDirectory(directory, `${name}-${round}`);
      const file = join(own, 'nginx.conf');
      const [listenerSsl, scheme] = upstreamSide ? (['', 'https'] as const) : ([ssl, 'http'] as const);
      writeFileSync(file, nginxConfiguration(port, backEndPort, own, listenerSsl, scheme));
      const child = start(command(file, own), 'proxy', cores);
      child.stdout?.resume();
      await accepting(port);
      for (const scenario of scenarios) {
        const target = { pid: child.pid ?? 0, port, seconds: Number(values.seconds), cores };
        // On a busy machine the warm-up of a scenario is too short for the code to be optimized.
        if (scenario.websockets && scenario.unit === 'µs') await scenario.measure(target);
        const { cost } = await scenario.measure(target);
        const key = `${scenario.id} ${name}`;
        figures.set(key, [...(figures.get(key) ?? []), cost]);
      }
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('close', resolve));
    }
  }
} finally {
  backEnd.kill();
  rmSync(directory, { recursive: true, force: true });
}
for (const { id, title, unit } of scenarios) {
  const [theirs, ours] = ['nginx', 'tsproxy'].map((name) => median(figures.get(`${id} ${name}`) ?? []));
  if (theirs === undefined || ours === undefined) continue;
  const ratio = (ours / theirs).toFixed(2);
  process.stdout.write(
    `${title}: nginx ${theirs.toFixed(1)} ${unit}, tsproxy ${ours.toFixed(1)} ${unit}, ratio ${ratio}\n`,
  );
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** Waits until the port accepts connections. */
async function accepting(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const ready = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the proxy does not accept connections');
}

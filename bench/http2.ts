/**
 * CPU time per request over HTTP/2, measured with `h2load` (Debian: nghttp2-client): nginx, tsproxy, and a minimal proxy
 * with `node:http2`, all with the same back end, in turn within each round; medians of the rounds:
 * `node dist/bench/http2.js [--rounds 5] [--requests 10000] [--only get,64k,tls,tls-64k,upload,streamed] [--peers nginx,tsproxy,node]`.
 * `NGINX_BINARY` names nginx's binary. `--profile DIRECTORY` writes CPU profiles of tsproxy. `--previous CHECKOUT` adds another
 * version of tsproxy, built there. On a machine with other load, many short rounds are more precise than few long ones.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { cpuMicroseconds, tree } from './accounting.js';
import { program, ROOT, start, twoCores } from './peers.js';
import { freePort } from './scenarios.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '10000' },
    only: { type: 'string', default: 'get,64k,tls,tls-64k,upload,streamed' },
    peers: { type: 'string', default: 'nginx,tsproxy,node' },
    profile: { type: 'string' },
    previous: { type: 'string' },
  },
});
const cores = twoCores();
const h2load = program('h2load');
const nginx = process.env.NGINX_BINARY ?? program('nginx');
if (h2load === null || nginx === null) {
  process.stdout.write('h2load and nginx are needed (Debian: apt-get install nghttp2-client nginx)\n');
  process.exit(0);
}
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-http2-'));
// `bin/tsproxy` runs the `node` of the path.
process.env.PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;

interface Load {
  readonly title: string;
  readonly path: string;
  readonly tls: boolean;
  /** Requests in relation to those of `get`. */
  readonly share: number;
  readonly options: readonly string[];
}
const LOADS: Readonly<Record<string, Load>> = {
  get: { title: 'small GET', path: '/', tls: false, share: 1, options: [] },
  '64k': { title: '64 KiB', path: '/bytes/65536', tls: false, share: 0.25, options: [] },
  tls: { title: 'small GET over TLS', path: '/', tls: true, share: 1, options: [] },
  'tls-64k': { title: '64 KiB over TLS', path: '/bytes/65536', tls: true, share: 0.25, options: [] },
  upload: { title: '1 MiB upload', path: '/', tls: false, share: 0.02, options: ['-d', `${directory}/1m`] },
  streamed: {
    title: '1 MiB upload with proxy_request_buffering off',
    path: '/upload',
    tls: false,
    share: 0.02,
    options: ['-d', `${directory}/1m`],
  },
};
const loads = Object.entries(LOADS).filter(([name]) => values.only.split(',').includes(name));

/** The text for nginx and tsproxy. */
function configuration(port: number, tlsPort: number, backEnd: number, own: string): string {
  // A worker writes no profile.
  return `${values.profile === undefined ? '' : 'master_process off;'}
daemon off;
worker_processes 1;
pid ${own}/nginx.pid;
error_log ${own}/error.log;
events {
    worker_connections 9000;
}
http {
    access_log off;
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_temp_path ${own}/client_body;
    proxy_temp_path ${own}/proxy;
    fastcgi_temp_path ${own}/fastcgi;
    uwsgi_temp_path ${own}/uwsgi;
    scgi_temp_path ${own}/scgi;
    upstream back_end {
        server 127.0.0.1:${backEnd};
        keepalive 512;
    }
    server {
        listen 127.0.0.1:${port} backlog=4096;
        listen 127.0.0.1:${tlsPort} ssl backlog=4096;
        http2 on;
        ssl_certificate ${directory}/crt;
        ssl_certificate_key ${directory}/key;
        ssl_protocols TLSv1.3;
        location / {
            proxy_pass http://back_end;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
        location /upload {
            proxy_pass http://back_end;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }
    }
}
`;
}

interface Peer {
  readonly name: string;
  readonly pids: readonly number[];
  readonly port: number;
  readonly tlsPort: number;
}

const children: ReturnType<typeof start>[] = [];

async function run(command: readonly string[], ...ports: number[]): Promise<number> {
  const child = start(command, 'proxy', cores);
  children.push(child);
  child.stdout?.resume();
  for (const port of ports) await accepting(port);
  return child.pid ?? 0;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function accepting(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`port ${port} does not accept connections`);
}

function checkout(name: string): string {
  return name === 'previous' && values.previous !== undefined ? values.previous : ROOT;
}

async function startPeer(name: string, backEnd: number): Promise<Peer> {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const own = join(directory, name);
  mkdirSync(own, { mode: 0o777 });
  if (name === 'node') {
    const file = join(ROOT, 'bench', 'peers', 'node-http2.mjs');
    const plain = await run([process.execPath, file, `${port}`, `${backEnd}`], port);
    const secured = [process.execPath, file, `${tlsPort}`, `${backEnd}`, `${directory}/crt`, `${directory}/key`];
    return { name, pids: [plain, await run(secured, tlsPort)], port, tlsPort };
  }
  const file = join(own, 'nginx.conf');
  writeFileSync(file, configuration(port, tlsPort, backEnd, own));
  const executable = join(checkout(name), 'bin', 'tsproxy');
  // Without a profile the executable is run, which sets flags of Node itself.
  const node = values.profile === undefined ? [] : [process.execPath, '--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const program =
    name === 'nginx' ? [nginx as string, '-e', `${own}/error.log`] : [...node, executable, '-e', 'error.log'];
  return { name, pids: [await run([...program, '-c', file, '-p', `${own}/`], port, tlsPort)], port, tlsPort };
}

/** CPU time per request in µs. */
async function measure(peer: Peer, load: Load): Promise<number> {
  const count = Math.max(20, Math.round(Number(values.requests) * load.share));
  const url = load.tls ? `https://127.0.0.1:${peer.tlsPort}${load.path}` : `http://127.0.0.1:${peer.port}${load.path}`;
  const words = [h2load as string, '-n', `${count}`, '-c', '10', '-m', '10', ...load.options, url];
  const command = cores === null ? words : ['taskset', '-c', cores.rest, ...words];
  const [file = '', ...args] = command;
  const pids = peer.pids.flatMap((pid) => tree(pid));
  const before = cpuMicroseconds(pids);
  const { stdout } = await promisify(execFile)(file, args);
  const used = cpuMicroseconds(pids) - before;
  const [, succeeded] = /(\d+) 2xx/.exec(stdout) ?? [];
  if (Number(succeeded) !== count) throw new Error(`${peer.name}, ${load.title}: ${stdout}`);
  return used / count;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

const figures = new Map<string, number[]>();
try {
  const subject = ['-subj', '/CN=localhost', '-keyout', `${directory}/key`, '-out', `${directory}/crt`];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject],
    {
      stdio: 'ignore',
    },
  );
  writeFileSync(join(directory, '1m'), Buffer.alloc(1 << 20, 'x'));
  execFileSync('chmod', ['-R', 'a+rX', directory]);
  const backEnd = await freePort();
  const script = fileURLToPath(new URL('./back-end.js', import.meta.url));
  const child = start([process.execPath, script, `${backEnd}`], 'rest', cores);
  children.push(child);
  child.stdout?.resume();
  await accepting(backEnd);
  const peers: Peer[] = [];
  const names = values.peers.split(',');
  if (values.previous !== undefined) names.splice(names.indexOf('tsproxy'), 0, 'previous');
  for (const name of names) peers.push(await startPeer(name, backEnd));
  // Twice, so that the code is optimized.
  for (const [, load] of [...loads, ...loads]) for (const peer of peers) await measure(peer, load);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [id, load] of loads) {
      for (const peer of peers) {
        const key = `${id} ${peer.name}`;
        figures.set(key, [...(figures.get(key) ?? []), await measure(peer, load)]);
      }
    }
  }
  for (const [id, { title }] of loads) {
    const of = (name: string): readonly number[] => figures.get(`${id} ${name}`) ?? [];
    const text = peers.map(({ name }) => {
      const ratios = of(name).map((cost, i) => cost / (of('nginx')[i] ?? Number.NaN));
      const ratio = name === 'nginx' || of('nginx').length === 0 ? '' : ` (${median(ratios).toFixed(2)})`;
      return `${name} ${median(of(name)).toFixed(1)} µs${ratio}`;
    });
    process.stdout.write(`${title}: ${text.join(', ')}\n`);
  }
} finally {
  const running = children.filter((child) => child.exitCode === null);
  const ended = running.map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(ended);
  rmSync(directory, { recursive: true, force: true });
}

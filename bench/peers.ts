/** The proxies that are compared, each set up as its documentation says: one process (or thread) that serves, no access log. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A proxy that takes part. */
export interface Peer {
  readonly name: string;
  /** Passes on upgrades. */
  readonly websockets: boolean;
  /** Why it cannot take part on this machine, or null. */
  missing(): string | null;
  /** The command that serves on `port` what the back end answers. `directory` is empty and its own. */
  command(port: number, backEnd: number, directory: string): readonly string[];
}

/** The checkout: this file runs as dist/bench/peers.js. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NODE_PEERS = join(ROOT, 'bench', 'peers');

/** The first of these files that is there: Debian keeps servers where not everyone's PATH leads. */
export function program(name: string): string | null {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path)) ?? null;
}

/** The same text for nginx and tsproxy. */
function nginxConfiguration(port: number, backEnd: number, directory: string): string {
  return `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events {
    worker_connections 9000;
}
http {
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path ${directory}/client_body;
    proxy_temp_path ${directory}/proxy;
    fastcgi_temp_path ${directory}/fastcgi;
    uwsgi_temp_path ${directory}/uwsgi;
    scgi_temp_path ${directory}/scgi;
    upstream back_end {
        server 127.0.0.1:${backEnd};
        keepalive 512;
    }
    map $http_upgrade $connection_upgrade {
        default upgrade;
        '' '';
    }
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
            proxy_pass http://back_end;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h;
        }
    }
}
`;
}

function haproxyConfiguration(port: number, backEnd: number): string {
  return `
global
    maxconn 9000
    nbthread 1
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
    option http-keep-alive
    http-reuse always
frontend front
    bind 127.0.0.1:${port} backlog 4096
    default_backend back
backend back
    server one 127.0.0.1:${backEnd}
`;
}

function installed(name: string): Peer {
  return {
    name,
    websockets: name !== 'fast-proxy',
    missing: () =>
      existsSync(join(NODE_PEERS, 'node_modules', name)) ? null : 'not installed (npm did not reach its registry)',
    command: (port, backEnd) => [process.execPath, join(NODE_PEERS, `${name}.mjs`), `${port}`, `${backEnd}`],
  };
}

/** In the order in which they run and are printed; the first one is what the others are compared with. */
export const PEERS: readonly Peer[] = [
  {
    name: 'nginx',
    websockets: true,
    missing: () => (program('nginx') === null ? 'not installed (Debian: apt-get install nginx)' : null),
    command(port, backEnd, directory) {
      const file = join(directory, 'nginx.conf');
      writeFileSync(file, nginxConfiguration(port, backEnd, directory));
      return [program('nginx') ?? 'nginx', '-c', file, '-p', `${directory}/`, '-e', `${directory}/error.log`];
    },
  },
  {
    name: 'HAProxy',
    websockets: true,
    missing: () => (program('haproxy') === null ? 'not installed (Debian: apt-get install haproxy)' : null),
    command(port, backEnd, directory) {
      const file = join(directory, 'haproxy.cfg');
      writeFileSync(file, haproxyConfiguration(port, backEnd));
      return [program('haproxy') ?? 'haproxy', '-q', '-db', '-f', file];
    },
  },
  {
    name: 'tsproxy',
    websockets: true,
    missing: () => null,
    command(port, backEnd, directory) {
      const file = join(directory, 'nginx.conf');
      writeFileSync(file, nginxConfiguration(port, backEnd, directory));
      return [process.execPath, join(ROOT, 'bin', 'tsproxy'), '-c', file, '-p', `${directory}/`, '-e', 'error.log'];
    },
  },
  installed('http-proxy'),
  installed('http-proxy-3'),
  installed('fast-proxy'),
];

/** Installs the Node peers where they are not there yet. */
export function installNodePeers(): void {
  if (existsSync(join(NODE_PEERS, 'node_modules', 'http-proxy'))) return;
  process.stderr.write('installing the Node peers into bench/peers/node_modules …\n');
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], {
      cwd: NODE_PEERS,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 180_000,
    });
  } catch {
    process.stderr.write('npm could not install them; they are left out\n');
  }
}

/** The cores for the proxy and for everything else. */
export interface Cores {
  readonly proxy: string;
  readonly rest: string;
}

/** Starts a command on one of the cores; `cores` is null where processes cannot be bound. */
export function start(command: readonly string[], core: keyof Cores, cores: Cores | null): ChildProcess {
  const [file = '', ...args] = cores === null ? command : ['taskset', '-c', cores[core], ...command];
  return spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Where `taskset` is there, and two cores: one for the proxy and one for the rest. */
export function twoCores(): Cores | null {
  const taskset = program('taskset');
  if (taskset === null) return null;
  const list = execFileSync(taskset, ['-cp', `${process.pid}`], { encoding: 'utf8' })
    .replace(/^.*: /s, '')
    .trim();
  const cores = list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  const [proxy, rest] = cores;
  return proxy === undefined || rest === undefined ? null : { proxy: `${proxy}`, rest: `${rest}` };
}

/** `wrk`, or null where it is missing. */
export function wrk(): string | null {
  return program('wrk');
}

/** An empty directory for a peer, which may be written to by the user that nginx's workers run as. */
export function ownDirectory(parent: string, name: string): string {
  const directory = join(parent, name);
  mkdirSync(directory, { recursive: true, mode: 0o777 });
  return directory;
}

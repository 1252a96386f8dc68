/** The proxies to compare, each set up according to its documentation: one serving process (or thread), no access log. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A proxy to compare. */
export interface Peer {
  readonly name: string;
  /** Supports upgrades. */
  readonly websockets: boolean;
  /** The reason why it cannot run on this machine, or null. */
  missing(): string | null;
  /** Command that proxies `port` to the back end. `directory` is empty and for its exclusive use. */
  command(port: number, backEnd: number, directory: string): readonly string[];
}

/** The checkout: this file runs as dist/bench/peers.js. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NODE_PEERS = join(ROOT, 'bench', 'peers');

/** First existing file of these: Debian installs servers in directories that are not on every PATH. */
export function program(name: string): string | null {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path)) ?? null;
}

/** The same text for nginx and tsproxy. `ssl`: directives of a TLS listener. `scheme`: of the back end's URL. */
export function nginxConfiguration(
  port: number,
  backEnd: number,
  directory: string,
  ssl = '',
  scheme: 'http' | 'https' = 'http',
): string {
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
        listen 127.0.0.1:${port}${ssl === '' ? '' : ' ssl'} backlog=4096;
        ${ssl}
        location / {
            proxy_pass ${scheme}://back_end;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h;
        }${
          scheme === 'http'
            ? ''
            : `
        location /handshake {
            proxy_ssl_session_reuse off;
            proxy_pass https://127.0.0.1:${backEnd};
        }
        location /resumed {
            proxy_pass https://127.0.0.1:${backEnd};
        }`
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

/** In the order of runs and columns; the others are compared with the first. */
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
  {
    name: 'minimal-node',
    websockets: true,
    missing: () => null,
    command: (port, backEnd) => [process.execPath, join(NODE_PEERS, 'minimal-node.mjs'), `${port}`, `${backEnd}`],
  },
  installed('http-proxy'),
  installed('http-proxy-3'),
  installed('fast-proxy'),
];

/** Installs the Node peers if they are missing. */
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

/** Starts a command on one of the cores; `cores` is null if processes cannot be bound. */
export function start(command: readonly string[], core: keyof Cores, cores: Cores | null): ChildProcess {
  const [file = '', ...args] = cores === null ? command : ['taskset', '-c', cores[core], ...command];
  return spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Two cores, one for the proxy and one for the rest; null without `taskset` or a second core. */
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

/** Path of `wrk`, or null if it is missing. */
export function wrk(): string | null {
  return program('wrk');
}

/** An empty directory for a peer, writable for the user that nginx's workers run as. */
export function ownDirectory(parent: string, name: string): string {
  const directory = join(parent, name);
  mkdirSync(directory, { recursive: true, mode: 0o777 });
  return directory;
}

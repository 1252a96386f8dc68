/**
 * Clients and back ends that make a proxy buffer much data, or do much work for little traffic: their effect on well-behaved
 * requests and on memory, for tsproxy and for nginx (if installed).
 *
 *   node dist/bench/amplification.js [attack ...]
 *
 * Attackers and back end are separate processes. Columns: p99 of well-behaved requests in ms, quiet and during the attack;
 * memory in MiB, quiet, maximum during the attack, and 10 s after it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closedPort, complete } from '../test/kit/index.js';
import { program } from './peers.js';
import { ProxyProcess } from './proxy-process.js';

const FILE = fileURLToPath(import.meta.url);
const SECONDS = 6;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const CONFIGURATION = `
worker_processes 1;

events { worker_connections 20000; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path body; proxy_temp_path proxy;
  upstream app { server 127.0.0.1:%%BACKEND%%; keepalive 16; }
  server {
    listen 127.0.0.1:%%PORT%% backlog=4096;
    large_client_header_buffers 4 1m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / { proxy_pass http://app; }
    location /large-buffer { client_body_buffer_size 10m; proxy_pass http://app; }
    location /stream { proxy_request_buffering off; proxy_pass http://app; }
  }
}`;

const HOST = 'HTTP/1.1\r\nHost: localhost\r\n';
const ONE_BYTE = '1\r\nx\r\n'.repeat(2000);

/** Sends a piece repeatedly, as fast as the socket accepts it. */
function repeat(socket: Socket, piece: string | Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

/** Sends a piece each `ms`. */
function drip(socket: Socket, piece: string, ms: number): void {
  const timer = setInterval(() => socket.write(piece), ms);
  socket.on('close', () => clearInterval(timer));
}

/** One of the connections of an attack. */
const ATTACKS: Readonly<Record<string, readonly [connections: number, act: (socket: Socket) => void]>> = {
  'slow-heads': [
    2000,
    (socket) => {
      socket.write(`GET / ${HOST}A: ${'a'.repeat(1000)}`);
      drip(socket, 'a', 1000);
    },
  ],
  'slow-bodies': [
    2000,
    (socket) => {
      socket.write(`POST / ${HOST}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(8000)}`);
      drip(socket, '1\r\nx\r\n', 1000);
    },
  ],
  'one-byte-chunks': [
    20,
    (socket) => {
      socket.write(`POST /stream ${HOST}Transfer-Encoding: chunked\r\n\r\n`);
      repeat(socket, ONE_BYTE);
    },
  ],
  'large-buffers': [
    10,
    (socket) => {
      socket.write(`POST /large-buffer ${HOST}Transfer-Encoding: chunked\r\n\r\n`);
      for (let i = 0; i < 4500; i++) socket.write(ONE_BYTE);
    },
  ],
  'one-byte-answers': [20, (socket) => socket.resume().write(`GET /one-byte ${HOST}\r\n`)],
  'slow-readers': [
    200,
    (socket) => {
      socket.pause();
      socket.write(`GET /ten ${HOST}\r\n`);
    },
  ],
  pipelining: [5, (socket) => repeat(socket.resume(), `GET /small ${HOST}\r\n`.repeat(10_000))],
  'long-uris': [20, (socket) => repeat(socket.resume(), `GET /${'a'.repeat(8000)} ${HOST}\r\n`)],
  'huge-uris': [4, (socket) => repeat(socket.resume(), `GET /${'a'.repeat(1_000_000)} ${HOST}\r\n`)],
  'idle-connections': [10_000, (socket) => socket.resume().write(`GET /small ${HOST}\r\n`)],
};

function attack(name: string, port: number): void {
  const [connections, act] = ATTACKS[name] ?? [0, (): void => {}];
  let opened = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 100 && opened < connections; i++, opened++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.once('connect', () => act(socket));
    }
    if (opened === connections) clearInterval(timer);
  }, 10);
}

function backend(): void {
  const ten = Buffer.alloc(10 << 20, 0x78);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (bytes) => {
      head += bytes.latin1Slice();
      for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
        const [, path = ''] = head.split(' ', 2);
        head = head.slice(end + 4);
        if (path === '/ten') {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${ten.length}\r\n\r\n`);
          socket.write(ten);
        } else if (path === '/one-byte') {
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
          repeat(socket, ONE_BYTE);
        } else if (path !== '/stream') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
      // The rest of a body is not inspected.
      if (head.length > 4_000_000 || head.startsWith('1\r\n') || /^[0-9a-f]+\r\nx/.test(head)) head = '';
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    process.send?.((server.address() as { port: number }).port),
  );
}

/** Sends requests one after another, each on a new connection, for some seconds; returns the p99 of their times in ms. */
async function p99(port: number, seconds: number): Promise<number> {
  const times: number[] = [];
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const from = performance.now();
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`GET /small ${HOST}Connection: close\r\n\r\n`));
      socket.setTimeout(10_000, () => socket.destroy());
      socket.on('data', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
    });
    times.push(answered ? performance.now() - from : 10_000);
    await pause(5);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? 0;
}

function started(...words: string[]): ChildProcess {
  return fork(FILE, words);
}

async function measure(name: string, proxyName: 'tsproxy' | 'nginx'): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-attack-'));
  // A root master's workers have fewer privileges.
  chmodSync(directory, 0o755);
  const back = started('backend');
  const backendPort = await new Promise<number>((resolve) =>
    back.once('message', (message) => resolve(Number(message))),
  );
  const port = await closedPort();
  const proxy = await ProxyProcess.start(
    complete(CONFIGURATION, { BACKEND: backendPort, PORT: port }),
    directory,
    proxyName,
  );
  await p99(port, 2);
  const quiet = await p99(port, 2);
  const before = proxy.memory.now;
  const attacker = started('attack', name, String(port));
  const watching = setInterval(() => proxy.memory, 100);
  const during = await p99(port, SECONDS);
  const { most } = proxy.memory;
  clearInterval(watching);
  attacker.kill();
  back.kill();
  await pause(10_000);
  const after = proxy.memory.now;
  await proxy.stop();
  rmSync(directory, { recursive: true, force: true });
  const number = (value: number): string => value.toFixed(1).padStart(9);
  const failed = proxy.failures.length === 0 ? '' : ` FAILED: ${proxy.failures[0]}`;
  return `${name.padEnd(18)}${proxyName.padEnd(9)}${[quiet, during, before, most, after].map(number).join('')}${failed}`;
}

const [role = '', ...words] = process.argv.slice(2);
if (role === 'backend' || role === 'attack') {
  process.once('disconnect', () => process.exit());
  if (role === 'backend') backend();
  else attack(words[0] ?? '', Number(words[1]));
} else {
  const names = role === '' ? Object.keys(ATTACKS) : [role, ...words];
  process.stdout.write(`${' '.repeat(27)}    quiet   attack   memory  at most  10s on\n`);
  for (const name of names) {
    for (const proxyName of ['tsproxy', 'nginx'] as const) {
      if (proxyName === 'nginx' && program('nginx') === null) continue;
      process.stdout.write(`${await measure(name, proxyName)}\n`);
    }
  }
  process.exit();
}

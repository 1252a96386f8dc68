/**
 * POST requests on pooled connections that a back end resets at random moments while they are idle: number of failures,
 * compared with nginx. Such a request is not retried, so that only checking the connection before sending helps.
 *
 *   node dist/bench/pooled-resets.js [requests] [reset | end]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { closedPort, connect, request } from '../test/kit/index.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const CLIENTS = 8;
/** Maximum ms of idleness before the back end closes, and between two requests of a client. */
const MAX_IDLE = 8;

const [count = '2000', how = 'reset', role] = process.argv.slice(2);
if (role === 'back-end') serve();
else await compare();

/** Answers each request, and closes its connection at a random moment after that. */
function serve(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    let timer: NodeJS.Timeout | undefined;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      clearTimeout(timer);
      if (!bytes.includes('\r\n\r\nbody')) return;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      timer = setTimeout(() => (how === 'end' ? socket.destroy() : socket.resetAndDestroy()), Math.random() * MAX_IDLE);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
}

async function compare(): Promise<void> {
  const backEnd: ChildProcess = fork(fileURLToPath(import.meta.url), [count, how, 'back-end']);
  const [port] = (await once(backEnd, 'message')) as [number];
  try {
    // Alternating, so that both run under the same conditions.
    for (let round = 0; round < 2; round++) {
      for (const name of ['nginx', 'tsproxy'] as const) {
        process.stdout.write(`${name}: ${await failuresOf(name, port)} of ${count} failed\n`);
      }
    }
  } finally {
    backEnd.kill();
  }
}

async function failuresOf(name: ProxyName, backEnd: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-resets-'));
  const port = await closedPort();
  const proxy = await ProxyProcess.start(
    `
    worker_processes 1;
    events { worker_connections 1000; }
    http {
        access_log off;
        upstream pool { server 127.0.0.1:${backEnd} max_fails=0; keepalive 32; }
        server {
            listen 127.0.0.1:${port};
            location / { proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header Connection ''; }
        }
    }`,
    directory,
    name,
  );
  let failed = 0;
  let left = Number(count);
  const client = async (): Promise<void> => {
    const connection = await connect(port);
    while (left > 0) {
      left--;
      connection.send(request('/', { method: 'POST', body: 'body', fields: ['Connection: keep-alive'] }));
      if ((await connection.answer('POST')).status !== 200) failed++;
      await pause(Math.random() * MAX_IDLE);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const exited = new Promise<void>((resolve) => proxy.onExit(resolve));
  proxy.signal('SIGTERM');
  await exited;
  rmSync(directory, { recursive: true, force: true });
  return failed;
}

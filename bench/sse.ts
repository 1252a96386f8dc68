/**
 * Event streams: restarts of an upstream behind `sse_reconnect`, the delay of first bytes with buffering and gzip, and the
 * time until the request of a client that has left is aborted.
 *
 *   node dist/bench/sse.js [clients] [restarts] [workers]
 *
 * Prints the figures; the exit code is 1 if an event is lost or repeated, or a limit is exceeded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedPort, connect, request, scriptedBackend, until } from '../test/kit/index.js';
import { restartUpstream } from '../test/stress/event-restarts.js';
import { ProxyProcess } from './proxy-process.js';

const [clients = 200, restarts = 20, workers = 2] = process.argv.slice(2).map(Number);
const SAMPLES = 200;
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const failures: string[] = [];

/** A proxy in front of a port. */
class Front {
  private constructor(
    readonly port: number,
    private readonly proxy: ProxyProcess,
    private readonly directory: string,
  ) {}

  static async start(directives: string, upstream: number): Promise<Front> {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-sse-'));
    const port = await closedPort();
    const proxy = await ProxyProcess.start(
      `worker_processes ${workers};
      events { worker_connections 20000; }
      http {
        access_log off;
        server {
          listen 127.0.0.1:${port} backlog=4096;
          location / { ${directives} proxy_pass http://127.0.0.1:${upstream}; }
        }
      }`,
      directory,
    );
    return new Front(port, proxy, directory);
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    failures.push(...this.proxy.failures);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a proxy in front of a port, calls `use` with its port, and stops it. */
async function withProxy(directives: string, upstream: number, use: (port: number) => Promise<void>): Promise<void> {
  const front = await Front.start(directives, upstream);
  try {
    await use(front.port);
  } finally {
    await front.stop();
  }
}

function quantile(times: number[], part: number): number {
  times.sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
}

function report(name: string, times: number[], limit: number): void {
  const median = quantile(times, 0.5);
  const most = quantile(times, 0.99);
  printLine(
    `${name}: median ${median.toFixed(2)} ms, 99% ${most.toFixed(2)} ms, maximum ${quantile(times, 1).toFixed(2)} ms`,
  );
  if (most > limit) failures.push(`${name}: ${most.toFixed(2)} ms, the limit is ${limit} ms`);
}

/** Delays from the write of an upstream to the arrival at its client, of the first event of each stream and of a later one. */
async function delays(directives: string, fields: readonly string[], name: string): Promise<void> {
  let upstream: Socket | null = null;
  const backend = await scriptedBackend(async (connection) => {
    while ((await connection.head()) !== null) {
      upstream = connection.socket;
      connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    }
  });
  const first: number[] = [];
  const later: number[] = [];
  await withProxy(directives, backend.port, async (port) => {
    for (let i = 0; i < SAMPLES; i++) {
      upstream = null;
      const client = await connect(port);
      client.send(request('/', { fields }));
      await client.until('\r\n\r\n');
      for (const times of [first, later]) {
        const begun = performance.now();
        (upstream as Socket | null)?.write(`data: ${'x'.repeat(100)}\n\n`);
        await client.some();
        times.push(performance.now() - begun);
        // The rest of the event, if it has arrived in parts.
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (client.reader.pending !== '') await client.some();
      }
      client.close();
    }
  });
  await backend.close();
  report(`first event, ${name}`, first, 5);
  report(`second event, ${name}`, later, 5);
}

/** Time from the end of a client to the end of its request at the upstream, in a silent stream. */
async function departures(): Promise<void> {
  let ended = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'));
    socket.once('close', () => {
      ended = performance.now();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const times: number[] = [];
  await withProxy('', typeof address === 'object' && address !== null ? address.port : 0, async (port) => {
    for (let i = 0; i < SAMPLES; i++) {
      ended = 0;
      const client = await connect(port);
      client.send(request('/'));
      await client.until('\r\n\r\n');
      const left = performance.now();
      if (i % 2 === 0) client.close();
      else client.reset();
      await until('the request has ended', () => ended > 0);
      times.push(ended - left);
    }
  });
  server.close();
  report('request of a client that has left', times, 100);
}

let front: Front | null = null;
try {
  const { events, requests, seconds } = await restartUpstream(
    async (upstream) => {
      front = await Front.start('sse_reconnect on; sse_heartbeat 1s;', upstream);
      return front.port;
    },
    clients,
    restarts,
    2,
  );
  printLine(
    `${clients} clients, ${restarts} restarts: ${events} events each, none lost or repeated; ` +
      `${requests} requests to the upstream, ${seconds.toFixed(1)} s`,
  );
} catch (error) {
  failures.push(String(error));
}
await (front as Front | null)?.stop();

await delays('', [], 'with buffering');
await delays('gzip on; gzip_types text/event-stream;', ['Accept-Encoding: gzip'], 'with buffering and gzip');
await departures();

for (const failure of failures) printLine(`FAILED: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;

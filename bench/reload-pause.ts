/**
 * Latency of requests during a reload of many servers, for tsproxy and nginx.
 *
 *   node dist/bench/reload-pause.js [servers] [locations] [workers] [tsproxy|nginx]
 *
 * A request is sent every millisecond over several connections in turn, whether or not the last one was answered. Prints the
 * maximum latencies of a quiet second, and of the reload with the seconds after it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedPort, connect, until } from '../test/kit/index.js';
import { program } from './peers.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const [servers = 3000, locations = 1, workers = 1] = process.argv.slice(2, 5).map(Number);
const only = process.argv[5];
const CONNECTIONS = 20;

function configuration(port: number, generation: number): string {
  const blocks: string[] = [];
  for (let i = 0; i < servers; i++) {
    blocks.push(`server { listen 127.0.0.1:${port}; server_name s${i}.example.com *.w${i}.example.com;`);
    for (let j = 0; j < locations; j++) {
      blocks.push(
        `location /p${j}/ { proxy_pass http://127.0.0.1:${9000 + (i % 1000)}; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; }`,
      );
    }
    blocks.push('location / { root /srv/www; try_files $uri /index.html; } }');
  }
  return `worker_processes ${workers};
events { }
http {
  access_log off;
  server_names_hash_max_size 65536;
  server { listen 127.0.0.1:${port}; keepalive_requests 1000000; location = /generation { return 200 ${generation}; } }
  ${blocks.join('\n')}
}
`;
}

/** Sends requests and records their latencies in ms. */
class Requests {
  times: number[] = [];
  private timer: NodeJS.Timeout | null = null;

  async start(port: number): Promise<void> {
    const lines = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)));
    const free = [...lines];
    let due = performance.now();
    const send = async (connection: (typeof lines)[number]): Promise<void> => {
      const begun = performance.now();
      connection.send('GET /generation HTTP/1.1\r\nHost: x\r\n\r\n');
      try {
        await connection.answer();
      } catch {
        // An nginx worker that is shutting down closes idle connections.
        if (this.timer !== null) free.push(await connect(port));
        return;
      }
      this.times.push(performance.now() - begun);
      free.push(connection);
    };
    this.timer = setInterval(() => {
      for (const now = performance.now(); due <= now; due++) {
        const connection = free.shift();
        if (connection !== undefined) void send(connection);
      }
    }, 1);
    this.close = () => {
      if (this.timer !== null) clearInterval(this.timer);
      this.timer = null;
      for (const connection of lines) connection.close();
    };
  }

  close: () => void = () => {};

  /** Maximum latency in ms since the last call, the number of requests over 50 ms, and the total. */
  take(): { readonly longest: number; readonly slow: number; readonly count: number } {
    const times = this.times;
    this.times = [];
    return { longest: Math.max(0, ...times), slow: times.filter((time) => time > 50).length, count: times.length };
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function run(name: ProxyName): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-pause-'));
  const port = await closedPort();
  const proxy = await ProxyProcess.start(configuration(port, 1), directory, name);
  const requests = new Requests();
  try {
    await pause(3000);
    await requests.start(port);
    await pause(1000);
    requests.take();
    await pause(1000);
    const printPhase = (what: string): void => {
      const { longest, slow, count } = requests.take();
      process.stdout.write(
        `${name}\t${what}\t${longest.toFixed(1)} ms\t${slow} of ${count} above 50 ms\t${proxy.memory.now} MiB\n`,
      );
    };
    printPhase('quiet');
    for (let generation = 2; generation <= 4; generation++) {
      writeFileSync(join(directory, 'nginx.conf'), configuration(port, generation));
      const begun = performance.now();
      proxy.signal('SIGHUP');
      if (name === 'tsproxy') {
        await until('the reload', () => proxy.log.includes(`generation ${generation} started`));
      } else await pause(1000);
      const took = performance.now() - begun;
      printPhase(`reload ${generation - 1}, ${took.toFixed(0)} ms`);
      await pause(3500);
      printPhase('the 3.5 s after it');
    }
  } finally {
    requests.close();
    await proxy.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const name of ['tsproxy', 'nginx'] as const) {
  if (only !== undefined && only !== name) continue;
  if (name === 'nginx' && program('nginx') === null) continue;
  await run(name);
}

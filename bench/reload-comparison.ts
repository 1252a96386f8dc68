/**
 * Effect of reloads on connected clients: the same run against tsproxy and nginx, one after the other.
 *
 *   node dist/bench/reload-comparison.js [reloads] [tunnels] [workers]      (requires wrk and nginx)
 *
 * Every tunnel exchanges a numbered message each second, wrk sends requests at full speed, and each reload adds or removes a
 * location, a server of the upstream, and a listener. The exit code is 1 if tsproxy lost anything.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedPort, get } from '../test/kit/index.js';
import { NumberedSockets } from '../test/stress/numbered.js';
import { echoProcess } from './echo.js';
import { program, wrk } from './peers.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const [reloads = 100, tunnels = 4000, workers = 2] = process.argv.slice(2).map(Number);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Ports {
  readonly listen: number;
  readonly second: number;
  readonly backEnds: readonly number[];
}

/** Configuration of a generation: every other one has additional items of each kind. */
function configuration({ listen, second, backEnds: [one, two] }: Ports, generation: number): string {
  const more = generation % 2 === 0;
  return `
worker_processes ${workers};
events { worker_connections 20000; }
http {
    access_log off;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    upstream back { server 127.0.0.1:${one}; ${more ? `server 127.0.0.1:${two};` : ''} keepalive 64; }
    server {
        listen 127.0.0.1:${listen} backlog=4096;
        ${more ? `listen 127.0.0.1:${second};` : ''}
        location / {
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h;
        }
        location = /generation { return 200 ${generation}; }
        ${more ? 'location /more { return 200 more; }' : ''}
    }
}
`;
}

/** Result for the connections. */
interface Outcome {
  readonly closed: number;
  readonly lost: number;
  readonly messages: number;
  readonly requests: number;
  readonly failed: number;
  readonly memory: readonly [before: number, after: number, most: number];
  readonly processes: number;
  readonly seconds: number;
}

async function run(name: ProxyName, backEnds: readonly number[]): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-reloads-'));
  const ports: Ports = { listen: await closedPort(), second: await closedPort(), backEnds };
  const proxy = await ProxyProcess.start(configuration(ports, 1), directory, name);
  const load = new Load(ports.listen);
  try {
    const sockets = await NumberedSockets.open(ports.listen, tunnels, 50);
    sockets.start(1000, 100);
    load.start();
    let generation = 1;
    const reload = async (): Promise<void> => {
      const wanted = String(++generation);
      await proxy.reloadTo(configuration(ports, generation), async () => {
        return (await get(ports.listen, '/generation').catch(() => null))?.body === wanted;
      });
    };
    // Baseline of a warm process.
    for (let i = 0; i < 10; i++) await reload();
    await pause(4000);
    const before = proxy.memory.now;
    const started = performance.now();
    for (let i = 0; i < reloads; i++) {
      await reload();
      if (i % 10 === 0) void proxy.memory;
    }
    const seconds = (performance.now() - started) / 1000;
    await pause(4000);
    await load.stop();
    await sockets.settle();
    const { now: after, most } = proxy.memory;
    const { closed, received, sentInAll } = sockets;
    const processes = proxy.pids.length;
    sockets.close();
    await proxy.stop();
    if (name === 'tsproxy') for (const failure of proxy.failures) printLine(`FAILED: ${failure}`);
    const { requests, failed } = load;
    const memory = [before, after, most] as const;
    return { closed, lost: sentInAll - received, messages: received, requests, failed, memory, processes, seconds };
  } finally {
    await load.stop();
    await proxy.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Restarts wrk until it is stopped. */
class Load {
  requests = 0;
  /** Requests without a response, or with a status other than 2xx or 3xx. */
  failed = 0;
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(private readonly port: number) {}

  start(): void {
    this.running = (async () => {
      while (!this.stopped) this.count(await this.once());
    })();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async once(): Promise<string> {
    const child = spawn(wrk() ?? 'wrk', ['-t1', '-c32', '-d3s', `http://127.0.0.1:${this.port}/plain`]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    return output;
  }

  private count(output: string): void {
    this.requests += Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
    const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
    for (const number of errors) this.failed += Number(number);
    this.failed += Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  }
}

const back = [await echoProcess(), await echoProcess()];
const peers: readonly ProxyName[] = program('nginx') === null ? ['tsproxy'] : ['tsproxy', 'nginx'];
let lossless = true;
printLine(`${reloads} reloads, ${workers} workers, ${tunnels} tunnels with a message a second each, wrk at full speed`);
for (const name of peers) {
  const { closed, lost, messages, requests, failed, memory, processes, seconds } = await run(
    name,
    back.map(({ port }) => port),
  );
  const [before, after, most] = memory;
  printLine(`${name}:`);
  printLine(`  tunnels closed ${closed} of ${tunnels}, messages lost ${lost} of ${messages + lost}`);
  printLine(`  requests failed ${failed} of ${requests + failed}; the reloads took ${seconds.toFixed(1)} s`);
  printLine(`  memory ${before} MiB before, ${after} MiB after (${most} at most), ${processes} processes at the end`);
  if (name === 'tsproxy') lossless = closed + lost + failed === 0 && after <= before * 1.1;
}
for (const each of back) each.stop();
process.exit(lossless ? 0 : 1);

/**
 * Cost of metrics: CPU time per request and per echoed WebSocket message of 64 bytes, for one configuration without and with a
 * location `metrics`, and in another build of the project if its directory is given (such as the commit before a change).
 *
 *   node dist/bench/metrics.js [rounds] [seconds] [directory of another build]
 *
 * The variants alternate; the medians of their ratios to the first one are printed. Requests need `wrk`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';
import { wrk } from './peers.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [rounds = '5', seconds = '3', other] = process.argv.slice(2);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Variant {
  readonly name: string;
  readonly root: string;
  readonly location: string;
}

const METRICS = 'location = /metrics { metrics; }';
const VARIANTS: readonly Variant[] = [
  { name: 'without metrics', root: ROOT, location: '' },
  { name: 'without metrics, again', root: ROOT, location: '' },
  { name: 'with metrics', root: ROOT, location: METRICS },
  ...(other === undefined ? [] : [{ name: 'other build', root: other, location: '' }]),
];

/** Program that embeds the library of a build; prints the address. */
function program({ root, location }: Variant, backend: number): string {
  const library = pathToFileURL(join(root, 'dist/src/index.js')).href;
  const config = `events { worker_connections 4096; } http { access_log off; proxy_read_timeout 1h;
    upstream app { server 127.0.0.1:${backend}; keepalive 64; }
    server { listen 127.0.0.1:0; ${location}
      location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app; }
      location /return { return 200 ok; }
      location /ws { proxy_pass http://127.0.0.1:${backend}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }`;
  return `import { createProxy } from ${JSON.stringify(library)};
    const proxy = createProxy({ config: ${JSON.stringify(config)} });
    await proxy.start();
    console.log('listening ' + proxy.addresses[0].split(':')[1]);`;
}

function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += String(chunk);
      const [, found] = pattern.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
}

class EmbeddedProxy {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(variant: Variant, backend: number): Promise<EmbeddedProxy> {
    const args = ['--input-type=module', '--eval', program(variant, backend)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    return new EmbeddedProxy(child, Number(await printed(child, /listening (\d+)\n/)));
  }

  private get cpu(): number {
    return cpuMicroseconds([this.child.pid ?? 0]);
  }

  /** CPU microseconds per message. */
  async message(): Promise<number> {
    const words = [this.port, 32, 64, seconds, 'ws', '/ws'].map(String);
    const load = spawn(process.execPath, [script('./websocket-load.js'), ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const total = printed(load, /total (\d+)\n/);
    await printed(load, /(counting)\n/);
    const before = this.cpu;
    const count = Number(await total);
    const cost = (this.cpu - before) / count;
    load.stdin?.end();
    await new Promise((resolve) => load.once('close', resolve));
    return cost;
  }

  /** CPU microseconds per request. */
  request(path: string): number {
    const before = this.cpu;
    const words = ['-t1', '-c16', `-d${seconds}s`, `http://127.0.0.1:${this.port}${path}`];
    const { stdout } = spawnSync(wrk() ?? 'wrk', words, { encoding: 'utf8' });
    return (this.cpu - before) / Number(/(\d+) requests in/.exec(stdout)?.[1] ?? Number.NaN);
  }

  stop(): void {
    this.child.kill();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const backendPort = await closedPort();
const backend = spawn(process.execPath, [script('./back-end.js'), String(backendPort)], { stdio: 'ignore' });
await new Promise((resolve) => setTimeout(resolve, 500));
const proxies = await Promise.all(VARIANTS.map((variant) => EmbeddedProxy.start(variant, backendPort)));
const tests: readonly (readonly [string, (proxy: EmbeddedProxy) => number | Promise<number>])[] = [
  ['WebSocket message', (proxy) => proxy.message()],
  ...(wrk() === null
    ? []
    : [
        ['proxied request', (proxy: EmbeddedProxy) => proxy.request('/')] as const,
        ['return 200', (proxy: EmbeddedProxy) => proxy.request('/return')] as const,
      ]),
];
for (const [name, run] of tests) {
  const costs: number[][] = proxies.map(() => []);
  // The first round warms up.
  for (let round = 0; round <= Number(rounds); round++) {
    // In alternating order, so that a drift of the machine cancels out.
    const order = [...proxies.entries()];
    if (round % 2 === 1) order.reverse();
    for (const [i, proxy] of order) {
      const cost = await run(proxy);
      if (round > 0) costs[i]?.push(cost);
    }
  }
  const [reference = []] = costs;
  printLine(`${name}, without metrics: ${median(reference).toFixed(2)} µs of CPU time`);
  for (const [i, { name: variant }] of VARIANTS.entries()) {
    if (i === 0) continue;
    const ratios = costs[i]?.map((cost, n) => cost / (reference[n] ?? Number.NaN)) ?? [];
    printLine(
      `${name}, ${variant}: ${median(ratios).toFixed(3)} of it (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')})`,
    );
  }
}
for (const proxy of proxies) proxy.stop();
backend.kill();

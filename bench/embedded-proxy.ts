/** Proxies of the library in processes of their own, and comparisons of their CPU times, for benchmarks. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';
import { wrk } from './peers.js';

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);

/** Directory of this build. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A program that embeds the library of a build. */
export interface EmbeddingProgram {
  readonly name: string;
  /** Directory of the build. */
  readonly root: string;
  readonly config: string;
  /** Statements that follow the start; `proxy` is in scope. */
  readonly after?: string;
}

function textOf({ root, config, after = '' }: EmbeddingProgram): string {
  const library = pathToFileURL(join(root, 'dist/src/index.js')).href;
  return `import { createProxy } from ${JSON.stringify(library)};
    const proxy = createProxy({ config: ${JSON.stringify(config)} });
    await proxy.start();
    ${after}
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

export class EmbeddedProxy {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    /** Duration of a measurement, s. */
    private readonly seconds: string,
  ) {}

  static async start(program: EmbeddingProgram, seconds: string): Promise<EmbeddedProxy> {
    const args = ['--input-type=module', '--eval', textOf(program)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    return new EmbeddedProxy(child, Number(await printed(child, /listening (\d+)\n/)), seconds);
  }

  private get cpu(): number {
    return cpuMicroseconds([this.child.pid ?? 0]);
  }

  /** CPU microseconds per echoed message of 64 bytes at `/ws`. */
  async message(): Promise<number> {
    const words = [this.port, 32, 64, this.seconds, 'ws', '/ws'].map(String);
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

  /** CPU microseconds per request; needs `wrk`. */
  request(path = '/'): number {
    const before = this.cpu;
    const words = ['-t1', '-c16', `-d${this.seconds}s`, `http://127.0.0.1:${this.port}${path}`];
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

/** A measurement: its name, and the cost per operation. */
export type Measurement = readonly [name: string, run: (proxy: EmbeddedProxy) => number | Promise<number>];

/** Starts a back end that answers requests and echoes messages; runs with its port, and ends it. */
export async function withBackend(run: (port: number) => Promise<void>): Promise<void> {
  const port = await closedPort();
  const backend = spawn(process.execPath, [script('./back-end.js'), String(port)], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  try {
    await run(port);
  } finally {
    backend.kill();
  }
}

/** Measures the programs in turn, and prints the medians of their ratios to the first one. */
export async function compare(
  programs: readonly [EmbeddingProgram, ...EmbeddingProgram[]],
  measurements: readonly Measurement[],
  { rounds, seconds }: { readonly rounds: string; readonly seconds: string },
): Promise<void> {
  const proxies = await Promise.all(programs.map((program) => EmbeddedProxy.start(program, seconds)));
  for (const [name, run] of measurements) {
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
    printLine(`${name}, ${programs[0].name}: ${median(reference).toFixed(2)} µs of CPU time`);
    for (const [i, { name: variant }] of programs.entries()) {
      if (i === 0) continue;
      const ratios = costs[i]?.map((cost, n) => cost / (reference[n] ?? Number.NaN)) ?? [];
      printLine(
        `${name}, ${variant}: ${median(ratios).toFixed(3)} of it (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')})`,
      );
    }
  }
  for (const proxy of proxies) proxy.stop();
}

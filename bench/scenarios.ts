/** Scenarios: loads, and the CPU time and memory that the proxy uses for them. */
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { cpuMicroseconds, memoryBytes, tree } from './accounting.js';
import { type Cores, start, wrk } from './peers.js';

/** A running proxy under test. */
export interface Target {
  readonly pid: number;
  readonly port: number;
  readonly seconds: number;
  readonly cores: Cores | null;
}

/** One measurement, with its rate. */
export interface Figure {
  /** In the scenario's unit; smaller is better. */
  readonly cost: number;
  /** Requests or messages per second; 0 if not applicable. */
  readonly rate: number;
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly unit: 'µs' | 'KiB';
  readonly websockets: boolean;
  measure(target: Target): Promise<Figure>;
}

/** ms after which a process that collects garbage has returned what the opening of connections took. */
const AFTER_PEAK = 6000;
/** Requests before a measurement. */
export const WARM_UP = 30_000;

/** Requests by wrk over that many keep-alive connections. */
export function requests(id: string, title: string, connections: number, path: string, scheme = 'http'): Scenario {
  return {
    id,
    title,
    unit: 'µs',
    websockets: false,
    async measure({ pid, port, seconds, cores }) {
      const load = async (duration: number): Promise<number> => {
        const command = [
          wrk() ?? 'wrk',
          '-t1',
          `-c${connections}`,
          `-d${duration}s`,
          `${scheme}://127.0.0.1:${port}${path}`,
        ];
        const output = await outputOf(start(command, 'rest', cores));
        const bad = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(output);
        if (bad !== null) throw new Error(bad[0]);
        return Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
      };
      // On a busy machine a second is too short for the code to be optimized.
      for (let warm = 0, runs = 0; warm < WARM_UP && runs < 10; runs++) warm += await load(1);
      return cost(pid, seconds, () => load(seconds));
    },
  };
}

/** Messages to a WebSocket echo and back, one in flight per connection. */
export function messages(id: string, title: string, connections: number, size: number, scheme = 'ws'): Scenario {
  return {
    id,
    title,
    unit: 'µs',
    websockets: true,
    async measure({ pid, port, seconds, cores }) {
      const load = startLoad(port, connections, size, seconds, cores, scheme);
      const total = printed(load, /total (\d+)\n/);
      await printed(load, /counting\n/);
      const before = cpuMicroseconds(tree(pid));
      const count = Number(await total);
      const used = cpuMicroseconds(tree(pid)) - before;
      await ended(load);
      return { cost: used / count, rate: count / seconds };
    },
  };
}

/** Memory of idle WebSockets. */
export function idle(id: string, connections: number, scheme = 'ws'): Scenario {
  return {
    id,
    title: `idle WebSocket, ${connections.toLocaleString('en')} open`,
    unit: 'KiB',
    websockets: true,
    async measure({ pid, port, cores }) {
      // One-time allocations for the first few connections are excluded from the cost of a connection.
      const first = await opened(port, 100, cores, scheme);
      await pause(AFTER_PEAK);
      const before = await settled(pid);
      const many = await opened(port, connections, cores, scheme);
      await pause(AFTER_PEAK);
      const used = (await settled(pid)) - before;
      await Promise.all([first, many].map(ended));
      return { cost: used / connections / 1024, rate: 0 };
    },
  };
}

export const SCENARIOS: readonly Scenario[] = [
  requests('get-1', 'small answer, 1 connection', 1, '/'),
  requests('get-32', 'small answer, 32 connections', 32, '/'),
  requests('get-256', 'small answer, 256 connections', 256, '/'),
  requests('get-64k', '64 KiB answer, 32 connections', 32, '/bytes/65536'),
  messages('ws-64', 'WebSocket echo of 64 B, 100 connections', 100, 64),
  messages('ws-16k', 'WebSocket echo of 16 KiB, 100 connections', 100, 16384),
  idle('ws-idle', 4000),
];

async function cost(pid: number, seconds: number, load: () => Promise<number>): Promise<Figure> {
  const before = cpuMicroseconds(tree(pid));
  const count = await load();
  const used = cpuMicroseconds(tree(pid)) - before;
  if (count === 0) throw new Error('no request was answered');
  return { cost: used / count, rate: count / seconds };
}

function startLoad(
  port: number,
  connections: number,
  size: number,
  seconds: number,
  cores: Cores | null,
  scheme: string,
): ChildProcess {
  const script = fileURLToPath(new URL('./websocket-load.js', import.meta.url));
  return start([process.execPath, script, port, connections, size, seconds, scheme].map(String), 'rest', cores);
}

async function opened(port: number, connections: number, cores: Cores | null, scheme: string): Promise<ChildProcess> {
  const load = startLoad(port, connections, 64, 0, cores, scheme);
  await printed(load, /ready\n/);
  return load;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** Stable memory usage: garbage collection may follow the end of the traffic. */
async function settled(pid: number): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 6; i++) {
    await pause(500);
    const now = memoryBytes(tree(pid));
    if (Math.abs(now - last) < last * 0.002) return now;
    last = now;
  }
  return last;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.stdin?.end();
  });
}

/** Resolves when the child has printed a match: with its first group, or an empty string. */
export function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk.toString('utf8');
      const match = pattern.exec(seen);
      if (match !== null) resolve(match[1] ?? '');
    });
    child.once('close', (code) => reject(new Error(`load ended with ${code}`)));
  });
}

export function outputOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`load ended with ${code}`))));
  });
}

/** A port of 127.0.0.1 without a listener. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

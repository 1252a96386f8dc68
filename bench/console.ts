/**
 * Cost and latency of the console's feed: one worker of the proxy, a back end that echoes, a load, and a viewer, each in a
 * process of its own.
 *
 *   node dist/bench/console.js cost [tunnels] [messages per second] [rounds] [seconds]
 *   node dist/bench/console.js slow [tunnels] [messages per second] [seconds]
 *
 * `cost`: CPU time of the proxy per message without a viewer, with one that watches the list, and with one that watches all
 * frames with payloads; they alternate, and the medians of the ratios of each round are printed, with the time from sending a
 * message to its row. `slow`: a viewer that reads 200 KB per second; rows that were dropped, and the memory of the proxy. The messages
 * are those of clients; each is echoed, so that twice as many pass.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubscribeMessage } from '../src/console/feed-format.js';
import { FeedClient } from '../test/console/feed-client.js';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds, memoryBytes } from './accounting.js';
import { consoleLoad, sentAt } from './console-load.js';
import { echoProcess } from './echo.js';
import { ProxyProcess } from './proxy-process.js';

const [mode = 'cost', ...numbers] = process.argv.slice(2);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-console-'));
const port = await closedPort();
const echo = await echoProcess();
const proxy = await ProxyProcess.start(
  `worker_processes 1; worker_rlimit_nofile 40000; events { worker_connections 20000; } http { access_log off;
   proxy_read_timeout 1h; server { listen 127.0.0.1:${port} backlog=4096;
     location /console/ { console; console_payload on; }
     location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; } } }`,
  directory,
);

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

/** Subscriptions; null: no viewer. */
const VIEWS: Readonly<Record<string, Partial<SubscribeMessage> | null>> = {
  'without a viewer': null,
  'list of tunnels': { frames: 'none', payload: 0 },
  'all frames, lengths only': { frames: 'all', payload: 0 },
  'all frames with payloads': { frames: 'all', payload: 1024 },
};

async function cost(tunnels: number, rate: number, rounds: number, seconds: number): Promise<void> {
  const load = await consoleLoad(port, tunnels);
  load.setRate(rate);
  await pause(5000);
  const costs = new Map<string, number[]>(Object.keys(VIEWS).map((name) => [name, []]));
  const latencies: number[] = [];
  let dropped = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [name, view] of Object.entries(VIEWS)) {
      const feed = view === null ? null : await FeedClient.watch(port, view);
      // The rows about tunnels that are open.
      await pause(1500);
      feed?.rows.splice(0);
      const first = await load.count();
      const before = cpuMicroseconds(proxy.pids);
      const end = Date.now() + seconds * 1000;
      while (Date.now() < end) {
        await pause(5);
        for (const row of feed?.rows.splice(0) ?? []) {
          if (row.type === 'dropped') dropped += row.count;
          if (row.type !== 'frame' || row.from !== 'client' || row.payload === null || row.opcode !== 1) continue;
          latencies.push(Date.now() - sentAt(row.payload));
        }
      }
      const used = cpuMicroseconds(proxy.pids) - before;
      costs.get(name)?.push(used / ((await load.count()) - first));
      await feed?.close();
      await pause(500);
    }
  }
  const base = costs.get('without a viewer') ?? [];
  /** The mean of the rounds without a viewer before and after, so that a drift of the machine cancels out. */
  const reference = (i: number): number => ((base[i] ?? Number.NaN) + (base[i + 1] ?? base[i] ?? Number.NaN)) / 2;
  printLine(`${tunnels} tunnels, ${rate} messages per second, echoed; ${rounds} rounds of ${seconds} s`);
  for (const [name, values] of costs) {
    const ratios = values.map((value, i) => value / reference(i));
    printLine(
      `${name}: ${quantile(values, 0.5).toFixed(2)} µs per message, ratio ${quantile(ratios, 0.5).toFixed(3)} (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')})`,
    );
  }
  printLine(
    `latency of ${latencies.length} rows: p50 ${quantile(latencies, 0.5)} ms, p95 ${quantile(latencies, 0.95)} ms, p99 ${quantile(latencies, 0.99)} ms; ${dropped} rows dropped`,
  );
  load.stop();
}

async function slow(tunnels: number, rate: number, seconds: number): Promise<void> {
  const load = await consoleLoad(port, tunnels);
  const feed = await FeedClient.watch(port, { frames: 'all', payload: 1024 });
  await feed.message('hello');
  load.setRate(rate);
  const memory: number[] = [];
  let dropped = 0;
  let rows = 0;
  for (let second = 0; second < seconds; second++) {
    feed.socket.pause();
    await pause(950);
    feed.socket.resume();
    await pause(50);
    for (const row of feed.rows.splice(0)) {
      rows++;
      if (row.type === 'dropped') dropped += row.count;
    }
    memory.push(memoryBytes(proxy.pids) / 2 ** 20);
  }
  const third = Math.max(1, Math.floor(memory.length / 3));
  const mean = (values: readonly number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(1);
  printLine(`${tunnels} tunnels, ${rate} messages per second, echoed, for ${seconds} s, with a slow viewer`);
  printLine(`${rows} rows arrived, ${dropped} were dropped`);
  printLine(
    `memory of the proxy, MiB: ${mean(memory.slice(0, third))} in the first third, ${mean(memory.slice(third, 2 * third))} in the second, ${mean(memory.slice(2 * third))} in the last; at most ${Math.max(...memory).toFixed(1)}`,
  );
  feed.socket.terminate();
  load.stop();
}

const numberAt = (index: number, initial: number): number => Number(numbers[index] ?? initial);
try {
  if (mode === 'slow') await slow(numberAt(0, 1000), numberAt(1, 20_000), numberAt(2, 60));
  else await cost(numberAt(0, 5000), numberAt(1, 5000), numberAt(2, 8), numberAt(3, 2));
} finally {
  await proxy.stop();
  echo.stop();
  rmSync(directory, { recursive: true });
}

/**
 * Cost of tracked WebSockets in one process of the proxy, against a plain tunnel with the same bytes.
 *
 *   node dist/bench/websocket-cost.js messages [rounds] [seconds]
 *   node dist/bench/websocket-cost.js idle [tunnels] [seconds] [windows]
 *   node dist/bench/websocket-cost.js lost [tunnels]
 *
 * `messages`: CPU time per echoed message of 64 bytes as a plain tunnel, tracked, with pings, limits of time and of messages,
 * and with a script that passes messages on; they alternate, and the medians of the ratios of each round are printed. `idle`:
 * memory and CPU time of WebSockets that only receive a ping every 30 seconds, directly after they were opened, with the
 * collections that follow, and then in the steady state; `seconds` should be a multiple of 30. `lost`: time from the death of the
 * upstream process to the Close frame of each client.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WebSocket } from 'ws';
import { closedPort, until } from '../test/kit/index.js';
import { open } from '../test/stress/messages.js';
import { cpuMicroseconds, memoryBytes } from './accounting.js';
import { echoProcess } from './echo.js';
import { ProxyProcess } from './proxy-process.js';

const [mode = 'messages', first, second, third] = process.argv.slice(2);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-cost-'));
const port = await closedPort();

const PASS = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

/** Starts a proxy whose locations have these directives. */
function startProxy(backend: number, locations: Readonly<Record<string, string>>): Promise<ProxyProcess> {
  const blocks = Object.entries(locations).map(
    ([path, directives]) => `location ${path} { proxy_pass http://127.0.0.1:${backend}; ${PASS} ${directives} }`,
  );
  const text = `worker_processes 1; events { worker_connections 20000; } http { access_log off;
    js_import main from main.js; proxy_read_timeout 1h; server { listen 127.0.0.1:${port} backlog=4096; ${blocks.join('\n')} } }`;
  writeFileSync(join(directory, 'main.js'), 'export const pass = () => {};\n');
  return ProxyProcess.start(text, directory);
}

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += String(chunk);
      const match = pattern.exec(text);
      if (match === null) return;
      child.stdout?.off('data', onData);
      resolve(match);
    };
    child.stdout?.on('data', onData);
  });
}

/** CPU microseconds per message on a path. */
async function costOf(proxy: ProxyProcess, path: string, seconds: number): Promise<number> {
  const words = [port, 32, 64, seconds, 'ws', path].map(String);
  const load = spawn(process.execPath, [script('./websocket-load.js'), ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await printed(load, /counting\n/);
  const before = cpuMicroseconds(proxy.pids);
  const [, total] = await printed(load, /total (\d+)\n/);
  const cost = (cpuMicroseconds(proxy.pids) - before) / Number(total);
  load.stdin?.end();
  await new Promise((resolve) => load.once('close', resolve));
  return cost;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function messages(rounds: number, seconds: number): Promise<void> {
  const backendPort = await closedPort();
  const backend = spawn(process.execPath, [script('./back-end.js'), String(backendPort)], { stdio: 'ignore' });
  await pause(500);
  const proxy = await startProxy(backendPort, {
    '/bytes': '',
    '/tracked': '',
    '/times': 'websocket_ping_interval 30s; websocket_idle_timeout 1h; websocket_expire 1d;',
    '/limits':
      'websocket_ping_interval 30s; websocket_idle_timeout 1h; websocket_expire 1d; websocket_max_message_size 1m; websocket_max_fragments 100;',
    '/script': 'js_websocket_message main.pass;',
  });
  const paths = ['/tracked', '/times', '/limits', '/script'];
  const ratios = new Map<string, number[]>(paths.map((path) => [path, []]));
  const plain: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The plain tunnel is measured before and after the others, so that a drift of the machine cancels out.
    const before = await costOf(proxy, '/bytes', seconds);
    const costs: number[] = [];
    for (const path of paths) costs.push(await costOf(proxy, path, seconds));
    const reference = (before + (await costOf(proxy, '/bytes', seconds))) / 2;
    plain.push(reference);
    for (const [i, path] of paths.entries()) ratios.get(path)?.push((costs[i] ?? Number.NaN) / reference);
  }
  printLine(`plain tunnel: ${median(plain).toFixed(2)} µs per message of 64 bytes`);
  for (const [path, values] of ratios) {
    printLine(
      `${path.slice(1)}: ${median(values).toFixed(3)} of it (${values.map((value) => value.toFixed(2)).join(' ')})`,
    );
  }
  await proxy.stop();
  backend.kill();
}

async function idle(tunnels: number, seconds: number, windows: number): Promise<void> {
  const echo = await echoProcess();
  const proxy = await startProxy(echo.port, { '/': 'websocket_ping_interval 30s; websocket_ping_timeout 1m;' });
  await closeAll(await openMany(100));
  await pause(5000);
  const before = memoryBytes(proxy.pids);
  const sockets = await openMany(tunnels);
  let pings = 0;
  for (const socket of sockets) socket.on('ping', () => pings++);
  const usage = async (): Promise<number> => {
    const cpu = cpuMicroseconds(proxy.pids);
    await pause(seconds * 1000);
    return (cpuMicroseconds(proxy.pids) - cpu) / seconds / 10_000;
  };
  // The first round of pings, and the collections of garbage of the opening: the last one follows within 20 seconds.
  const first = await usage();
  await pause(Math.max(0, 60 - seconds) * 1000);
  const memory = (memoryBytes(proxy.pids) - before) / tunnels;
  printLine(`${tunnels} idle WebSockets with a ping every 30 s: ${(memory / 1024).toFixed(1)} KiB each`);
  printLine(`directly after opening: ${first.toFixed(2)} % of a core in ${seconds} s`);
  for (let window = 0; window < windows; window++) {
    pings = 0;
    const steady = await usage();
    printLine(`then ${steady.toFixed(2)} % in ${seconds} s, in which ${pings} pings reached clients`);
  }
  await closeAll(sockets);
  await proxy.stop();
  echo.stop();
}

async function openMany(count: number): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  for (let i = 0; i < count; i += 50) {
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => open(port)))));
  }
  return sockets;
}

async function closeAll(sockets: readonly WebSocket[]): Promise<void> {
  for (const socket of sockets) socket.terminate();
  await pause(500);
}

async function lost(tunnels: number): Promise<void> {
  const echo = await echoProcess();
  const proxy = await startProxy(echo.port, { '/': '' });
  const sockets = await openMany(tunnels);
  const times: number[] = [];
  const codes = new Map<number, number>();
  let start = 0;
  for (const socket of sockets) {
    // `close` is emitted at the end of the connection; the frame itself is reported by the receiver only.
    const { _receiver: receiver } = socket as unknown as { _receiver: NodeJS.EventEmitter };
    receiver.on('conclude', (code: number) => {
      times.push(performance.now() - start);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    });
    socket.on('error', () => {});
  }
  await pause(1000);
  start = performance.now();
  echo.kill();
  await until('all have a Close frame', () => times.length === tunnels);
  printLine(
    `${tunnels} WebSockets whose upstream was killed: codes ${JSON.stringify([...codes])}, the last Close frame after ${Math.max(...times).toFixed(0)} ms`,
  );
  await closeAll(sockets);
  await proxy.stop();
}

const number = (text: string | undefined, initial: number): number => (text === undefined ? initial : Number(text));
if (mode === 'messages') await messages(number(first, 5), number(second, 3));
else if (mode === 'idle') await idle(number(first, 4000), number(second, 60), number(third, 1));
else await lost(number(first, 200));
rmSync(directory, { recursive: true, force: true });

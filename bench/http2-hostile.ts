/**
 * Floods over HTTP/2 for some seconds each, with the latency of other connections before and during it, and the memory of
 * the proxy: `node dist/bench/http2-hostile.js [--seconds 10] [--only PING,resets] [--peer tsproxy|nginx]`. A connection
 * that the proxy closes is replaced at once. `resets`: requests that are reset at once, with a back end that does not answer.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chunkOf, FLOODS, resets } from '../test/http2/floods.js';
import { GET, RawHttp2Client } from '../test/http2/raw-client.js';
import { residentBytes } from './accounting.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';
import { freePort } from './scenarios.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    only: { type: 'string', default: ['resets', ...FLOODS.map(({ name }) => name)].join(',') },
    peer: { type: 'string', default: 'tsproxy' },
    attack: { type: 'string' },
    port: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The attacker, in a process of its own: prints the numbers of frames that were accepted, and of connections. */
async function attack(name: string, port: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const flood = FLOODS.find((each) => each.name === name);
  const chunk = flood && chunkOf(flood);
  let [frames, connections, client]: [number, number, RawHttp2Client | null] = [0, 0, null];
  let next = 1;
  while (performance.now() < end) {
    if (client === null || client.closed) {
      client = await RawHttp2Client.connect(port).catch(() => null);
      if (client === null) continue;
      connections++;
      next = 1;
      if (flood !== undefined) client.send(flood.first);
    }
    // Responses are ignored.
    client.record.lines.length = 0;
    if (client.socket.writableLength > 1 << 18) {
      await pause(1);
      continue;
    }
    if (chunk !== undefined) {
      client.socket.write(chunk.bytes);
      frames += chunk.count;
    } else {
      client.send(resets(next, 50, GET));
      next += 100;
      frames += 100;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (client !== null)
    frames -= Math.round((client.socket.writableLength / (chunk?.bytes.length ?? 2600)) * (chunk?.count ?? 100));
  printLine(JSON.stringify({ frames, connections }));
  process.exit(0);
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

/** Sends requests on a few connections, one at a time on each with a short pause, and returns the latencies in ms. */
async function latency(port: number, until: () => boolean): Promise<Latency> {
  const all: number[] = [];
  const one = async (): Promise<void> => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    while (!until()) {
      const began = performance.now();
      await new Promise<void>((resolve, reject) => {
        const stream = session.request({ ':path': '/' });
        stream.on('error', reject).on('close', resolve).resume();
      });
      all.push(performance.now() - began);
      await pause(2);
    }
    session.destroy();
  };
  await Promise.all([one(), one(), one(), one()]);
  all.sort((a, b) => a - b);
  const at = (part: number): number => all[Math.floor((all.length - 1) * part)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), count: all.length };
}

function configuration(port: number, silentPort: number, backEnd: number): string {
  return `
worker_processes 1;
events { worker_connections 4000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    server {
        listen 127.0.0.1:${port};
        http2 on;
        location = / { return 200 ok; }
        location / { proxy_pass http://127.0.0.1:${backEnd}; }
    }
    server {
        listen 127.0.0.1:${silentPort};
        http2 on;
        location / { proxy_pass http://127.0.0.1:${backEnd}; }
    }
}`;
}

async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-hostile-'));
  const silent = net.createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const backEnd = (silent.address() as net.AddressInfo).port;
  const [port, silentPort] = [await freePort(), await freePort()];
  const proxy = await ProxyProcess.start(configuration(port, silentPort, backEnd), directory, values.peer as ProxyName);
  const self = fileURLToPath(import.meta.url);
  const mebibytes = (): number => Math.round(residentBytes(proxy.pids) / 2 ** 20);
  let failed = false;
  try {
    await latency(port, after(2));
    for (const name of values.only.split(',')) {
      const quiet = await latency(port, after(seconds / 2));
      const before = mebibytes();
      const words = [
        self,
        '--attack',
        name,
        '--seconds',
        `${seconds}`,
        '--port',
        `${name === 'resets' ? silentPort : port}`,
      ];
      const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      let [output, ended] = ['', false];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.once('close', () => (ended = true));
      let most = 0;
      const watching = setInterval(() => (most = Math.max(most, mebibytes())), 500);
      const during = await latency(port, () => ended);
      clearInterval(watching);
      const { frames = 0, connections = 0 } = JSON.parse(output || '{}') as { frames?: number; connections?: number };
      const ratio = during.p99 / quiet.p99;
      const rate = Math.round(frames / seconds);
      printLine(
        `${name}: ${rate} frames/s on ${connections} connections; p50 ${quiet.p50.toFixed(2)} → ${during.p50.toFixed(2)} ms, ` +
          `p99 ${quiet.p99.toFixed(2)} → ${during.p99.toFixed(2)} ms (${ratio.toFixed(2)}); memory ${before} → ${most} MiB`,
      );
      failed ||= during.count === 0;
    }
  } finally {
    await proxy.stop();
    silent.close();
    rmSync(directory, { recursive: true, force: true });
  }
  for (const failure of proxy.failures) printLine(failure);
  process.exit(failed || proxy.failures.length > 0 ? 1 : 0);
}

function after(duration: number): () => boolean {
  const end = performance.now() + duration * 1000;
  return () => performance.now() >= end;
}

if (values.attack === undefined) await run();
else await attack(values.attack, Number(values.port));

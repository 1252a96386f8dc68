/**
 * WebSockets over HTTP/2 streams.
 *
 *   node dist/bench/stream-websockets.js cost [rounds] [seconds]
 *   node dist/bench/stream-websockets.js reloads [reloads] [streams]
 *
 * `cost`: CPU time of the proxy per echoed message of 64 bytes over 32 WebSockets: on an HTTP/1.1 connection each, on an HTTP/2
 * connection each, and on 4 HTTP/2 connections. They alternate; medians, and medians of the ratios of each round, are printed.
 * `reloads`: reloads under WebSockets on streams of two connections, with messages in flight; the long version of the test.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { reloadUnderStreams } from '../test/http2/stream-reloads.js';
import { handshake } from '../test/http2/stream-websocket.js';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';
import { echoProcess } from './echo.js';
import { ProxyProcess } from './proxy-process.js';

const FILE = fileURLToPath(import.meta.url);
const SOCKETS = 32;
/** Number of HTTP/2 connections of a load; 0: HTTP/1.1. */
const LOADS = { 'HTTP/1.1': 0, '32 connections': SOCKETS, '4 connections': 4 } as const;

// -- the load, in a process of its own

const PAYLOAD = 64;
/** A binary frame with a mask of zeros; the echo has no mask. */
const MESSAGE = Buffer.concat([Buffer.of(0x82, 0x80 | PAYLOAD, 0, 0, 0, 0), Buffer.alloc(PAYLOAD, 'a')]);
const ECHO = 2 + PAYLOAD;

async function upgraded(port: number): Promise<Duplex> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(socket, 'data');
  return socket;
}

async function streams(port: number, connections: number): Promise<Duplex[]> {
  const opened: Duplex[] = [];
  for (let c = 0; c < connections; c++) {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    await once(session, 'remoteSettings');
    for (let i = 0; i < SOCKETS / connections; i++) {
      const stream = session.request(handshake('/'), { endStream: false });
      await once(stream, 'response');
      opened.push(stream);
    }
  }
  return opened;
}

/** Sends the next message on a socket when the echo of the last one has arrived. */
function echoes(socket: Duplex, counted: () => void): void {
  let received = 0;
  socket.on('error', () => process.exit(1));
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received < ECHO) return;
    received -= ECHO;
    counted();
    socket.write(MESSAGE);
  });
  socket.write(MESSAGE);
}

async function load(port: number, connections: number): Promise<void> {
  const sockets =
    connections === 0
      ? await Promise.all(Array.from({ length: SOCKETS }, () => upgraded(port)))
      : await streams(port, connections);
  let count = 0;
  for (const socket of sockets) echoes(socket, () => count++);
  process.on('message', () => process.send?.(count));
  process.send?.('ready');
}

// -- the measurement

function ask(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (count) => resolve(Number(count)));
    child.send('count');
  });
}

/** CPU microseconds per message. */
async function costOf(proxy: ProxyProcess, port: number, connections: number, seconds: number): Promise<number> {
  const child = fork(FILE, ['load', String(port), String(connections)]);
  await once(child, 'message');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const [first, before] = [await ask(child), cpuMicroseconds(proxy.pids)];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const [last, after] = [await ask(child), cpuMicroseconds(proxy.pids)];
  child.kill();
  await once(child, 'close');
  return (after - before) / (last - first);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function cost(rounds: number, seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-streams-'));
  const echo = await echoProcess();
  const port = await closedPort();
  const proxy = await ProxyProcess.start(
    `worker_processes 1; events {} http { access_log off; server { listen 127.0.0.1:${port}; http2 on;
     http2_extended_connect on; location / { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; } } }`,
    directory,
  );
  const costs = new Map<string, number[]>();
  const ratios = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    let reference = Number.NaN;
    for (const [name, connections] of Object.entries(LOADS)) {
      const value = await costOf(proxy, port, connections, seconds);
      if (connections === 0) reference = value;
      costs.set(name, [...(costs.get(name) ?? []), value]);
      ratios.set(name, [...(ratios.get(name) ?? []), value / reference]);
    }
  }
  for (const [name, values] of costs) {
    const ratio = median(ratios.get(name) ?? []).toFixed(2);
    process.stdout.write(`${name}: ${median(values).toFixed(1)} µs per message, ${ratio} of HTTP/1.1\n`);
  }
  await proxy.stop();
  echo.stop();
  rmSync(directory, { recursive: true, force: true });
}

const [mode = 'cost', first, second] = process.argv.slice(2);
if (mode === 'load') await load(Number(first), Number(second));
else if (mode === 'cost') await cost(Number(first ?? 5), Number(second ?? 2));
else {
  const reloads = Number(first ?? 100);
  const sockets = Number(second ?? 200);
  const { failed, lost } = await reloadUnderStreams({ connections: 2, streams: sockets / 2, reloads });
  process.stdout.write(`${reloads} reloads under ${sockets} streams: ${failed} closed, ${lost} messages lost\n`);
  if (failed + lost > 0) process.exitCode = 1;
}

/**
 * Load for bench/console.ts, in a process of its own: WebSockets that send messages at a rate, each beginning with the time at
 * which it was sent. Messages of the parent: `{ rate }` sets the messages per second of all WebSockets together; `'count'` asks
 * for the number of messages that were sent or received so far.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

const FILE = fileURLToPath(import.meta.url);
/** Bytes of a message. */
const SIZE = 64;
/** ms between two groups of messages. */
const TICK = 10;
/** Messages that are sent together at most, after the process had to wait. */
const MAX_DUE = 1000;
/** WebSockets that are opened at a time. */
const GROUP = 50;

export interface ConsoleLoad {
  setRate(rate: number): void;
  /** Messages that have been sent or received so far: a loaded machine delays some, so that the rate is not exact. */
  count(): Promise<number>;
  stop(): void;
}

/** Starts it; resolves when all WebSockets are open. */
export async function consoleLoad(port: number, tunnels: number): Promise<ConsoleLoad> {
  const child = fork(FILE, ['load', String(port), String(tunnels)]);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', () => reject(new Error('the load could not be started')));
  });
  return {
    setRate: (rate) => void child.send({ rate }),
    count: () =>
      new Promise((resolve) => {
        child.once('message', (count) => resolve(Number(count)));
        child.send('count');
      }),
    stop: () => void child.kill(),
  };
}

/** The time in the beginning of a message, ms since 1970. */
export function sentAt(payload: Uint8Array): number {
  return Number(Buffer.from(payload.buffer, payload.byteOffset, 13).latin1Slice());
}

function connect(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false, generateMask: () => {} });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function run(port: number, tunnels: number): Promise<void> {
  const sockets: WebSocket[] = [];
  while (sockets.length < tunnels) {
    const count = Math.min(GROUP, tunnels - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: count }, () => connect(port)))));
  }
  let rate = 0;
  let due = 0;
  let next = 0;
  let count = 0;
  let last = performance.now();
  for (const socket of sockets) socket.on('message', () => count++);
  process.on('message', (message: { readonly rate: number } | 'count') => {
    if (message === 'count') process.send?.(count);
    else {
      rate = message.rate;
      due = 0;
    }
  });
  process.on('disconnect', () => process.exit());
  setInterval(() => {
    const time = performance.now();
    due = Math.min(due + (rate * (time - last)) / 1000, MAX_DUE);
    last = time;
    for (; due >= 1; due--) {
      sockets[next]?.send(`${Date.now()} `.padEnd(SIZE, 'x'));
      next = (next + 1) % sockets.length;
      count++;
    }
  }, TICK);
  process.send?.('ready');
}

if (process.argv[2] === 'load') await run(Number(process.argv[3]), Number(process.argv[4]));

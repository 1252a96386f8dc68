/**
 * The client whose latency is measured, as a separate process: sends requests at a fixed rate, most of them on kept
 * connections, one in ten on a new one. Arguments: port, requests per second, and `kept` to open no further connections.
 * Each message from the parent is answered with the `Sample` since the last one.
 */
import { connect, type Socket } from 'node:net';
import { getPriority, setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';

/** Requests of a period. */
export interface Sample {
  /** ms, in ascending order; a failed or unanswered request counts as long as it has lasted. */
  readonly latencies: readonly number[];
  readonly failed: number;
}

const [port = 0, rate = 0] = process.argv.slice(2).map(Number);
const fresh = process.argv[4] !== 'kept';
const KEPT = 8;
const FRESH_EVERY = 10;
/** ms after which a request counts as failed. */
const TIMEOUT = 10_000;
const HEAD = 'GET /well-behaved HTTP/1.1\r\nHost: localhost\r\n';

let latencies: number[] = [];
let failed = 0;
const idle: Socket[] = [];
const waiting: number[] = [];
const running = new Set<number>();
let opening = 0;

function record(started: number, ok: boolean): void {
  running.delete(started);
  latencies.push(performance.now() - started);
  if (!ok) failed++;
}

/** Sends one request on a connected or connecting socket; calls back once, with whether the response was complete. */
function exchange(socket: Socket, head: string, then: (ok: boolean) => void): void {
  let text = '';
  const end = (ok: boolean): void => {
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.setTimeout(0);
    then(ok);
  };
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const body = text.indexOf('\r\n\r\n');
    // Complete with the body `ok`, or a chunked one that has ended.
    if (body >= 0 && (text.endsWith('\r\n\r\nok') || text.endsWith('0\r\n\r\n'))) end(text.startsWith('HTTP/1.1 200'));
    else if (body >= 0 && !text.startsWith('HTTP/1.1 200')) end(false);
  });
  socket.on('error', () => end(false));
  socket.on('close', () => end(false));
  socket.setTimeout(TIMEOUT, () => end(false));
  socket.write(head);
}

function open(): Socket {
  return connect({ port, host: '127.0.0.1', noDelay: true });
}

function sendKept(): void {
  while (waiting.length > 0 && (idle.length > 0 || opening < KEPT)) {
    const started = waiting.shift() ?? 0;
    let socket = idle.pop();
    if (socket === undefined) {
      opening++;
      socket = open();
    } else if (socket.destroyed) {
      opening--;
      waiting.unshift(started);
      continue;
    }
    const used = socket;
    exchange(used, `${HEAD}\r\n`, (ok) => {
      record(started, ok);
      if (ok && !used.destroyed) {
        idle.push(used);
        used.once('close', () => {
          const at = idle.indexOf(used);
          if (at < 0) return;
          idle.splice(at, 1);
          opening--;
        });
      } else {
        used.destroy();
        opening--;
      }
      sendKept();
    });
  }
}

function sendFresh(started: number): void {
  const socket = open();
  exchange(socket, `${HEAD}Connection: close\r\n\r\n`, (ok) => {
    record(started, ok);
    socket.destroy();
  });
}

let sent = 0;
const begin = performance.now();
setInterval(() => {
  for (; sent < ((performance.now() - begin) / 1000) * rate; sent++) {
    const started = performance.now();
    running.add(started);
    if (fresh && sent % FRESH_EVERY === 0) sendFresh(started);
    else waiting.push(started);
  }
  sendKept();
}, 2);

process.on('message', () => {
  const now = performance.now();
  for (const started of running) if (now - started > 100) latencies.push(now - started);
  process.send?.({ latencies: latencies.sort((a, b) => a - b), failed } satisfies Sample);
  latencies = [];
  failed = 0;
});
process.on('disconnect', () => process.exit());
try {
  // Measures the proxy's latency, not this process's scheduling delay.
  setPriority(getPriority() - 5);
} catch {
  // Requires root.
}

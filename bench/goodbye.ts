/**
 * Closing of tunnels at a shutdown: QUIT with many of them open, while every client sends fragmented messages.
 *
 *   node dist/bench/goodbye.js [tunnels] [spread in seconds] [workers] [default]
 *
 * With `default` the configuration has no directive of tsproxy; the spread is then 5 seconds.
 *
 * Each client must receive a Close frame, never inside of a message; the frames must be evenly spread, and all connections
 * closed by the deadline. Otherwise the exit code is 1.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RawData, WebSocket } from 'ws';
import { closedPort } from '../test/kit/index.js';
import { open } from '../test/stress/messages.js';
import { echoProcess } from './echo.js';
import { ProxyProcess } from './proxy-process.js';

const [tunnels = 1000, spread = 5, workers = 2] = process.argv.slice(2).map(Number);
const TIMEOUT = 5;
const drain = process.argv[5] === 'default' ? '' : `tunnel_drain on spread=${spread}s timeout=${TIMEOUT}s;`;
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const failures: string[] = [];

const echo = await echoProcess();
const port = await closedPort();
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-goodbye-'));
const proxy = await ProxyProcess.start(
  `
worker_processes ${workers};
events { worker_connections 20000; }
http {
    access_log off;
    ${drain}
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
            proxy_pass http://127.0.0.1:${echo.port};
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
    }
}
`,
  directory,
);

/** ms after QUIT at which each client received its Close frame. */
const closed: number[] = [];
const codes = new Map<number, number>();
let asked = 0;
let answered = 0;
let quitAt = 0;

/** Sends messages of three fragments, each when the previous one has been echoed. */
function converse(socket: WebSocket, i: number): void {
  let number = 0;
  const text = (): string => `${i}-${number}-`.padEnd(300, 'x');
  const send = (): void => {
    if (socket.readyState !== socket.OPEN) return;
    const message = text();
    asked++;
    const sendFrom = (from: number): void => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(message.slice(from, from + 100), { fin: from === 200 });
      if (from < 200) setTimeout(sendFrom, 50, from + 100);
    };
    sendFrom(0);
  };
  socket.on('message', (data: RawData) => {
    if (String(data) !== text())
      failures.push(
        `client ${i}: ${String(data).slice(0, 20)}… (${String(data).length}) in the place of ${text().slice(0, 20)}…`,
      );
    answered++;
    number++;
    setTimeout(send, 50);
  });
  socket.on('error', (error) => failures.push(`client ${i}: ${error.message}`));
  // `close` is emitted at the end of the connection; the frame itself is reported by the receiver only.
  const { _receiver: receiver } = socket as unknown as { _receiver: NodeJS.EventEmitter };
  receiver.on('conclude', () => closed.push(performance.now() - quitAt));
  socket.on('close', (code) => codes.set(code, (codes.get(code) ?? 0) + 1));
  send();
}

const sockets: WebSocket[] = [];
for (let i = 0; i < tunnels; i += 50) {
  const some = await Promise.all(Array.from({ length: Math.min(50, tunnels - i) }, () => open(port)));
  sockets.push(...some);
}
sockets.forEach(converse);
await new Promise((resolve) => setTimeout(resolve, 2000));
quitAt = performance.now();
const ended = new Promise<void>((resolve) => proxy.onExit(() => resolve()));
proxy.signal('SIGQUIT');
await ended;
const took = (performance.now() - quitAt) / 1000;
await new Promise((resolve) => setTimeout(resolve, 500));

const each: number[] = new Array<number>(spread).fill(0);
for (const ms of closed) {
  const second = Math.min(spread - 1, Math.floor(ms / 1000));
  each[second] = (each[second] ?? 0) + 1;
}
printLine(`${tunnels} tunnels, ${workers} workers: ${closed.length} closed, codes ${JSON.stringify([...codes])}`);
printLine(
  `in each second: ${each.join(' ')}; the first after ${Math.round(Math.min(...closed))} ms, the last after ${Math.round(Math.max(...closed))} ms`,
);
printLine(`the proxy ended after ${took.toFixed(1)} s; ${answered} of ${asked} messages had come back whole`);
if (closed.length !== tunnels || codes.get(1001) !== tunnels)
  failures.push('not every client saw a Close frame with 1001');
if (took > spread + TIMEOUT + 1) failures.push(`it ended after the deadline of ${spread + TIMEOUT} s`);
for (const count of each) {
  if (Math.abs(count - tunnels / spread) > 0.2 * (tunnels / spread))
    failures.push(`${count} in one second is not even`);
}
await proxy.stop();
echo.stop();
rmSync(directory, { recursive: true, force: true });
for (const failure of failures.slice(0, 20)) printLine(`FAILED: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);

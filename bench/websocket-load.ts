/**
 * A WebSocket load on raw sockets. Arguments: port, connections, bytes per message, seconds, `ws` or `wss`, path. Each connection has one message
 * in flight: it sends the next one when the echo of the last has arrived. Prints `ready` when all are open, `counting` after
 * a second of warm-up, and at the end `total` and the number of echoes since then. With 0 seconds all connections stay idle
 * until standard input ends.
 */
import { connect, type Socket } from 'node:net';
import tls from 'node:tls';
import { clientFrame, serverFrame } from './frames.js';

const [port = 0, connections = 1, size = 64, seconds = 1] = process.argv.slice(2).map(Number);
const frame = clientFrame(size);
const echoed = serverFrame(size).length;
const secure = process.argv[6] === 'wss';
const path = process.argv[7] ?? '/ws';
/** On the path `/bytes` the proxy sees a tunnel of another protocol, with the same bytes. */
const protocol = path === '/bytes' ? 'bytes' : 'websocket';
const secureContext = tls.createSecureContext({ minVersion: 'TLSv1.3' });
let messages = 0;
let running = true;

const REQUEST =
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/** Opens one; `start` sends its first message. */
function open(): Promise<{ readonly socket: Socket; start(): void }> {
  return new Promise((resolve, reject) => {
    const target = { port, host: '127.0.0.1', noDelay: true };
    const socket = secure
      ? tls.connect({ ...target, secureContext, servername: 'localhost', rejectUnauthorized: false })
      : connect(target);
    let head = '';
    let received = 0;
    const echoes = (chunk: Buffer): void => {
      received += chunk.length;
      if (received < echoed) return;
      received -= echoed;
      messages++;
      if (running && seconds > 0) socket.write(frame);
    };
    const onHead = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      if (!head.startsWith('HTTP/1.1 101')) {
        reject(new Error(head.slice(0, head.indexOf('\r\n'))));
        return;
      }
      socket.off('data', onHead);
      socket.on('data', echoes);
      if (size > 0 && seconds === 0 && secure) socket.write(frame);
      resolve({ socket, start: () => socket.write(frame) });
    };
    socket.on('data', onHead);
    socket.on('error', (error) => (running ? reject(error) : socket.destroy()));
    socket.on('close', () => {
      if (running) reject(new Error('a connection was closed'));
    });
    socket.write(REQUEST);
  });
}

const opened: { readonly socket: Socket; start(): void }[] = [];
// A few at a time: a burst of thousands of connections would measure listen queues.
while (opened.length < connections) {
  const batch = Math.min(50, connections - opened.length);
  opened.push(...(await Promise.all(Array.from({ length: batch }, open))));
}
process.stdout.write('ready\n');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
if (seconds > 0) {
  for (const each of opened) each.start();
  await pause(1000);
  messages = 0;
  process.stdout.write('counting\n');
  await pause(seconds * 1000);
  process.stdout.write(`total ${messages}\n`);
}
// Connections stay open until the other side has read its meters.
await new Promise((resolve) => process.stdin.resume().on('end', resolve));
running = false;
for (const { socket } of opened) socket.destroy();

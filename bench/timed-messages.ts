/**
 * WebSockets that send messages with the time at which they are sent. Arguments: port of the proxy, port for the back end,
 * connections, messages per second in total, seconds. The back end receives only. Prints `listening` when the back end
 * listens, `ready` when all connections are open, and `done` at the end.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';

const [port = 0, backEnd = 0, connections = 1, rate = 1, seconds = 1] = process.argv.slice(2).map(Number);
/** ms between two bursts. */
const INTERVAL = 5;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const REQUEST =
  `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`;

const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', () => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    );
    socket.resume();
  });
});
await new Promise<void>((resolve) => server.listen(backEnd, '127.0.0.1', resolve));
process.stdout.write('listening\n');

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('data', (head: Buffer) => {
      if (!head.toString('latin1').startsWith('HTTP/1.1 101')) reject(new Error(head.toString('latin1')));
      else resolve(socket);
    });
    socket.write(REQUEST);
  });
}

/** A text frame with a masking key of zeros, so that its payload is not changed. */
function frame(text: string): Buffer {
  const head = Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}

// The proxy starts when the back end listens.
await new Promise<void>((resolve) => process.stdin.once('data', () => resolve()));
const sockets: Socket[] = [];
while (sockets.length < connections) {
  const batch = Math.min(50, connections - sockets.length);
  sockets.push(...(await Promise.all(Array.from({ length: batch }, open))));
}
process.stdout.write('ready\n');
await new Promise<void>((resolve) => process.stdin.once('data', () => resolve()));

const start = Date.now();
let sent = 0;
const timer = setInterval(() => {
  const now = Date.now();
  const due = Math.floor(((now - start) * rate) / 1000);
  for (; sent < due; sent++) {
    sockets[sent % connections]?.write(frame(`{"at":${now},"text":"a message of an ordinary length"}`.padEnd(64)));
  }
  if (now - start < seconds * 1000) return;
  clearInterval(timer);
  process.stdout.write(`done ${sent}\n`);
  process.exit();
}, INTERVAL);

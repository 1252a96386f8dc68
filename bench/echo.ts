/** A back end for stress tests in a separate process: WebSocket echo, and a plain response. */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const FILE = fileURLToPath(import.meta.url);

/** Starts it; resolves with its port. */
export async function echoProcess(): Promise<{ readonly port: number; stop(): void; kill(): void }> {
  const child = fork(FILE, ['serve']);
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))));
  return { port, stop: () => void child.kill(), kill: () => void child.kill('SIGKILL') };
}

function serve(): void {
  const server = createServer((_request, response) => response.end('plain'));
  const sockets = new WebSocketServer({ server, maxPayload: 64 << 20 });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  server.keepAliveTimeout = 600_000;
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    process.send?.((server.address() as { port: number }).port);
  });
}

if (process.argv[1] === FILE && process.argv[2] === 'serve') {
  // The parent may fail before it stops this process.
  process.once('disconnect', () => process.exit());
  serve();
}

/** A port on which connections neither succeed nor fail: somebody listens there and accepts nothing. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';

/** The port, and its end. */
export interface Deaf {
  readonly port: number;
  close(): void;
}

// The process blocks with its listening socket open; its backlog of one is then filled from here.
const LISTENER = `
const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, server.address().port + '\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);
});
`;

export async function deafPort(): Promise<Deaf> {
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text: Buffer) => resolve(Number(text))),
  );
  const filling: Socket[] = [];
  for (let i = 0; i < 3; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    filling.push(socket);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    port,
    close: () => {
      for (const socket of filling) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

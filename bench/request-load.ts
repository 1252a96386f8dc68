/**
 * Small requests over keep-alive connections, one in flight on each, for `guard.ts`, which needs no other program. Arguments: number
 * of connections. Reads `PORT COUNT` from standard input, and prints `done` when that many responses have arrived, or `failed`.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n');
/** End of the head, and the whole body of the back end's response. */
const END = '\r\n\r\nok';

const connections = Number(process.argv[2]);
const open = new Map<number, Socket[]>();

async function sockets(port: number): Promise<Socket[]> {
  const known = open.get(port);
  if (known?.every(({ readyState }) => readyState === 'open')) return known;
  for (const socket of known ?? []) socket.destroy();
  const opened = await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
          socket.on('error', reject);
        }),
    ),
  );
  open.set(port, opened);
  return opened;
}

async function run(port: number, count: number): Promise<void> {
  let left = count;
  await Promise.all(
    (await sockets(port)).map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          let pending = '';
          const next = (): void => {
            if (left-- > 0) {
              socket.write(REQUEST);
              return;
            }
            socket.removeAllListeners('data').removeAllListeners('close');
            resolve();
          };
          socket.on('close', () => reject(new Error('the connection was closed')));
          if (socket.destroyed) reject(new Error('the connection was closed'));
          socket.on('data', (chunk) => {
            pending += chunk.latin1Slice();
            if (!pending.endsWith(END)) return;
            if (!pending.startsWith('HTTP/1.1 200 ')) reject(new Error(pending));
            pending = '';
            next();
          });
          next();
        }),
    ),
  );
}

for await (const line of createInterface({ input: process.stdin })) {
  const [port = 0, count = 0] = line.split(' ').map(Number);
  try {
    await run(port, count);
    process.stdout.write('done\n');
  } catch (error) {
    process.stdout.write(`failed: ${String(error)}\n`);
  }
}
for (const socket of [...open.values()].flat()) socket.destroy();

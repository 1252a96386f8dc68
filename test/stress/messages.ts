/** WebSocket messages of all sizes through a proxy, and whether each came back as it was, in its turn. */
import assert from 'node:assert/strict';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { Random } from './random.js';

/** The configuration for nginx of 2014, from nginx's own page on WebSocket proxying; it has no `events` block. */
export const FILE_OF_2014 = `
http {
    map $http_upgrade $connection_upgrade {
        default upgrade;
        '' close;
    }
    upstream websocket {
        server 127.0.0.1:%%BACKEND%%;
    }
    server {
        listen %%LISTEN%%;
        location / {
            proxy_pass http://websocket;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`;

/** Sizes around every place where something changes: frame headers, kernel buffers, reads. */
export const SIZES: readonly number[] = [
  1, 2, 125, 126, 127, 4095, 4096, 4097, 16_383, 65_535, 65_536, 65_537, 262_144,
];
export const LARGEST = 16 << 20;

const pool = new Random(2014).bytes(LARGEST + 65_536);

/** A message: the same for the same arguments. Text is in ASCII, so that its length in bytes is `size`. */
export function message(size: number, binary: boolean, seed: number): Buffer {
  const start = (seed * 7919) % 65_536;
  const bytes = Buffer.from(pool.subarray(start, start + size));
  if (!binary) for (let i = 0; i < size; i++) bytes[i] = 0x20 + ((bytes[i] as number) % 0x5f);
  return bytes;
}

/** Opens a connection; rejects where the handshake fails. */
export function open(port: number, options: ClientOptions = {}): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, {
      maxPayload: 64 << 20,
      perMessageDeflate: false,
      ...options,
    });
    socket.once('error', reject);
    socket.once('open', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Lets that many at a time do something. */
export class Turns {
  private readonly queue: (() => void)[] = [];
  constructor(private free: number) {}

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}

/** Sends all without waiting, and checks that the same come back in the same order. Returns the bytes that went one way. */
export function echoed(socket: WebSocket, sizes: readonly number[], seed: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let bytes = 0;
    const fail = (error: Error): void => {
      socket.off('message', onMessage);
      socket.off('close', onClose);
      reject(error);
    };
    const onClose = (code: number): void =>
      fail(new Error(`closed with ${code} at message ${next} of ${sizes.length}`));
    const onMessage = (data: RawData, binary: boolean): void => {
      const size = sizes[next] as number;
      try {
        assert.equal(binary, isBinary(seed, next), `kind of message ${next}`);
        const same = (data as Buffer).equals(message(size, binary, seed + next));
        assert.ok(same, `message ${next} of ${size} bytes is not what was sent (${(data as Buffer).length} bytes)`);
      } catch (error) {
        fail(error as Error);
        return;
      }
      bytes += size;
      if (++next < sizes.length) return;
      socket.off('message', onMessage);
      socket.off('close', onClose);
      resolve(bytes);
    };
    socket.on('message', onMessage);
    socket.on('close', onClose);
    socket.on('error', fail);
    for (const [i, size] of sizes.entries()) {
      const binary = isBinary(seed, i);
      socket.send(message(size, binary, seed + i), { binary });
    }
  });
}

function isBinary(seed: number, i: number): boolean {
  return (seed + i) % 2 === 0;
}

/** Amount of data transferred by a run. */
export interface Moved {
  readonly messages: number;
  /** Bytes of payload that went one way. */
  readonly bytes: number;
}

/**
 * Opens `clients` connections, keeps all open, and has each exchange messages of all sizes (in an order of its own), and
 * `largest` of them a message of 16 MiB. Rejects at the first message that is lost, changed or out of turn.
 */
export async function exchangeMessages(
  port: number,
  clients: number,
  sizes: readonly number[],
  largest: number,
): Promise<Moved> {
  // Peers hold whole messages, and all of them sit in one or two processes here: not all at once.
  const turns = new Turns(Math.max(8, Math.ceil(clients / 8)));
  const large = new Turns(6);
  const sockets: WebSocket[] = [];
  while (sockets.length < clients) {
    const batch = Math.min(50, clients - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(port)))));
  }
  // A client waiting longer than proxy_read_timeout for its turn would be disconnected.
  const pings = setInterval(() => {
    for (const socket of sockets) socket.ping();
  }, 15_000);
  const moved = await Promise.all(
    sockets.map(async (socket, i) => {
      const random = new Random(i);
      const shuffled = [...sizes].sort(() => random.below(3) - 1);
      let bytes = await turns.take(() => echoed(socket, shuffled, i));
      if (i < largest) bytes += await large.take(() => echoed(socket, [LARGEST], i));
      return bytes;
    }),
  );
  clearInterval(pings);
  await Promise.all(
    sockets.map((socket) => {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.close(1000);
      return closed;
    }),
  );
  return { messages: clients * sizes.length + largest, bytes: moved.reduce((sum, each) => sum + each, 0) };
}

/** Sockets for the tests of `SocketTransport`: pairs of a plain client and an adopted socket, and an owner that takes notes. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { openTransports, type Transport, type TransportOwner } from '../../src/net/transport.js';

/** Notes what it is told. */
export class Noting implements TransportOwner {
  received: Buffer[] = [];
  ended = 0;
  drained = 0;
  connected = 0;
  closed = 0;
  error: NodeJS.ErrnoException | null = null;
  private readonly waiters: { condition: () => boolean; resolve: () => void }[] = [];

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received.push(Buffer.from(bytes.subarray(0, length)));
    this.check();
  }
  onEnd(): void {
    this.ended++;
    this.check();
  }
  onDrain(): void {
    this.drained++;
    this.check();
  }
  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    this.closed++;
    this.error = error;
    this.check();
  }
  onConnected(): void {
    this.connected++;
    this.check();
  }
  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }
  get length(): number {
    return this.received.reduce((sum, piece) => sum + piece.length, 0);
  }
  /** Resolves when it is so. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ condition, resolve }));
  }
  private check(): void {
    for (const waiter of this.waiters.splice(0)) {
      if (waiter.condition()) waiter.resolve();
      else this.waiters.push(waiter);
    }
  }
}

export interface Pair {
  readonly server: net.Server;
  readonly client: net.Socket;
  readonly transport: SocketTransport;
  readonly owner: Noting;
}

export function listening(path?: string): Promise<net.Server> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  return new Promise((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', () => resolve(server));
    else server.listen(path, () => resolve(server));
  });
}

export function target(server: net.Server): net.NetConnectOpts {
  const address = server.address();
  assert.ok(address !== null);
  return typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: address.port };
}

/** A plain client and the adopted socket of the server's side. */
export async function pair(path?: string): Promise<Pair> {
  const server = await listening(path);
  const client = net.connect({ ...target(server), allowHalfOpen: true } as net.NetConnectOpts);
  client.on('error', () => {});
  const owner = new Noting();
  const transport = await new Promise<SocketTransport>((resolve) => {
    server.once('connection', (socket) => resolve(SocketTransport.adopt(socket, owner)));
  });
  return { server, client, transport, owner };
}

export function closing(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Ends what a test left, and looks whether all was counted out. */
export async function finish({ server, client, transport, owner }: Pair): Promise<void> {
  const closed = closing(server);
  transport.destroy();
  client.destroy();
  await owner.until(() => owner.closed > 0);
  await closed;
  assert.equal(owner.closed, 1);
  assert.equal(openTransports(), 0);
}

export function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let x = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

/** Numbers as random as they need to be, the same in each run. */
export function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 4294967296) * below);
  };
}

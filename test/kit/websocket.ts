/** WebSocket back end and client for tests, based on `ws`. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { ConnectionOptions } from 'node:tls';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { READ_TIMEOUT } from './connection.js';

/** A WebSocket echo server on a free port of 127.0.0.1; plain requests are answered `plain NAME`. */
export class WebSocketEcho {
  /** Fields of the upgrade requests received, in order. */
  readonly upgrades: IncomingHttpHeaders[] = [];
  /** Close codes that clients sent, in order. */
  readonly closeCodes: number[] = [];

  constructor(
    private readonly server: Server,
    readonly sockets: WebSocketServer,
    readonly port: number,
  ) {}

  /** Open connections. */
  get open(): number {
    return this.sockets.clients.size;
  }

  close(): Promise<void> {
    for (const client of this.sockets.clients) client.terminate();
    this.sockets.close();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** Starts an echo server. `greeting`: sent at once, so that it may share a packet with the 101. */
export async function websocketEcho(options: { name?: string; greeting?: string } = {}): Promise<WebSocketEcho> {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/plain');
    response.end(`plain ${options.name ?? 'echo'} ${request.url}`);
  });
  const sockets = new WebSocketServer({ server, maxPayload: 64 << 20 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const echo = new WebSocketEcho(server, sockets, typeof address === 'object' && address !== null ? address.port : 0);
  sockets.on('connection', (socket, request) => {
    echo.upgrades.push(request.headers);
    socket.on('error', () => socket.terminate());
    socket.on('close', (code) => echo.closeCodes.push(code));
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary }));
    if (options.greeting !== undefined) socket.send(options.greeting);
  });
  return echo;
}

/** A WebSocket client that queues received messages. */
export class WebSocketClient {
  private readonly received: (string | Buffer)[] = [];
  private waiting: ((message: string | Buffer) => void) | null = null;
  /** Settles with the close code. */
  readonly closed: Promise<number>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: RawData, binary) => {
      const buffer = data as Buffer;
      const message = binary ? buffer : buffer.toString('utf8');
      if (this.waiting !== null) this.waiting(message);
      else this.received.push(message);
    });
    // The close event always follows an error and carries the relevant information.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  send(message: string | Buffer): void {
    this.socket.send(message);
  }

  /** The next message: text as a string, binary as a Buffer. */
  next(): Promise<string | Buffer> {
    const first = this.received.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited ${READ_TIMEOUT} ms for a message`)), READ_TIMEOUT);
      this.waiting = (message) => {
        clearTimeout(timer);
        this.waiting = null;
        resolve(message);
      };
    });
  }

  /** Sends a message and returns the next one received. */
  ask(message: string | Buffer): Promise<string | Buffer> {
    this.send(message);
    return this.next();
  }

  /** Sends a Close frame and waits for the other side's. */
  close(code = 1000): Promise<number> {
    this.socket.close(code);
    return this.closed;
  }
}

/**
 * Connects, with TLS if `secure` is given; rejects with `ws`'s error if the handshake fails (`Unexpected server response:
 * 502`).
 */
export function websocket(
  port: number,
  path = '/',
  headers: Record<string, string> = {},
  secure?: ConnectionOptions,
): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${secure === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}${path}`, {
      ...secure,
      headers,
      maxPayload: 64 << 20,
      perMessageDeflate: false,
    });
    const client = new WebSocketClient(socket);
    socket.once('open', () => resolve(client));
    socket.once('error', reject);
  });
}

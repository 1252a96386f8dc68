/** Listening sockets and the connections behind them; swaps routing tables under live traffic. */
import net from 'node:net';
import { errnoText } from '../diagnostics/errno.js';
import type { RoutingTable } from '../exchange/compiler.js';
import { StartError } from '../exchange/compiler.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Listening } from '../exchange/module.js';
import type { ListenerProgram, ServerProgram } from '../exchange/program.js';
import type { HeadLimits } from '../http/request-reader.js';
import { Transport } from '../http/transport.js';
import { ClientConnection } from './client-connection.js';

/** What a connection asks of the server that it belongs to. */
export interface ConnectionHost {
  readonly table: RoutingTable;
  /** Being shut down: no connection is kept after its answer. */
  readonly draining: boolean;
  programFor(listening: Listening, localAddress: string): ListenerProgram;
  limits(server: ServerProgram): HeadLimits;
  release(table: RoutingTable): void;
  forget(connection: ClientConnection): void;
}

interface Bound {
  readonly key: string;
  server: net.Server;
  /** The listener of the table in force. */
  listening: Listening;
}

export interface ServerOptions {
  readonly errorLog: ErrorLog;
}

export class Server implements ConnectionHost {
  table!: RoutingTable; // set by the first apply, before any socket listens
  draining = false;
  private bound = new Map<string, Bound>();
  private readonly open = new Set<ClientConnection>();
  private readonly limitsOf = new WeakMap<ServerProgram, HeadLimits>();
  private drained: (() => void) | null = null;

  constructor(private readonly options: ServerOptions) {}

  /** Client connections that are open. */
  get connections(): number {
    return this.open.size;
  }

  /** Where it listens: `host:port` or `unix:path`. */
  addresses(): string[] {
    return [...this.bound.values()].map(({ server, listening }) => {
      if (listening.path !== null) return `unix:${listening.path}`;
      const address = server.address() as net.AddressInfo;
      return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
    });
  }

  /**
   * Binds what the table wants and is not bound yet, swaps the table, and stops listening where it is no longer wanted.
   * Rejects with StartError when an address cannot be bound; then nothing has changed.
   */
  async apply(table: RoutingTable): Promise<void> {
    const next = new Map<string, Bound>();
    const fresh: Bound[] = [];
    const waiting: Bound[] = [];
    try {
      for (const listening of table.listeners) {
        const kept = this.bound.get(listening.key);
        if (kept !== undefined) {
          next.set(listening.key, kept);
          continue;
        }
        const bound = await this.bind(listening, waiting);
        fresh.push(bound);
        next.set(listening.key, bound);
      }
    } catch (error) {
      for (const { server } of fresh) server.close();
      throw error;
    }
    const previous = this.table as RoutingTable | undefined;
    this.table = table;
    for (const listening of table.listeners) {
      const bound = next.get(listening.key);
      if (bound !== undefined) bound.listening = listening;
    }
    for (const [key, { server }] of this.bound) if (!next.has(key)) server.close();
    this.bound = next;
    if (previous !== undefined && previous !== table) this.retire(previous);
  }

  private async bind(listening: Listening, waiting: Bound[]): Promise<Bound> {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    const bound: Bound = { key: listening.key, server, listening };
    waiting.push(bound);
    server.on('connection', (socket) => this.accept(socket, bound));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(bindError(listening, error)));
      const options: net.ListenOptions =
        listening.path !== null
          ? { path: listening.path, backlog: listening.backlog, readableAll: true, writableAll: true }
          : {
              host: listening.host,
              port: listening.port,
              backlog: listening.backlog,
              ipv6Only: listening.ipv6only,
              ...(listening.reuseport && REUSE_PORT ? { reusePort: true } : {}),
            };
      server.listen(options, () => {
        server.removeAllListeners('error');
        // Running out of descriptors while accepting must not end the process; the next accept is tried by Node.
        server.on('error', (error) => this.options.errorLog.write('crit', `accept() failed (${error.message})`));
        resolve();
      });
    });
    return bound;
  }

  private accept(socket: net.Socket, bound: Bound): void {
    // A socket that was reset before it was looked at has no handle any more.
    if ((socket as unknown as { _handle: unknown })._handle === null || socket.destroyed) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const transport = Transport.adopt(socket, PENDING_OWNER);
    const connection = new ClientConnection(transport, this, bound.listening);
    transport.owner = connection;
    this.open.add(connection);
  }

  programFor(listening: Listening, localAddress: string): ListenerProgram {
    const now = this.bound.get(listening.key)?.listening ?? listening;
    return now.byLocalAddress?.get(localAddress) ?? now.program;
  }

  limits(server: ServerProgram): HeadLimits {
    let limits = this.limitsOf.get(server);
    if (limits === undefined) {
      const { number, size } = server.largeClientHeaderBuffers;
      limits = {
        line: Math.max(size, server.clientHeaderBufferSize),
        total: server.clientHeaderBufferSize + number * size,
        fields: server.maxHeaders,
        dropInvalid: server.ignoreInvalidHeaders,
        underscores: server.underscoresInHeaders,
      };
      this.limitsOf.set(server, limits);
    }
    return limits;
  }

  release(table: RoutingTable): void {
    table.users--;
    if (table.users === 0 && table !== this.table) this.retire(table);
  }

  private retire(table: RoutingTable): void {
    if (table.users > 0) return;
    const { onUnused } = table;
    table.onUnused = null;
    onUnused?.();
  }

  forget(connection: ClientConnection): void {
    this.open.delete(connection);
    if (this.open.size === 0) this.drained?.();
  }

  /** Stops accepting, ends idle connections, and resolves when the last connection has ended. */
  async quit(): Promise<void> {
    this.draining = true;
    for (const { server } of this.bound.values()) server.close();
    this.bound = new Map();
    for (const connection of this.open) if (connection.idle) connection.transport.destroySoon();
    if (this.open.size > 0) {
      await new Promise<void>((resolve) => {
        this.drained = resolve;
      });
    }
  }

  /** Ends everything at once. */
  stop(): void {
    this.draining = true;
    for (const { server } of this.bound.values()) server.close();
    this.bound = new Map();
    for (const connection of this.open) connection.transport.destroy();
  }
}

/** Node takes `reusePort` from 22.12 on; before, each process simply listens. */
const REUSE_PORT = (() => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
})();

function bindError(listening: Listening, error: NodeJS.ErrnoException): StartError {
  const where = listening.path !== null ? `unix:${listening.path}` : listening.key;
  return new StartError(`bind() to ${where} failed (${errnoText(error)})`, null);
}

/** Owns a transport for the moment between its making and its connection's. */
const PENDING_OWNER = {
  onBytes(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClosed(): void {},
  onConnected(): void {},
};

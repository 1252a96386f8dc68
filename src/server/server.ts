/** Listening sockets and their connections; replaces routing tables while serving. */
import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, ConnectionFactory } from '../exchange/connection.js';
import { ConnectionCounts } from '../exchange/connection-counts.js';
import { ConnectionList } from '../exchange/connection-list.js';
import { shareConnections } from '../exchange/open-connections.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { Accepted } from '../net/accept-step.js';
import { type AcceptedSocket, acceptHandles } from '../net/accepted-socket.js';
import { connectionRefused, descriptorsScarce } from '../net/connection-limit.js';
import { now } from '../net/deadlines.js';
import { forgetShapes, ShapeSlot } from '../net/kept-shapes.js';
import { memoryPair } from '../net/memory-transport.js';
import { nearlyExhausted } from '../net/open-files.js';
import { descriptorOf, lostBeforeUse } from '../net/socket-handle.js';
import { SocketTransport } from '../net/socket-transport.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { RoutingTable } from '../program/compiler.js';
import type { Arrived } from '../program/config-lease.js';
import type { Listening } from '../program/module.js';
import { AcceptPause } from './accept-pause.js';
import { AcceptSequence, type SequenceHost } from './accept-sequence.js';
import { type Binder, type BoundAddress, ownBinder } from './binder.js';
import { PROTOCOLS, type Protocols } from './protocols.js';
import { setKeepalive } from './tcp-keepalive.js';

interface Bound extends Arrived {
  readonly server: net.Server;
  /** The listener of the table in force, or of the last table that had it. */
  listening: Listening;
  table: RoutingTable;
  /** Connections accepted before the table was in force; null from then on. */
  early: AcceptedSocket[] | null;
  /** Connections accepted so far. */
  accepted: number;
  /** Whether it belongs to the table in force, so that its connections are kept. */
  current: boolean;
}

/** A client that is connected without a socket. */
export interface MemoryClient {
  readonly address: string;
  readonly port: number;
  /** Whether its requests have arrived over TLS. */
  readonly secure: boolean;
}

/** A table ready to be put in force. Exactly one of the two must be called. */
export interface PreparedTable {
  commit(): void;
  cancel(): void;
}

export interface ServerOptions {
  readonly errorLog: ErrorLog;
  /** Source of listening sockets. Default: binds in this process. */
  readonly binder?: Binder;
  /** Protocols of connections. Default: `PROTOCOLS`. */
  readonly protocols?: Protocols;
}

export class Server implements SequenceHost {
  table!: RoutingTable; // set by the first apply, before any socket listens
  readonly counts = new ConnectionCounts();
  private bound = new Map<string, Bound>();
  /** Removed listeners: pending connections are accepted before they are closed. */
  private readonly closing = new Set<Promise<void>>();
  private readonly open = new ConnectionList();
  /** Resolvers waiting until no connection is open. */
  private readonly drained: (() => void)[] = [];
  private stopped = false;

  private readonly binder: Binder;
  private readonly pause: AcceptPause;
  private readonly protocols: Protocols;

  constructor(private readonly options: ServerOptions) {
    this.binder = options.binder ?? ownBinder;
    this.protocols = options.protocols ?? PROTOCOLS;
    this.pause = new AcceptPause(this.binder, options.errorLog, (listener) =>
      [...this.bound.values()].some((bound) => bound === listener),
    );
  }

  /** Number of open client connections. */
  get connections(): number {
    return this.counts.active;
  }

  /** Bound addresses. */
  addresses(): BoundAddress[] {
    return [...this.bound.values()].map(({ server, listening }) => ({
      address: addressOf(server, listening),
      secure: listening.secure,
    }));
  }

  /**
   * Makes all new listeners of the table listen. Rejects with StartError on failure, in which case nothing has changed.
   * `commit` cannot fail: it replaces the table and closes listeners that it does not contain.
   */
  async prepare(table: RoutingTable): Promise<PreparedTable> {
    const next = new Map<string, Bound>();
    const fresh: Bound[] = [];
    const cancel = (): void => {
      for (const { server, early } of fresh) {
        server.close();
        for (const socket of early ?? []) socket.destroy();
      }
    };
    try {
      for (const listening of table.listeners) {
        this.factoryOf(listening.protocol);
        let bound = this.bound.get(listening.key);
        if (bound === undefined) {
          // A listener being closed may conflict under another name: a wildcard covers all addresses.
          await this.closed();
          bound = this.createBound(listening, table);
          fresh.push(bound);
          await this.binder.listen(bound.server, listening);
          this.logAcceptErrors(bound.server);
        }
        next.set(listening.key, bound);
      }
    } catch (error) {
      cancel();
      throw error;
    }
    return { commit: () => this.swap(table, next), cancel };
  }

  private swap(table: RoutingTable, next: Map<string, Bound>): void {
    const previous = this.table as RoutingTable | undefined;
    const before = this.bound;
    this.table = table;
    this.setBound(next);
    forgetShapes(table.generation);
    shareConnections(table.shared, this.open, this.counts);
    for (const listening of table.listeners) {
      const bound = next.get(listening.key);
      if (bound === undefined) continue;
      setKeepalive(bound.server, listening.keepalive);
      bound.listening = listening;
      bound.table = table;
    }
    this.rebindConnections(next, table);
    if (previous !== table) {
      previous?.shared.superseded();
      table.shared.enforced(table.generation);
    }
    void this.close([...before].filter(([key]) => !next.has(key)).map(([, bound]) => bound));
    if (previous !== undefined && previous !== table) this.retire(previous);
    for (const bound of next.values()) {
      const { early } = bound;
      bound.early = null;
      for (const socket of early ?? []) this.accept(socket, bound);
    }
  }

  /**
   * Rebinds connections of a listener that was removed and added again to the new table, so that they do not retain the
   * old one.
   */
  private rebindConnections(next: ReadonlyMap<string, Bound>, table: RoutingTable): void {
    for (const { arrived } of this.open) {
      const bound = next.get(arrived.listening.key);
      if (bound !== undefined && bound !== arrived) Object.assign(arrived, { listening: bound.listening, table });
    }
  }

  /** Closes listeners. Clients that have connected or sent data already are still served. */
  private async close(bounds: readonly Bound[]): Promise<void> {
    const [first] = bounds;
    if (first === undefined) return;
    // All listeners belong to the same, last table that had them; it must live until their requests are finished.
    const { table } = first;
    table.expecting++;
    const closed = this.closeWhenAccepted(bounds);
    this.closing.add(closed);
    await closed;
    this.closing.delete(closed);
    const gone: ReadonlySet<Arrived> = new Set(bounds);
    for (const connection of this.open) if (gone.has(connection.arrived)) connection.drain();
    table.expecting--;
    this.released(table);
  }

  /**
   * Closes listeners once their backlog is empty; pending connections would be reset. libuv accepts one connection per
   * turn of the event loop, so a turn without one has found the backlog empty. The backlog size limits the number of
   * turns.
   */
  private async closeWhenAccepted(bounds: readonly Bound[]): Promise<void> {
    const accepted = (): number => bounds.reduce((sum, bound) => sum + bound.accepted, 0);
    // This turn may already be past the accept step.
    await nextTurn();
    let before = -1;
    for (
      let turns = Math.max(...bounds.map(({ listening }) => queueLength(listening)));
      accepted() !== before && turns >= 0;
      turns--
    ) {
      before = accepted();
      await nextTurn();
    }
    for (const { server } of bounds) server.close();
  }

  /** Resolves when no removed listener is open, so that its address can be bound again. */
  async closed(): Promise<void> {
    await Promise.all(this.closing);
  }

  keeps(arrived: Arrived): boolean {
    return (arrived as Bound).current; // connections are created with the listener that accepted them
  }

  private setBound(next: Map<string, Bound>): void {
    for (const bound of this.bound.values()) bound.current = false;
    for (const bound of next.values()) bound.current = true;
    this.bound = next;
  }

  private createBound(listening: Listening, table: RoutingTable): Bound {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    const bound: Bound = { server, listening, table, early: [], accepted: 0, current: false };
    const accept = (socket: AcceptedSocket): void => {
      bound.accepted++;
      this.counts.accepted++;
      this.accept(socket, bound);
    };
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      accept(socket);
    });
    server.on('listening', () => acceptHandles(server, accept));
    return bound;
  }

  /** Logs accept errors (such as EMFILE) so that they do not end the process; Node retries. */
  private logAcceptErrors(server: net.Server): void {
    server.on('error', (error) => this.options.errorLog.write('crit', `accept() failed (${error.message})`));
  }

  private accept(socket: AcceptedSocket, bound: Bound): void {
    if (lostBeforeUse(socket) || this.stopped || !this.hasRoom(socket)) {
      socket.destroy();
      return;
    }
    if (bound.early !== null) {
      bound.early.push(socket);
      return;
    }
    this.counts.handled++;
    this.counts.active++;
    const { steps, protocol } = bound.listening;
    if (steps === null) this.connect(protocol, SocketTransport.adopt(socket, PENDING_OWNER), bound, null);
    else {
      const sequence = new AcceptSequence(socket, this, bound);
      this.open.add(sequence);
      sequence.start();
    }
  }

  establish(sequence: AcceptSequence, transport: Transport, early: Buffer): void {
    const { arrived, accepted, protocol } = sequence;
    const connection = this.connect(protocol, transport, arrived, accepted);
    this.open.delete(sequence);
    SEQUENCE.keep(sequence, arrived.table.generation);
    if (!this.keeps(arrived)) connection.drain();
    if (early.length > 0) connection.onBytes(transport, early, early.length);
  }

  /**
   * Connects a client of this process to a listener, whose steps of accepting are omitted, without a socket. `key`: the
   * listener, as
   * `Listening.key`; null: the first one. Throws Error if there is none.
   */
  connectInMemory(owner: TransportOwner, client: MemoryClient, key: string | null): Transport {
    const bound = key === null ? this.bound.values().next().value : this.bound.get(key);
    if (bound === undefined || this.stopped) {
      throw new Error(
        key === null || this.stopped ? 'the proxy is not running' : `the proxy does not listen on "${key}"`,
      );
    }
    const { host, port, protocol } = bound.listening;
    const { outgoing, accepted } = memoryPair(owner, PENDING_OWNER, {
      remoteAddress: client.address,
      remotePort: client.port,
      localAddress: host,
      localPort: port,
      secure: client.secure,
    });
    this.counts.accepted++;
    this.counts.handled++;
    this.counts.active++;
    this.connect(protocol, accepted, bound, null);
    return outgoing;
  }

  /** Creates the connection of a transport by its protocol. */
  private connect(protocol: string, transport: Transport, arrived: Arrived, accepted: Accepted | null): Connection {
    const connection = this.factoryOf(protocol)(transport, this, arrived, accepted);
    transport.owner = connection;
    this.open.add(connection);
    return connection;
  }

  private factoryOf(protocol: string): ConnectionFactory {
    const factory = this.protocols[protocol];
    if (factory === undefined) throw new Error(`no such protocol: ${protocol}`);
    return factory;
  }

  /**
   * Whether limits allow another connection. Pauses accepting if it has taken the last descriptor for clients.
   */
  private hasRoom(socket: AcceptedSocket): boolean {
    const refusal = connectionRefused();
    if (refusal !== null) {
      this.options.errorLog.write('alert', refusal);
      return false;
    }
    const exhausted = nearlyExhausted(descriptorOf(socket));
    if (!exhausted && !descriptorsScarce()) return true;
    this.pause.begin(this.bound.values());
    return this.binder.keepsSockets || !exhausted;
  }

  /** Idle connections without a request for `age` ms, least recently used first. nginx: ngx_reusable_connection. */
  *idle(age: number): Iterable<Connection> {
    // If accepting cannot pause, new clients cannot wait.
    const usedUntil = now() - (this.binder.keepsSockets ? age : 0);
    let next: Connection | null = null;
    for (let connection = this.open.first; connection !== null; connection = next) {
      next = connection.after;
      const { idle, usedAt } = connection;
      if (!idle) continue;
      if (connection.moved) {
        connection.moved = false;
        // Moved to the end, where this loop visits it again. Requests need not maintain the order.
        this.open.delete(connection);
        this.open.add(connection);
        next ??= connection;
      } else if (usedAt <= usedUntil) yield connection;
    }
  }

  released(table: RoutingTable): void {
    if (table !== this.table) this.retire(table);
  }

  private retire(table: RoutingTable): void {
    if (!table.unused) return;
    const { onUnused } = table;
    table.onUnused = null;
    onUnused?.();
  }

  forget(connection: Connection): void {
    if (this.open.delete(connection)) this.counts.active--;
    if (this.open.size === 0) for (const done of this.drained.splice(0)) done();
  }

  /** Stops listening, closes idle connections, and resolves when the last connection is closed. */
  async quit(): Promise<void> {
    const bounds = [...this.bound.values()];
    this.setBound(new Map());
    forgetShapes(-1);
    (this.table as RoutingTable | undefined)?.shared.superseded();
    await this.close(bounds);
    await this.closed();
    if (this.open.size > 0) await new Promise<void>((resolve) => this.drained.push(resolve));
  }

  /** Closes all listeners and connections immediately. */
  stop(): void {
    this.stopped = true;
    (this.table as RoutingTable | undefined)?.shared.superseded();
    for (const { server } of this.bound.values()) server.close();
    this.setBound(new Map());
    for (const connection of this.open) connection.destroy();
  }
}

/** Maximum length of the accept queue: for a backlog below 1 the Linux default (`net.core.somaxconn`). */
function queueLength({ backlog }: Listening): number {
  return (backlog > 0 ? backlog : 4096) + 1;
}

/** A sequence whose connection is established, with its steps. */
const SEQUENCE = new ShapeSlot();

/** Owner of a transport until its connection is constructed. */
const PENDING_OWNER = {
  onBytes(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClosed(): void {},
  onConnected(): void {},
};

function addressOf(server: net.Server, { key, path }: Listening): string {
  if (path !== null) return `unix:${path}`;
  const address = server.address() as net.AddressInfo | null;
  if (address === null) return key;
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

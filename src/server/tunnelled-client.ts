/** A client connection that has left HTTP, as its tunnel sees it. */
import type { DetachedClient } from '../exchange/client-side.js';
import type { RoutingTable } from '../exchange/compiler.js';
import type { Exchange } from '../exchange/exchange.js';
import type { Listening } from '../exchange/module.js';
import type { ListenerProgram } from '../exchange/program.js';
import type { Transport } from '../http/transport.js';
import type { ConnectionHost } from './server.js';

/** What is needed of the connection. */
export interface TunnelledConnection {
  readonly transport: Transport;
  readonly peerEnded: boolean;
  readonly host: ConnectionHost;
  readonly listening: Listening;
  readonly localAddress: string;
  readonly closed: boolean;
  /** The table of the exchange, given back when it ends. */
  table: RoutingTable;
  program: ListenerProgram;
  tunnelEnded(x: Exchange): void;
}

export class TunnelledClient implements DetachedClient {
  constructor(
    private readonly connection: TunnelledConnection,
    private readonly x: Exchange,
    readonly early: Buffer,
  ) {}

  get transport(): Transport {
    return this.connection.transport;
  }
  get table(): RoutingTable {
    return this.connection.table;
  }
  get peerEnded(): boolean {
    return this.connection.peerEnded;
  }

  moveTo(table: RoutingTable): void {
    const { connection } = this;
    const { table: before, host } = connection;
    if (table === before || connection.closed) return;
    connection.table = table;
    table.users++;
    connection.program = host.programFor(connection.listening, connection.localAddress);
    this.x.listener = connection.program;
    host.release(before);
  }

  ended(): void {
    this.connection.tunnelEnded(this.x);
  }
}

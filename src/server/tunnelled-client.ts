/** A client connection that has left HTTP, as its tunnel sees it. */
import type { DetachedClient } from '../exchange/client-side.js';
import type { RoutingTable } from '../exchange/compiler.js';
import type { Exchange } from '../exchange/exchange.js';
import type { Transport } from '../http/transport.js';
import type { ConfigLease } from './config-lease.js';

/** What is needed of the connection. */
export interface TunnelledConnection {
  readonly transport: Transport;
  readonly peerEnded: boolean;
  readonly closed: boolean;
  tunnelEnded(x: Exchange, completed: boolean): void;
}

export class TunnelledClient implements DetachedClient {
  constructor(
    private readonly connection: TunnelledConnection,
    private readonly use: ConfigLease,
    private readonly x: Exchange,
    readonly early: Buffer,
  ) {}

  get transport(): Transport {
    return this.connection.transport;
  }
  get table(): RoutingTable {
    return this.use.table;
  }
  get peerEnded(): boolean {
    return this.connection.peerEnded;
  }

  moveTo(table: RoutingTable): void {
    if (table === this.use.table || this.connection.closed) return;
    this.use.moveTo(table);
    this.x.listener = this.use.program;
  }

  ended(completed: boolean): void {
    this.connection.tunnelEnded(this.x, completed);
  }
}

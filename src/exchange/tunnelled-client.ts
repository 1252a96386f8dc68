/** A client's connection, or stream, after the upgrade, as seen by its tunnel. */
import type { Transport } from '../net/transport.js';
import type { RoutingTable } from '../program/compiler.js';
import type { ConfigLease } from '../program/config-lease.js';
import type { DetachedClient } from './client-side.js';
import type { HttpExchange } from './exchange.js';

/** The connection or stream as used by this module. */
export interface TunnelledConnection {
  readonly transport: Transport;
  readonly peerEnded: boolean;
  readonly closed: boolean;
  tunnelEnded(x: HttpExchange, completed: boolean): void;
}

export class TunnelledClient implements DetachedClient {
  constructor(
    private readonly connection: TunnelledConnection,
    private readonly lease: ConfigLease,
    private readonly x: HttpExchange,
    readonly early: Buffer,
  ) {}

  get transport(): Transport {
    return this.connection.transport;
  }
  get table(): RoutingTable {
    return this.lease.table;
  }
  get peerEnded(): boolean {
    return this.connection.peerEnded;
  }

  moveTo(table: RoutingTable): void {
    if (table === this.lease.table || this.connection.closed) return;
    this.lease.moveTo(table);
    this.x.listener = this.lease.program;
  }

  ended(completed: boolean): void {
    this.connection.tunnelEnded(this.x, completed);
  }
}

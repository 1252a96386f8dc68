/**
 * Reference-counted lease of a routing table by a client connection: for its requests, and for the tunnel it may
 * become.
 */
import type { Accepted } from '../net/accept-step.js';
import { ADMISSION, type Admission } from './admission.js';
import type { RoutingTable } from './compiler.js';
import type { Listening } from './module.js';
import type { ListenerProgram } from './program.js';

/** The listener of a connection; a reload replaces its contents, unless the new table has no such listener. */
export interface Arrived {
  readonly listening: Listening;
  readonly table: RoutingTable;
}

/** Notified when a lease of a table ends. */
export interface TableHost {
  released(table: RoutingTable): void;
}

// Kinds of lease.
const NONE = 0;
const RESERVED = 1;
const ACQUIRED = 2;

export class ConfigLease {
  table: RoutingTable;
  /** Listener program of that table. */
  program: ListenerProgram;
  private kind = NONE;
  private readonly admission: Admission | null;

  constructor(
    private readonly host: TableHost,
    private readonly arrived: Arrived,
    private readonly localAddress: string,
    accepted: Accepted | null = null,
  ) {
    this.admission = accepted?.get(ADMISSION) ?? null;
    this.table = arrived.table;
    this.program = this.programOf(arrived.listening);
  }

  private programOf({ byLocalAddress, program }: Listening): ListenerProgram {
    const own = byLocalAddress?.get(this.localAddress) ?? program;
    const server = this.admission === null ? null : this.admission.server(own);
    if (server === null) return own;
    return { ...own, defaultServer: server, otherwise: own.defaultServer };
  }

  private setTable(table: RoutingTable): void {
    this.table = table;
    this.program = this.programOf(this.arrived.listening);
  }

  /**
   * Switches to the table in force; called when the first byte of a request arrives, and valid for the whole request.
   */
  rebind(): void {
    if (this.table === this.arrived.table) return;
    this.release();
    this.setTable(this.arrived.table);
  }

  /** A request has begun to arrive: keeps its table until it is finished. */
  acquire(): void {
    if (this.kind === ACQUIRED) return;
    if (this.kind === RESERVED) this.table.expecting--;
    this.kind = ACQUIRED;
    this.table.users++;
  }

  /** Keeps the table for the next request, because no newer table has the listener. */
  reserve(): void {
    if (this.kind !== NONE) return;
    this.kind = RESERVED;
    this.table.expecting++;
  }

  /** Ends the lease; `expecting` reserves the table for a further request. */
  release(expecting = false): void {
    const { table, kind } = this;
    if (kind === NONE) return;
    this.kind = NONE;
    if (expecting) this.reserve();
    if (kind === ACQUIRED) table.users--;
    else table.expecting--;
    this.host.released(table);
  }

  /** Moves the lease to another table, for a tunnel that outlives a reload. */
  moveTo(table: RoutingTable): void {
    const before = this.table;
    table.users++;
    this.setTable(table);
    before.users--;
    this.host.released(before);
  }
}

/** Which routing table a client's connection uses: the requests that it brings, and the tunnel that it may become. */
import type { RoutingTable } from '../exchange/compiler.js';
import type { Listening } from '../exchange/module.js';
import type { ListenerProgram } from '../exchange/program.js';

/** Where a connection arrived: a reload puts the listener of the new table there, unless the new one has none. */
export interface Arrived {
  readonly listening: Listening;
  readonly table: RoutingTable;
}

/** Who is told that a table has one user less. */
export interface TableHost {
  release(table: RoutingTable): void;
}

export class TableUse {
  table: RoutingTable;
  /** Of that table. */
  program: ListenerProgram;
  private counted = false;

  constructor(
    private readonly host: TableHost,
    private readonly arrived: Arrived,
    private readonly localAddress: string,
  ) {
    this.table = arrived.table;
    this.program = this.programOf(arrived.listening);
  }

  private programOf({ byLocalAddress, program }: Listening): ListenerProgram {
    return byLocalAddress?.get(this.localAddress) ?? program;
  }

  /** The next request belongs to the table that is in force when its first byte comes, whatever follows. */
  join(): void {
    if (this.table === this.arrived.table) return;
    this.table = this.arrived.table;
    this.program = this.programOf(this.arrived.listening);
  }

  /** A request has begun to arrive: its table lives on until it is over. */
  begin(): void {
    if (this.counted) return;
    this.counted = true;
    this.table.users++;
  }

  end(): void {
    if (!this.counted) return;
    this.counted = false;
    this.host.release(this.table);
  }

  /** What goes on over a reload, a tunnel, belongs to another table from now on. */
  moveTo(table: RoutingTable): void {
    const before = this.table;
    table.users++;
    this.table = table;
    this.program = this.programOf(this.arrived.listening);
    this.host.release(before);
  }
}

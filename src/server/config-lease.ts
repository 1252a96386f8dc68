/** Which routing table a client's connection uses: the requests that it brings, and the tunnel that it may become. */
import type { RoutingTable } from '../exchange/compiler.js';
import type { Listening } from '../exchange/module.js';
import type { ListenerProgram } from '../exchange/program.js';

/** Where a connection arrived: a reload puts the listener of the new table there, unless the new one has none. */
export interface Arrived {
  readonly listening: Listening;
  readonly table: RoutingTable;
}

/** Who is told that a table has been let go of. */
export interface TableHost {
  released(table: RoutingTable): void;
}

/** What a connection is to its table. */
const NOTHING = 0;
const EXPECTED = 1;
const USER = 2;

export class ConfigLease {
  table: RoutingTable;
  /** Of that table. */
  program: ListenerProgram;
  private standing = NOTHING;

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

  private adopt(table: RoutingTable): void {
    this.table = table;
    this.program = this.programOf(this.arrived.listening);
  }

  /** The next request belongs to the table that is in force when its first byte comes, whatever follows. */
  rebind(): void {
    if (this.table === this.arrived.table) return;
    this.release();
    this.adopt(this.arrived.table);
  }

  /** A request has begun to arrive: its table lives on until it is over. */
  acquire(): void {
    if (this.standing === USER) return;
    if (this.standing === EXPECTED) this.table.expecting--;
    this.standing = USER;
    this.table.users++;
  }

  /** The table lives on for the next request, because no newer one has the listener. */
  reserve(): void {
    if (this.standing !== NOTHING) return;
    this.standing = EXPECTED;
    this.table.expecting++;
  }

  /** The request is over, and the connection as well unless another is expected for the same table. */
  release(expecting = false): void {
    const { table, standing } = this;
    if (standing === NOTHING) return;
    this.standing = NOTHING;
    if (expecting) this.reserve();
    if (standing === USER) table.users--;
    else table.expecting--;
    this.host.released(table);
  }

  /** What goes on over a reload, a tunnel, belongs to another table from now on. */
  moveTo(table: RoutingTable): void {
    const before = this.table;
    table.users++;
    this.adopt(table);
    before.users--;
    this.host.released(before);
  }
}

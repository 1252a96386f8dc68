/** An exchange whose connection was upgraded, as long as its tunnel lives. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { DetachedClient } from '../exchange/client-side.js';
import type { RoutingTable } from '../exchange/compiler.js';
import type { Exchange } from '../exchange/exchange.js';
import type { DrainOrder } from './drain.js';
import type { Tunnel } from './tunnel.js';

/** Where a tunnel leads. */
export interface TunnelTarget {
  /** The name of the upstream. */
  readonly upstream: string;
  /** The address of the server, as `$upstream_addr` has it. */
  readonly address: string;
}

export class UpgradedExchange {
  private current: RoutingTable;
  /** It began in a location whose tunnels drain; otherwise nothing is known of its frames. */
  private readonly drains: boolean;

  constructor(
    private readonly x: Exchange,
    private readonly client: DetachedClient,
    private readonly tunnel: Tunnel,
    readonly target: TunnelTarget,
    /** WebSocket frames are followed. */
    readonly frames: boolean,
  ) {
    this.current = client.table;
    this.drains = x.location.settings.tunnelDrain !== null;
  }

  /** The table to which it belongs: that with which it began, or a later one in which its location means the same. */
  get table(): RoutingTable {
    return this.current;
  }

  /** The block that handles it: a location, or an `if` or `limit_except` in one. */
  get block(): CheckedBlock | null {
    return this.x.location.block;
  }

  /** The host that the client asked for; in lower case, without port. */
  get host(): string {
    return this.x.host;
  }

  /** The address at which the client arrived. */
  get local(): { readonly address: string; readonly port: number; readonly path: string | null } {
    const { localAddress, localPort, unixPath } = this.x.client;
    return { address: localAddress, port: localPort, path: unixPath };
  }

  /** What its location says of its end; null: it goes on until it ends by itself. Times in ms. */
  get drainSettings(): { readonly spread: number; readonly timeout: number } | null {
    return this.drains ? this.x.location.settings.tunnelDrain : null;
  }

  drain(order: DrainOrder): void {
    this.tunnel.drain(order);
  }

  /**
   * Belongs to another table from now on, in which `block` means the same: nothing of the old one is needed any more. Values
   * that variables have got stay as they are.
   */
  moveTo(table: RoutingTable, block: CheckedBlock, server: CheckedBlock): boolean {
    const location = table.programs.locations.get(block);
    const program = table.programs.servers.get(server);
    if (location === undefined || program === undefined) return false;
    const { x } = this;
    const slots = new Array<string | undefined>(table.slots());
    for (const [name, { slot }] of this.current.programs.variables) {
      const value = x.slots[slot];
      const variable = table.programs.variables.get(name);
      if (value !== undefined && variable !== undefined) slots[variable.slot] = value;
    }
    x.slots = slots;
    x.location = location;
    x.server = program;
    this.current = table;
    this.client.moveTo(table);
    // An earlier reload may have asked it to end, for a change that is undone now.
    this.tunnel.stay();
    return true;
  }
}

/** The tunnels that live in this process: counted by generation, moved to a new one, and asked to end. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { RoutingTable } from '../exchange/compiler.js';
import type { Compiler, Shared } from '../exchange/module.js';
import { now } from '../http/deadlines.js';
import type { UpgradedExchange } from './upgraded.js';

/** What became of tunnels. */
export interface TunnelCounts {
  /** They go on. */
  readonly stay: number;
  /** They get a Close frame. */
  readonly drain: number;
  /** They are closed at the deadline, because there are no frames between which one could be put. */
  readonly close: number;
}

/** Where a tunnel is handled in a new configuration that means the same; null: it does not mean the same, or is gone. */
export type Counterpart = { readonly block: CheckedBlock; readonly server: CheckedBlock } | null;

const KEY = 'tunnels';

/**
 * Those of a routing table; one object over all tables of the process, which `previous` hands on also where nothing in the
 * new table can lead to a tunnel.
 */
export function tunnelsOf(shared: Shared, previous: Shared | null = null): Tunnels {
  return shared.get<Tunnels>(KEY) ?? shared.set(KEY, previous?.get<Tunnels>(KEY) ?? new Tunnels());
}

/** The same while the table is compiled. */
export function compiledTunnels({ shared, previous }: Compiler): Tunnels {
  return tunnelsOf(shared, previous);
}

/** What became of tunnels last, and becomes of those that begin later under an older table. */
interface Judgement {
  /** The table in force; null: nothing new begins any more. */
  readonly table: RoutingTable | null;
  readonly counterpart: (tunnel: UpgradedExchange) => Counterpart;
  /** Of the Close frame. */
  readonly code: number;
  /** When all that is left is cut, in ms on the clock of `now()`. */
  readonly end: number;
}

export class Tunnels {
  private readonly living = new Set<UpgradedExchange>();
  private last: Judgement | null = null;

  get size(): number {
    return this.living.size;
  }

  add(tunnel: UpgradedExchange): void {
    this.living.add(tunnel);
    // The request may have been on its way when its configuration was replaced.
    if (this.last !== null && tunnel.table !== this.last.table) this.judge([tunnel], this.last);
  }

  delete(tunnel: UpgradedExchange): void {
    this.living.delete(tunnel);
  }

  /** How many belong to each generation, by its number. */
  byGeneration(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const { table } of this.living) counts.set(table.generation, (counts.get(table.generation) ?? 0) + 1);
    return counts;
  }

  /**
   * A new table is in force. Tunnels whose location means the same there belong to it at once; the others go on, or end
   * with `code` where their own location asks for that.
   */
  reload(table: RoutingTable, counterpart: (tunnel: UpgradedExchange) => Counterpart, code: number): TunnelCounts {
    this.last = { table, counterpart, code, end: Number.POSITIVE_INFINITY };
    return this.judge([...this.living], this.last);
  }

  /**
   * Nothing new begins any more: those that ask for it end with `code`, the others by themselves. After `limit` ms (0: never)
   * all that is left is cut; until then everybody has had a Close frame and some time to answer it.
   */
  quit(code: number, limit: number): TunnelCounts {
    const end = limit > 0 ? now() + limit : Number.POSITIVE_INFINITY;
    this.last = { table: null, counterpart: () => null, code, end };
    return this.judge([...this.living], this.last);
  }

  private judge(tunnels: readonly UpgradedExchange[], { table, counterpart, code, end }: Judgement): TunnelCounts {
    const left = tunnels.filter((tunnel) => {
      if (tunnel.table === table) return false;
      const found = counterpart(tunnel);
      return table === null || found === null || !tunnel.moveTo(table, found.block, found.server);
    });
    return this.drain(left, code, end);
  }

  /** Of n tunnels the i-th gets its Close frame when i/n of its `spread` are over. */
  private drain(candidates: readonly UpgradedExchange[], code: number, end: number): TunnelCounts {
    const ending = candidates.filter(({ drainSettings }) => drainSettings !== null);
    const start = now();
    let drain = 0;
    for (const [i, tunnel] of ending.entries()) {
      if (tunnel.drainSettings === null) continue;
      const { timeout } = tunnel.drainSettings;
      // The last one has its whole time to answer, or half of what there is.
      const latest = Math.max((end - start) / 2, end - start - timeout);
      const spread = Math.max(0, Math.min(tunnel.drainSettings.spread, latest));
      const at = start + (i * spread) / ending.length;
      tunnel.drain({ code, at, deadline: Math.min(at + timeout, end) });
      if (tunnel.frames) drain++;
    }
    return { stay: this.living.size - ending.length, drain, close: ending.length - drain };
  }
}

/** Tunnels of this process: counted by generation, moved to a new one, and drained. */
import type { CheckedBlock } from '../config/checked-config.js';
import { now } from '../net/deadlines.js';
import type { RoutingTable } from '../program/compiler.js';
import type { Compiler, Shared } from '../program/module.js';
import type { OpenRow } from '../tap/rows.js';
import type { UpgradedExchange } from './upgraded.js';

/** Effect of a reload or shutdown on tunnels. */
export interface TunnelCounts {
  /** Tunnels that continue. */
  readonly stay: number;
  /** Tunnels that receive a Close frame. */
  readonly drain: number;
  /** Tunnels that are closed at the deadline, because without frames no Close frame can be inserted. */
  readonly close: number;
}

/** The blocks of a new configuration that handle a tunnel with the same meaning; null if there are none. */
export type Counterpart = { readonly block: CheckedBlock; readonly server: CheckedBlock } | null;

const KEY = 'tunnels';

/**
 * The tunnels of a routing table; one object for all tables of the process, inherited from `previous` even if the new table
 * cannot open tunnels.
 */
export function tunnelsOf(shared: Shared, previous: Shared | null = null): Tunnels {
  return shared.get<Tunnels>(KEY) ?? shared.set(KEY, previous?.get<Tunnels>(KEY) ?? new Tunnels());
}

/** The same, during compilation. */
export function compiledTunnels({ shared, previous }: Compiler): Tunnels {
  return tunnelsOf(shared, previous);
}

/** The last decision about tunnels, which also applies to those that start later under an older table. */
interface Transition {
  /** The table in force; null during shutdown. */
  readonly table: RoutingTable | null;
  readonly counterpart: (tunnel: UpgradedExchange) => Counterpart;
  /** Status code of the Close frame. */
  readonly code: number;
  /** Time at which remaining tunnels are cut, in ms on the clock of `now()`. */
  readonly end: number;
  /** Whether only this process shuts down, because a reload has made it superfluous. */
  readonly retired: boolean;
}

export class Tunnels {
  private readonly living = new Set<UpgradedExchange>();
  private last: Transition | null = null;

  get size(): number {
    return this.living.size;
  }

  add(tunnel: UpgradedExchange): void {
    this.living.add(tunnel);
    // The configuration may have been replaced while the upgrade request was in flight.
    if (this.last !== null && tunnel.table !== this.last.table) this.apply([tunnel], this.last);
  }

  /** The open tunnels, oldest first. */
  [Symbol.iterator](): Iterator<UpgradedExchange> {
    return this.living.values();
  }

  delete(tunnel: UpgradedExchange): void {
    this.living.delete(tunnel);
  }

  /** Rows about the WebSockets that are open, for a subscriber of the traffic tap that has just joined. */
  openRows(): OpenRow[] {
    return [...this.living].map(({ openRow }) => openRow).filter((row) => row !== null);
  }

  /** Tunnels of an upstream, oldest first. */
  of(upstream: string): UpgradedExchange[] {
    return [...this.living].filter(({ target }) => target.upstream === upstream);
  }

  /** Number of tunnels by generation number. */
  byGeneration(): ReadonlyMap<number, number> {
    const byTable = new Map<RoutingTable, { count: number }>();
    let last: RoutingTable | null = null;
    let current = { count: 0 };
    for (const { table } of this.living) {
      if (table !== last) {
        last = table;
        current = byTable.get(table) ?? { count: 0 };
        byTable.set(table, current);
      }
      current.count++;
    }
    const counts = new Map<number, number>();
    for (const [{ generation }, { count }] of byTable) counts.set(generation, (counts.get(generation) ?? 0) + count);
    return counts;
  }

  /**
   * Applies a new table. Tunnels whose location has the same meaning in it move to it at once; the others continue, or are
   * drained with `code` if their own location is configured for that.
   */
  reload(table: RoutingTable, counterpart: (tunnel: UpgradedExchange) => Counterpart, code: number): TunnelCounts {
    this.last = { table, counterpart, code, end: Number.POSITIVE_INFINITY, retired: false };
    return this.apply([...this.living], this.last);
  }

  /**
   * Shuts down: tunnels of locations with `tunnel_drain` are drained with `code`, and so are other WebSockets, unless they have
   * `websocket_close off`; the others continue. After `limit` ms (0: never) all remaining tunnels are cut; by then each
   * WebSocket has received a Close frame and some time to answer it. WebSockets without `tunnel_drain` use the limit: they
   * continue until its last seconds. `retired`: a reload has made this process superfluous, and they continue without a limit.
   */
  quit(code: number, limit: number, retired = false): TunnelCounts {
    const end = limit > 0 ? now() + limit : Number.POSITIVE_INFINITY;
    this.last = { table: null, counterpart: () => null, code, end, retired };
    return this.apply([...this.living], this.last);
  }

  /** Ends all tunnels at once. */
  stop(): void {
    for (const tunnel of [...this.living]) tunnel.stop();
  }

  private apply(
    tunnels: readonly UpgradedExchange[],
    { table, counterpart, code, end, retired }: Transition,
  ): TunnelCounts {
    const left = tunnels.filter((tunnel) => {
      if (tunnel.table === table) return false;
      const found = counterpart(tunnel);
      return table === null || found === null || !tunnel.moveTo(table, found.block, found.server);
    });
    if (table !== null) return this.drain(left, ({ drainSettings }) => drainSettings, code, now(), end);
    const early = left.filter(({ quitSettings }) => quitSettings?.late === false);
    const first = this.drain(early, ({ quitSettings }) => quitSettings, code, now(), end);
    if (retired && end === Number.POSITIVE_INFINITY) return first;
    const late = left.filter(({ quitSettings }) => quitSettings?.late === true);
    const second = this.drain(late, ({ quitSettings }) => quitSettings, code, startOf(late, end), end);
    const drain = first.drain + second.drain;
    return { stay: this.living.size - drain - first.close, drain, close: first.close };
  }

  /** Spreads the Close frames from `start` on: of n tunnels the i-th receives its frame after i/n of its `spread`. */
  private drain(
    candidates: readonly UpgradedExchange[],
    settingsOf: (tunnel: UpgradedExchange) => { readonly spread: number; readonly timeout: number } | null,
    code: number,
    start: number,
    end: number,
  ): TunnelCounts {
    const ending = candidates.filter((tunnel) => settingsOf(tunnel) !== null);
    let drain = 0;
    for (const [i, tunnel] of ending.entries()) {
      const settings = settingsOf(tunnel);
      if (settings === null) continue;
      const { timeout } = settings;
      // The last tunnel has its full timeout to answer, or half of the available time.
      const latest = Math.max((end - start) / 2, end - start - timeout);
      const spread = Math.max(0, Math.min(settings.spread, latest));
      const at = start + (i * spread) / ending.length;
      tunnel.drain({ code, at, deadline: Math.min(at + timeout, end) });
      if (tunnel.frames) drain++;
    }
    return { stay: this.living.size - ending.length, drain, close: ending.length - drain };
  }
}

/** Start of the Close frames of tunnels that continue as long as there is time for spread and answers before `end`. */
function startOf(late: readonly UpgradedExchange[], end: number): number {
  let start = now();
  if (end === Number.POSITIVE_INFINITY) return start;
  for (const { quitSettings } of late) {
    if (quitSettings !== null) start = Math.max(start, end - quitSettings.spread - quitSettings.timeout);
  }
  return start;
}

/** The effect of a reload on the tunnels of this process. */
import type { CheckedConfig } from '../config/checked-config.js';
import { type Difference, difference, differenceInSteps } from '../difference/difference.js';
import type { RoutingTable } from '../program/compiler.js';
import type { Module } from '../program/module.js';
import { inSlices } from '../program/time-slice.js';
import type { Counterpart, TunnelCounts, Tunnels } from '../tunnel/tunnels.js';
import type { UpgradedExchange } from '../tunnel/upgraded.js';
import { SERVICE_RESTART } from '../websocket/close-codes.js';

/** Changes between a configuration and the tables that have tunnels. */
export type Differences = Map<RoutingTable, Difference>;

/** Compares a configuration under preparation with the tables that have tunnels, in slices. */
export async function prepareTunnelMoves(
  tables: Iterable<RoutingTable>,
  config: CheckedConfig,
  modules: readonly Module[],
): Promise<Differences> {
  const differences: Differences = new Map();
  for (const table of tables) {
    differences.set(table, await inSlices(differenceInSteps(table.config, config, modules)));
  }
  return differences;
}

/** Moves tunnels to a new table, leaves them, or drains them. `differences` are those already computed. */
export function moveTunnels(
  tunnels: Tunnels,
  table: RoutingTable,
  modules: readonly Module[],
  differences: Differences = new Map(),
): TunnelCounts {
  const deciding = modules.filter(({ tunnelContinues }) => tunnelContinues !== undefined);
  const counterpart = (tunnel: UpgradedExchange): Counterpart => {
    let found = differences.get(tunnel.table);
    if (found === undefined) {
      found = difference(tunnel.table.config, table.config, modules);
      differences.set(tunnel.table, found);
    }
    const { block, target } = tunnel;
    if (block === null) return null;
    const place = found.counterpart(block, { ...tunnel.local, host: tunnel.host });
    if (place === null) return null;
    const continues = (change: string): boolean =>
      deciding.some((module) => module.tunnelContinues?.(change, target, block, place.block, table.shared));
    return place.reasons.every(continues) ? place : null;
  };
  return tunnels.reload(table, counterpart, SERVICE_RESTART);
}

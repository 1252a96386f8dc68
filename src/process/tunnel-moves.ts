/** What a reload makes of the tunnels of this process. */
import { type Difference, difference } from '../config/difference.js';
import type { RoutingTable } from '../exchange/compiler.js';
import type { Module } from '../exchange/module.js';
import { SERVICE_RESTART } from '../tunnel/drain.js';
import type { Counterpart, TunnelCounts, Tunnels } from '../tunnel/tunnels.js';
import type { UpgradedExchange } from '../tunnel/upgraded.js';
import { findUpstream } from '../upstream/configured.js';

/** How a location's tunnels are to end is not what the location means to them. */
const NO_REASON = 'tunnel_drain';
const UPSTREAM = 'upstream ';

/** A new table is in force: tunnels move to it, go on, or drain. */
export function moveTunnels(tunnels: Tunnels, table: RoutingTable, modules: readonly Module[]): TunnelCounts {
  const differences = new WeakMap<RoutingTable, Difference>();
  const counterpart = (tunnel: UpgradedExchange): Counterpart => {
    let found = differences.get(tunnel.table);
    if (found === undefined) {
      found = difference(tunnel.table.config, table.config, modules);
      differences.set(tunnel.table, found);
    }
    if (tunnel.block === null) return null;
    const place = found.counterpart(tunnel.block, { ...tunnel.local, host: tunnel.host });
    if (place === null || place.reasons.some((reason) => counts(reason, tunnel, table))) return null;
    return place;
  };
  return tunnels.reload(table, counterpart, SERVICE_RESTART);
}

/** A change of an upstream counts only where it takes away the server with which the tunnel is. */
function counts(reason: string, { target }: UpgradedExchange, table: RoutingTable): boolean {
  if (reason === NO_REASON) return false;
  if (!reason.startsWith(UPSTREAM)) return true;
  const name = target.upstream.toLowerCase();
  if (reason !== `${UPSTREAM}${name}`) return false;
  const upstream = findUpstream(table.shared, name);
  if (upstream === undefined) return true;
  // Names that are looked up while the proxy runs have no addresses yet.
  if (upstream.resolution !== null) return false;
  return !upstream.servers.some(({ peers }) => peers.some((peer) => peer.name === target.address && !peer.down));
}

/** What a reload makes of the tunnels of this process. */
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { type Difference, difference, differenceInSteps } from '../config/difference.js';
import type { RoutingTable } from '../exchange/compiler.js';
import type { Module } from '../exchange/module.js';
import { inSlices } from '../exchange/time-slice.js';
import type { PassData, PassTarget } from '../modules/proxy/pass.js';
import { upstreamOf } from '../modules/proxy/target.js';
import { SERVICE_RESTART } from '../tunnel/drain.js';
import type { Counterpart, TunnelCounts, Tunnels } from '../tunnel/tunnels.js';
import type { UpgradedExchange } from '../tunnel/upgraded.js';
import { findUpstream } from '../upstream/configured.js';
import type { Upstream } from '../upstream/upstream.js';

/** How a location's tunnels are to end is not what the location means to them. */
const NO_REASON = 'tunnel_drain';
const PASS = 'proxy_pass';
const UPSTREAM = 'upstream ';

/** Changes that a configuration makes for the tunnels of earlier tables. */
export type Differences = Map<RoutingTable, Difference>;

/** Compares, in slices, a configuration that is being prepared with those of the tables that have tunnels. */
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

/** A new table is in force: tunnels move to it, go on, or drain. `differences` are those that are known already. */
export function moveTunnels(
  tunnels: Tunnels,
  table: RoutingTable,
  modules: readonly Module[],
  differences: Differences = new Map(),
): TunnelCounts {
  const counterpart = (tunnel: UpgradedExchange): Counterpart => {
    let found = differences.get(tunnel.table);
    if (found === undefined) {
      found = difference(tunnel.table.config, table.config, modules);
      differences.set(tunnel.table, found);
    }
    if (tunnel.block === null) return null;
    const place = found.counterpart(tunnel.block, { ...tunnel.local, host: tunnel.host });
    if (place === null || place.reasons.some((reason) => counts(reason, tunnel, place.block, table))) return null;
    return place;
  };
  return tunnels.reload(table, counterpart, SERVICE_RESTART);
}

/**
 * A change of where requests go (of an upstream, its name, or `proxy_pass` itself) counts only where it takes away the
 * server with which the tunnel is. `block` is the location in the new configuration.
 */
function counts(reason: string, tunnel: UpgradedExchange, block: CheckedBlock, table: RoutingTable): boolean {
  if (reason === NO_REASON) return false;
  const before = passOf(tunnel.block);
  const after = passOf(block);
  if (reason === PASS) {
    // With another URI the upstream is asked for something else, and where variables choose it nothing is known of it.
    const isElsewhere = before === null || after === null || before.uri !== after.uri;
    return isElsewhere || !leadsTo(upstreamOf(after, table.shared), tunnel);
  }
  if (!reason.startsWith(UPSTREAM)) return true;
  const name = before === null ? tunnel.target.upstream : before.hostPort;
  if (reason !== `${UPSTREAM}${name.toLowerCase()}`) return false;
  return !leadsTo(after === null ? findUpstream(table.shared, name) : upstreamOf(after, table.shared), tunnel);
}

/** What a location's `proxy_pass` names; null where there is none, or variables in it. */
function passOf(block: CheckedBlock | null): PassTarget | null {
  const pass = block?.values.proxy_pass as PassData | undefined;
  return pass !== undefined && 'target' in pass ? pass.target : null;
}

/** Whether the server with which the tunnel is belongs to the upstream, and is to be used. */
function leadsTo(upstream: Upstream | undefined, { target }: UpgradedExchange): boolean {
  if (upstream === undefined) return false;
  // Names that are looked up while the proxy runs have no addresses yet.
  if (upstream.resolution !== null) return true;
  return upstream.servers.some(({ peers }) => peers.some((peer) => peer.name === target.address && !peer.down));
}

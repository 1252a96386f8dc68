/** The effect of a reload on the tunnels of this process. */
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { type Difference, difference, differenceInSteps } from '../difference/difference.js';
import type { PassData, PassTarget } from '../modules/proxy/pass.js';
import { upstreamOf } from '../modules/proxy/target.js';
import type { RoutingTable } from '../program/compiler.js';
import type { Module } from '../program/module.js';
import { inSlices } from '../program/time-slice.js';
import type { Counterpart, TunnelCounts, Tunnels } from '../tunnel/tunnels.js';
import type { UpgradedExchange } from '../tunnel/upgraded.js';
import { findUpstream } from '../upstream/configured.js';
import type { Upstream } from '../upstream/upstream.js';
import { SERVICE_RESTART } from '../websocket/close-codes.js';

/** `tunnel_drain` controls how tunnels end; a change of it is no reason to end them. */
const IGNORED_DIRECTIVE = 'tunnel_drain';
const PASS = 'proxy_pass';
const UPSTREAM = 'upstream ';

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
  const counterpart = (tunnel: UpgradedExchange): Counterpart => {
    let found = differences.get(tunnel.table);
    if (found === undefined) {
      found = difference(tunnel.table.config, table.config, modules);
      differences.set(tunnel.table, found);
    }
    if (tunnel.block === null) return null;
    const place = found.counterpart(tunnel.block, { ...tunnel.local, host: tunnel.host });
    if (place === null || place.reasons.some((reason) => endsTunnel(reason, tunnel, place.block, table))) return null;
    return place;
  };
  return tunnels.reload(table, counterpart, SERVICE_RESTART);
}

/**
 * Whether a change ends a tunnel. A change of the upstream, its name, or `proxy_pass` itself counts only if it removes the
 * tunnel's server. `block` is the location in the new configuration.
 */
function endsTunnel(reason: string, tunnel: UpgradedExchange, block: CheckedBlock, table: RoutingTable): boolean {
  if (reason === IGNORED_DIRECTIVE) return false;
  const before = passOf(tunnel.block);
  const after = passOf(block);
  if (reason === PASS) {
    // With another URI the upstream would receive a different request; with variables the target is unknown.
    const isElsewhere = before === null || after === null || before.uri !== after.uri;
    return isElsewhere || !usesServer(upstreamOf(after, table.shared), tunnel);
  }
  if (!reason.startsWith(UPSTREAM)) return true;
  const name = before === null ? tunnel.target.upstream : before.hostPort;
  if (reason !== `${UPSTREAM}${name.toLowerCase()}`) return false;
  return !usesServer(after === null ? findUpstream(table.shared, name) : upstreamOf(after, table.shared), tunnel);
}

/** Target of a location's `proxy_pass`; null if there is none or it contains variables. */
function passOf(block: CheckedBlock | null): PassTarget | null {
  const pass = block?.values.proxy_pass as PassData | undefined;
  return pass !== undefined && 'target' in pass ? pass.target : null;
}

/** Whether the tunnel's server belongs to the upstream and is enabled. */
function usesServer(upstream: Upstream | undefined, { target }: UpgradedExchange): boolean {
  if (upstream === undefined) return false;
  // Hosts that are resolved at run time have no addresses yet.
  if (upstream.resolution !== null) return true;
  return upstream.servers.some(({ peers }) => peers.some((peer) => peer.name === target.address && !peer.down));
}

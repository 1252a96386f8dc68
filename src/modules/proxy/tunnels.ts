/** Tunnels opened by `proxy_pass` whose location is changed by a reload. */
import type { CheckedBlock } from '../../config/checked-config.js';
import type { Module } from '../../program/module.js';
import { findUpstream } from '../../upstream/configured.js';
import { upstreamOf, usesServer } from '../../upstream/pass-target.js';
import type { PassData, PassTarget } from './pass.js';

const UPSTREAM = 'upstream ';

/**
 * A change of the upstream, its name, or `proxy_pass` itself ends a tunnel only if it removes the tunnel's server; see
 * `Module.tunnelContinues`.
 */
export const tunnelContinues: NonNullable<Module['tunnelContinues']> = (change, tunnel, before, after, shared) => {
  const old = passOf(before);
  const fresh = passOf(after);
  // `proxy_websocket` affects only handshakes.
  if (change === 'proxy_websocket') return true;
  if (change === 'proxy_pass') {
    // With another URI the upstream would receive a different request; with variables the target is unknown.
    return old !== null && fresh !== null && old.uri === fresh.uri && usesServer(upstreamOf(fresh, shared), tunnel);
  }
  if (!change.startsWith(UPSTREAM)) return false;
  const name = old === null ? tunnel.upstream : old.hostPort;
  if (change !== `${UPSTREAM}${name.toLowerCase()}`) return true;
  return usesServer(fresh === null ? findUpstream(shared, name) : upstreamOf(fresh, shared), tunnel);
};

/** Target of a location's `proxy_pass`; null if there is none or it contains variables. */
function passOf(block: CheckedBlock): PassTarget | null {
  const pass = block.values.proxy_pass as PassData | undefined;
  return pass !== undefined && 'target' in pass ? pass.target : null;
}

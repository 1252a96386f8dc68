/** Upstreams of pass directives by address: `upstream` blocks, hosts of the configuration, and names resolved for one request. */
import type { Address } from '../config/address.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Scope, Shared } from '../program/module.js';
import { RESOLVER } from '../program/name-resolver.js';
import type { TunnelTarget } from '../program/tunnel-target.js';
import { RUN_TIME_UPSTREAMS } from './attempt-recorder.js';
import { findUpstream } from './configured.js';
import { HostNotFound, peerAddresses } from './host-lookup.js';
import { giveAddresses } from './late-address.js';
import type { PeerAddress } from './peer.js';
import { TARGET_OVERRIDES, type TargetOverride } from './target-overrides.js';
import { implicitUpstream, type Upstream } from './upstream.js';

/** Address to which a pass directive refers. */
export interface PassAddress {
  readonly address: Address;
  /** Host and port as written: the name of an upstream without a block. */
  readonly hostPort: string;
}

/** The `upstream` block that an address refers to. */
function declaredUpstream(address: Address, shared: Shared): Upstream | undefined {
  return address.family === 'unix' ? undefined : findUpstream(shared, address.host);
}

/**
 * Upstream of a compiled table for an address: an `upstream` block if no port is given, or the implicit upstream of a pass
 * directive without variables to the same host and port.
 */
export function upstreamOf({ address }: PassAddress, shared: Shared): Upstream | undefined {
  const declared = address.family !== 'unix' && address.portGiven ? undefined : declaredUpstream(address, shared);
  return declared ?? shared.get<Upstream>(implicitKey(address));
}

function implicitKey(address: Address): string {
  return `proxy_pass:${address.family === 'unix' ? address.path : `${address.host.toLowerCase()}:${address.port}`}`;
}

/** Upstream of an address without variables; a name that is not an `upstream` is resolved before the table is used. */
export function configuredUpstream({ address, hostPort }: PassAddress, at: Scope): Upstream {
  const { compiler, block, program } = at;
  const declared = declaredUpstream(address, compiler.shared);
  if (declared !== undefined) {
    if (address.family !== 'unix' && address.portGiven) {
      compiler.fail(`upstream "${declared.name}" may not have port ${address.port}`, block.at);
    }
    return declared;
  }
  const key = implicitKey(address);
  const existing = compiler.shared.get<Upstream>(key);
  if (existing !== undefined) return existing;
  if (address.family !== 'unix' && address.port === 0) compiler.fail(`no port in upstream "${hostPort}"`, block.at);
  const target = program.settings.get(TARGET_OVERRIDES)?.of(address)?.address ?? address;
  const upstream = compiler.shared.set(key, implicitUpstream(hostPort, fixedAddresses(target)));
  if (target.family === 'name') compiler.await(lookUp(upstream, target, key, at));
  return upstream;
}

function fixedAddresses(address: Address): PeerAddress[] {
  if (address.family === 'unix') return [{ path: address.path }];
  return address.family === 'name' ? [] : [{ host: address.host, port: address.port }];
}

async function lookUp(upstream: Upstream, address: Address, key: string, { compiler, block }: Scope): Promise<void> {
  const [server] = upstream.servers;
  if (server === undefined || address.family === 'unix') return;
  await giveAddresses({ upstream, server, address, written: address.host, at: block.at }, compiler);
  const previous = server.peers.length === 0 ? compiler.previous?.get<Upstream>(key) : undefined;
  if (previous !== undefined) upstream.adopt(previous);
  else upstream.update();
}

/** Upstream of an address for one request; resolves to null if its name cannot be resolved, which is logged. */
export function resolveUpstream({ address, hostPort }: PassAddress, x: Exchange): Upstream | Promise<Upstream | null> {
  const { settings } = x.location;
  const recorder = settings.get(RUN_TIME_UPSTREAMS);
  const override = settings.get(TARGET_OVERRIDES)?.of(address) ?? null;
  if (override !== null) return overridden(override, hostPort, x);
  if (address.family !== 'name') return implicitUpstream(hostPort, fixedAddresses(address), recorder);
  const { resolver, timeout } = settings.get(RESOLVER);
  if (resolver === null) {
    logError(x, 'error', `no resolver defined to resolve ${address.host}`);
    return Promise.resolve(null);
  }
  // A request that ends, because its client has closed the connection, stops waiting.
  const ended = new AbortController();
  // The default reason would be an exception, whose stack is expensive.
  x.onFinish({ release: () => ended.abort(null) });
  return resolver.resolve(address.host, timeout, ended.signal).then(
    (found) => {
      const addresses = found.addresses.map((host) => ({ host, port: address.port }));
      return implicitUpstream(hostPort, addresses, recorder);
    },
    (error: unknown) => {
      if (!ended.signal.aborted) logError(x, 'error', error instanceof Error ? error.message : String(error));
      return null;
    },
  );
}

/** Upstream of an override for one request. Its name is resolved by the system, as names without variables are. */
async function overridden({ address }: TargetOverride, hostPort: string, x: Exchange): Promise<Upstream | null> {
  try {
    return implicitUpstream(hostPort, await peerAddresses(address), x.location.settings.get(RUN_TIME_UPSTREAMS));
  } catch (error) {
    if (!(error instanceof HostNotFound)) throw error;
    logError(x, 'error', `host not found: ${error.host}`);
    return null;
  }
}

/** Whether the server of a tunnel belongs to the upstream and is enabled. */
export function usesServer(upstream: Upstream | undefined, tunnel: TunnelTarget): boolean {
  if (upstream === undefined) return false;
  // Hosts that are resolved at run time have no addresses yet.
  if (upstream.resolution !== null) return true;
  return upstream.servers.some(({ peers }) => peers.some((peer) => peer.name === tunnel.address && !peer.down));
}

/** The target of `proxy_pass` for a request: which upstream, and the URI that it is asked for. */
import type { Address } from '../../config/address.js';
import { logError } from '../../exchange/error-context.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { Scope, Shared } from '../../exchange/module.js';
import { fieldValue } from '../../http/field-line.js';
import { escapeBreaks, escapePath } from '../../http/uri-escape.js';
import { findUpstream } from '../../upstream/configured.js';
import { giveAddresses } from '../../upstream/late-address.js';
import type { PeerAddress } from '../../upstream/peer.js';
import { rotated } from '../../upstream/resolver.js';
import { implicitUpstream, type Upstream } from '../../upstream/upstream.js';
import { type PassData, type PassTarget, parseTarget } from './pass.js';

/** Where one request goes. */
export interface Destination {
  readonly upstream: Upstream;
  /** `$proxy_host`. */
  readonly host: string;
  /** `$proxy_port`. */
  readonly port: string;
  /** The URI part of the URL, or null. */
  readonly uri: string | null;
  /** The URL had variables: its URI part is the whole URI. */
  readonly wholeUri: boolean;
}

/** The destination at once, or a promise where a name has to be looked up; null where the exchange was given a status. */
export type TargetOf = (x: Exchange) => Destination | Promise<Destination | null> | null;

/** Compiles the target; names without an `upstream` are looked up before the table is used. */
export function compileTarget(data: PassData, at: Scope): TargetOf {
  const { compiler } = at;
  if ('target' in data) {
    const destination = destinationOf(data.target, configured(data.target, at), false);
    return () => destination;
  }
  const template = compiler.template(data.template);
  return (x) => {
    const url = template.of(x);
    const target = parseTarget(url);
    if (typeof target === 'string') {
      logError(x, 'error', target === 'invalid URL prefix' ? `${target} in "${url}"` : target);
      return null;
    }
    const upstream = upstreamOf(target, compiler.shared);
    if (upstream !== undefined) return destinationOf(target, upstream, true);
    return resolveNow(target, x);
  };
}

function destinationOf(target: PassTarget, upstream: Upstream, wholeUri: boolean): Destination {
  const { address } = target;
  return {
    upstream,
    // With variables, a name may be anything that a resolver finds an address for.
    host: address.family === 'unix' ? 'localhost' : wholeUri ? fieldValue(target.hostPort) : target.hostPort,
    port: address.family === 'unix' ? '' : String(address.port),
    uri: target.uri,
    wholeUri,
  };
}

/** The `upstream` block that a target names. */
function declaredUpstream({ address }: PassTarget, shared: Shared): Upstream | undefined {
  return address.family === 'unix' ? undefined : findUpstream(shared, address.host);
}

/**
 * The upstream of a compiled table to which a target leads: an `upstream` block where no port is given, or the implicit one
 * of a `proxy_pass` without variables to the same host and port.
 */
export function upstreamOf(target: PassTarget, shared: Shared): Upstream | undefined {
  const { address } = target;
  const declared = address.family !== 'unix' && address.portGiven ? undefined : declaredUpstream(target, shared);
  return declared ?? shared.get<Upstream>(implicitKey(address));
}

function implicitKey(address: Address): string {
  return `proxy_pass:${address.family === 'unix' ? address.path : `${address.host.toLowerCase()}:${address.port}`}`;
}

/** The upstream of a fixed target. */
function configured(target: PassTarget, at: Scope): Upstream {
  const { compiler, block } = at;
  const { address } = target;
  const declared = declaredUpstream(target, compiler.shared);
  if (declared !== undefined) {
    if (address.family !== 'unix' && address.portGiven) {
      compiler.fail(`upstream "${declared.name}" may not have port ${address.port}`, block.at);
    }
    return declared;
  }
  const key = implicitKey(address);
  const known = compiler.shared.get<Upstream>(key);
  if (known !== undefined) return known;
  const upstream = compiler.shared.set(key, implicitUpstream(target.hostPort, fixedAddresses(address)));
  if (address.family === 'name') compiler.await(lookUp(upstream, address, key, at));
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

/** Looks a name up for one request; a promise of null where that cannot be done. */
function resolveNow(target: PassTarget, x: Exchange): Destination | Promise<Destination | null> {
  const { address } = target;
  if (address.family !== 'name')
    return destinationOf(target, implicitUpstream(target.hostPort, fixedAddresses(address)), true);
  const { resolver, resolverTimeout } = x.location.settings;
  if (resolver === null) {
    logError(x, 'error', `no resolver defined to resolve ${address.host}`);
    return Promise.resolve(null);
  }
  return resolver.resolve(address.host, resolverTimeout).then(
    (found) => {
      const addresses = rotated({ ...found, expires: 0 }).map((host) => ({ host, port: address.port }));
      return destinationOf(target, implicitUpstream(target.hostPort, addresses), true);
    },
    (error: unknown) => {
      logError(x, 'error', error instanceof Error ? error.message : String(error));
      return null;
    },
  );
}

/** The URI with which the upstream is asked (nginx's rules for `proxy_pass` with and without a URI part). */
export function upstreamUri(x: Exchange, destination: Destination): string {
  const { uri, wholeUri } = destination;
  if (uri !== null && wholeUri) return escapeBreaks(uri);
  if (uri === null && x.uriUnchanged) return x.target;
  const prefix = uri !== null && x.validLocation ? x.location.name.length : 0;
  const rest = x.uri.slice(Math.min(prefix, x.uri.length));
  // What the client had encoded, or an internal redirect decoded, is encoded again.
  const path = x.internal || x.target.includes('%') ? escapePath(rest) : rest;
  const start = x.validLocation ? (uri ?? '') : '';
  return escapeBreaks(x.args === '' ? start + path : `${start}${path}?${x.args}`);
}

/** Target of `proxy_pass` for a request: the upstream and the request URI. */

import type { Address } from '../../config/address.js';
import { fieldValue } from '../../http/field-line.js';
import { escapeBreaks, escapePath } from '../../http/uri-escape.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import type { Scope, Shared } from '../../program/module.js';
import { RESOLVER } from '../../program/name-resolver.js';
import { findUpstream } from '../../upstream/configured.js';
import { giveAddresses } from '../../upstream/late-address.js';
import type { PeerAddress } from '../../upstream/peer.js';
import { implicitUpstream, type Upstream } from '../../upstream/upstream.js';
import { type PassData, type PassTarget, parseTarget } from './pass.js';

/** Destination of one request. */
export interface Destination {
  readonly upstream: Upstream;
  /** Whether the scheme is `https` or `wss`. */
  readonly secure: boolean;
  /** Whether the scheme is `ws` or `wss`. */
  readonly websocket: boolean;
  /** `$proxy_host`. */
  readonly host: string;
  /** `$proxy_port`. */
  readonly port: string;
  /** URI part of the URL, or null. */
  readonly uri: string | null;
  /** Whether the URL has variables, so that its URI part is the whole URI. */
  readonly wholeUri: boolean;
}

/** Returns the destination, or a promise if a name must be resolved; null if an error was logged. */
export type TargetOf = (x: Exchange) => Destination | Promise<Destination | null> | null;

/** Compiles the target; names that are not an `upstream` are resolved before the table is used. */
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
    secure: target.secure,
    websocket: target.websocket,
    // With variables, a name may contain any characters that a resolver accepts.
    host: address.family === 'unix' ? 'localhost' : wholeUri ? fieldValue(target.hostPort) : target.hostPort,
    port: address.family === 'unix' ? '' : String(address.port),
    uri: target.uri,
    wholeUri,
  };
}

/** The `upstream` block that a target refers to. */
function declaredUpstream({ address }: PassTarget, shared: Shared): Upstream | undefined {
  return address.family === 'unix' ? undefined : findUpstream(shared, address.host);
}

/**
 * Upstream of a compiled table for a target: an `upstream` block if no port is given, or the implicit upstream
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

/** Upstream of a target without variables. */
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
  const existing = compiler.shared.get<Upstream>(key);
  if (existing !== undefined) return existing;
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

/** Resolves a name for one request; resolves to null if that fails. */
function resolveNow(target: PassTarget, x: Exchange): Destination | Promise<Destination | null> {
  const { address } = target;
  if (address.family !== 'name')
    return destinationOf(target, implicitUpstream(target.hostPort, fixedAddresses(address)), true);
  const { resolver, timeout } = x.location.settings.get(RESOLVER);
  if (resolver === null) {
    logError(x, 'error', `no resolver defined to resolve ${address.host}`);
    return Promise.resolve(null);
  }
  // A request that ends, because its client has closed the connection, stops waiting.
  const ended = new AbortController();
  // With a reason, because the default one is an exception with a stack.
  x.onFinish({ release: () => ended.abort(null) });
  return resolver.resolve(address.host, timeout, ended.signal).then(
    (found) => {
      const addresses = found.addresses.map((host) => ({ host, port: address.port }));
      return destinationOf(target, implicitUpstream(target.hostPort, addresses), true);
    },
    (error: unknown) => {
      if (!ended.signal.aborted) logError(x, 'error', error instanceof Error ? error.message : String(error));
      return null;
    },
  );
}

/** URI of the upstream request (nginx's rules for `proxy_pass` with and without a URI part). */
export function upstreamUri(x: Exchange, destination: Destination): string {
  const { uri, wholeUri } = destination;
  if (uri !== null && wholeUri) return escapeBreaks(uri);
  if (uri === null && x.uriUnchanged) return x.target;
  const prefix = uri !== null && x.validLocation ? x.location.name.length : 0;
  const rest = x.uri.slice(Math.min(prefix, x.uri.length));
  // Characters that the client encoded, or that an internal redirect decoded, are encoded again.
  const path = x.internal || x.target.includes('%') ? escapePath(rest) : rest;
  const start = x.validLocation ? (uri ?? '') : '';
  return escapeBreaks(x.args === '' ? start + path : `${start}${path}?${x.args}`);
}

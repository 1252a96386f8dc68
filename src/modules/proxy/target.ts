/** Target of `proxy_pass` for a request: the upstream and the request URI. */

import { httpExchange } from '../../exchange/exchange.js';
import { fieldValue } from '../../http/field-line.js';
import { escapeBreaks, escapePath } from '../../http/uri-escape.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import type { Scope } from '../../program/module.js';
import { configuredUpstream, resolveUpstream, upstreamOf } from '../../upstream/pass-target.js';
import { TARGET_OVERRIDES } from '../../upstream/target-overrides.js';
import type { Upstream } from '../../upstream/upstream.js';
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
    const destination = destinationOf(data.target, configuredUpstream(data.target, at), false);
    return () => destination;
  }
  const template = compiler.template(data.template);
  return (x) => {
    const url = template.of(x);
    const parsed = parseTarget(url);
    if (typeof parsed === 'string') {
      logError(x, 'error', parsed === 'invalid URL prefix' ? `${parsed} in "${url}"` : parsed);
      return null;
    }
    const override = x.location.settings.get(TARGET_OVERRIDES)?.of(parsed.address) ?? null;
    const target = override === null ? parsed : { ...parsed, secure: override.secure };
    const upstream = upstreamOf(target, compiler.shared);
    if (upstream !== undefined) return destinationOf(target, upstream, true);
    // As in nginx, `$proxy_host` and `$proxy_port` are set even if the name cannot be resolved.
    httpExchange(x).upstreamHost = target.host;
    httpExchange(x).upstreamPort = portOf(target);
    return resolveNow(target, x);
  };
}

export function destinationOf(target: PassTarget, upstream: Upstream, wholeUri: boolean): Destination {
  return {
    upstream,
    secure: target.secure,
    websocket: target.websocket,
    // With variables, a name may contain any characters that a resolver accepts.
    host: wholeUri ? fieldValue(target.host) : target.host,
    port: portOf(target),
    uri: target.uri,
    wholeUri,
  };
}

function portOf({ address }: PassTarget): string {
  return address.family === 'unix' ? '' : String(address.port);
}

/** Resolves a name for one request; resolves to null if that fails. */
function resolveNow(target: PassTarget, x: Exchange): Destination | Promise<Destination | null> {
  const upstream = resolveUpstream(target, x);
  if (!(upstream instanceof Promise)) return destinationOf(target, upstream, true);
  return upstream.then((found) => (found === null ? null : destinationOf(target, found, true)));
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

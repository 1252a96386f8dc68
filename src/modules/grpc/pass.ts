/** `grpc_pass`: parses its argument, and finds the upstream of a request. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { parseAddress } from '../../config/address.js';
import { word } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import type { HttpExchange } from '../../exchange/exchange.js';
import { fieldValue } from '../../http/field-line.js';
import { logError } from '../../program/error-context.js';
import type { Scope } from '../../program/module.js';
import { configuredUpstream, type PassAddress, resolveUpstream, upstreamOf } from '../../upstream/pass-target.js';
import type { Upstream } from '../../upstream/upstream.js';

/** A target without variables. */
export interface GrpcTarget extends PassAddress {
  /** Whether the scheme is `grpcs`. */
  readonly secure: boolean;
}

export type GrpcPass = { readonly target: GrpcTarget } | { readonly template: TemplateData };

/** Parses a target, whose scheme may be missing; returns nginx's error message if it is invalid. */
function parseTarget(url: string): GrpcTarget | string {
  const [scheme = ''] = /^grpcs?:\/\//i.exec(url) ?? [];
  const hostPort = url.slice(scheme.length);
  const address = parseAddress(hostPort, { defaultPort: 0 });
  if ('mistake' in address) return `${address.mistake} in upstream "${hostPort}"`;
  return { secure: scheme.length === 8, hostPort, address };
}

/** Argument type of `grpc_pass`. */
export const grpcPass: ArgumentType<GrpcPass> = word('address', (w: Word, c: ArgumentContext): GrpcPass => {
  const template = parseTemplate(w, c);
  if (typeof template !== 'string') return { template };
  const target = parseTarget(template);
  if (typeof target !== 'string') return { target };
  return c.fail(w, 'invalid-value', target, {
    help: 'valid targets: host:port, grpc://host:port, grpcs://host:port, an upstream, or unix:/path, without a path',
  });
});

/** Name of the `upstream` to which a target may refer; undefined if it depends on the request. */
export function upstreamNameOf(pass: GrpcPass): string | undefined {
  if (!('target' in pass)) return undefined;
  const { address } = pass.target;
  return address.family === 'unix' ? address.path : address.host.toLowerCase();
}

/** Destination of one request. */
export interface Destination {
  readonly upstream: Upstream;
  readonly secure: boolean;
  /** Default of `:authority`. */
  readonly host: string;
}

/** Returns the destination, a status if there is none, or a promise if a name must be resolved (null: it cannot be). */
export type DestinationOf = (x: HttpExchange) => Destination | number | Promise<Destination | null>;

/** Compiles the target; names that are not an `upstream` are resolved before the table is used. */
export function compileTarget(pass: GrpcPass, at: Scope): DestinationOf {
  const { shared } = at.compiler;
  if ('target' in pass) {
    const destination = destinationOf(pass.target, configuredUpstream(pass.target, at));
    return () => destination;
  }
  const template = at.compiler.template(pass.template);
  return (x) => {
    const target = parseTarget(template.of(x));
    if (typeof target === 'string') {
      logError(x, 'error', target);
      return 500;
    }
    const known = upstreamOf(target, shared);
    if (known !== undefined) return destinationOf(target, known);
    const { address } = target;
    if (address.family !== 'unix' && address.port === 0) {
      logError(x, 'error', `no port in upstream "${address.host}"`);
      return 500;
    }
    const found = resolveUpstream(target, x);
    if (!(found instanceof Promise)) return destinationOf(target, found);
    return found.then((upstream) => (upstream === null ? null : destinationOf(target, upstream)));
  };
}

function destinationOf({ address, hostPort, secure }: GrpcTarget, upstream: Upstream): Destination {
  // The name may contain any characters that a resolver accepts.
  return { upstream, secure, host: address.family === 'unix' ? 'localhost' : fieldValue(hostPort) };
}

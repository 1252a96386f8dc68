/** Exchange of a health check: a request that the proxy makes by itself, with the settings of a location. */
import type { HttpExchange } from '../../exchange/exchange.js';
import { exchangeWithoutClient } from '../../exchange/no-client.js';
import type { LocationProgram, ServerProgram } from '../../program/program.js';
import { UpstreamAttempt } from '../../program/upstream-attempt.js';

/** Request of a check. */
export interface CheckRequest {
  readonly server: ServerProgram;
  readonly location: LocationProgram;
  /** `$proxy_host` and `$proxy_port`. */
  readonly host: string;
  readonly port: string;
  /** Path with optional arguments. */
  readonly uri: string;
}

/** Creates the exchange of one check, so that variables are evaluated anew. `fields`: those that a client would send. */
export function checkExchange(
  request: CheckRequest,
  fields: readonly (readonly [name: string, value: string])[],
): HttpExchange {
  const { server, location, host, port, uri } = request;
  const x = exchangeWithoutClient(server, location, fields);
  const [path = '', ...args] = uri.split('?');
  x.uri = path;
  x.args = args.join('?');
  x.target = uri;
  x.upstreamMethod = 'GET';
  x.upstreamHost = host;
  x.upstreamPort = port;
  x.upstreamUri = uri;
  x.attempts = [new UpstreamAttempt()];
  return x;
}

/** Exchange of a health check: a request that the proxy makes by itself, with the settings of a location. */
import { BodilessClient } from '../../exchange/bodiless-client.js';
import type { ClientSide } from '../../exchange/client-side.js';
import { ConnectionCounts } from '../../exchange/connection-counts.js';
import { HttpExchange } from '../../exchange/exchange.js';
import { HeaderBlock } from '../../http/header-block.js';
import type { LocationProgram, ServerProgram } from '../../program/program.js';
import { UpstreamAttempt } from '../../program/upstream-attempt.js';
import { ServerNames } from '../../routing/server-names.js';

/** Client side without a client: the variables about it are empty, as in nginx Plus. */
class NoClient extends BodilessClient implements ClientSide {
  readonly counts = new ConnectionCounts();
  readonly id = 0;
  readonly remoteAddress = '';
  readonly remotePort = 0;
  readonly localAddress = '';
  readonly localPort = 0;
  readonly unixPath = null;
  readonly accepted = null;
  readonly secure = false;
  readonly since = 0;
  readonly bytesSent = 0;
  readonly requests = 0;
  readonly bodyBytesSent = 0;
  readonly requestLength = 0;
  readonly closed = false;

  sendHead(): void {}
  write(): boolean {
    return true;
  }
  cork(): void {}
  uncork(): void {}
  end(): void {}
  released(): void {}
}

const NO_CLIENT = new NoClient();

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
  const listener = { names: new ServerNames<ServerProgram, HttpExchange>([]), defaultServer: server };
  const x = new HttpExchange(NO_CLIENT, HeaderBlock.from(fields), listener, 0);
  x.slots = [];
  x.location = location;
  x.startTime = Date.now();
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

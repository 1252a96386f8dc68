/** Exchanges that the proxy creates by itself, for no client: variables about the client are empty, as in nginx. */
import { HeaderBlock } from '../http/header-block.js';
import type { LocationProgram, ServerProgram } from '../program/program.js';
import { ServerNames } from '../routing/server-names.js';
import { BodilessClient } from './bodiless-client.js';
import type { ClientSide } from './client-side.js';
import { ConnectionCounts } from './connection-counts.js';
import { HttpExchange } from './exchange.js';

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

/** Creates an exchange in a location, so that variables are evaluated anew. `fields`: those that a client would send. */
export function exchangeWithoutClient(
  server: ServerProgram,
  location: LocationProgram,
  fields: readonly (readonly [name: string, value: string])[] = [],
): HttpExchange {
  const listener = { names: new ServerNames<ServerProgram, HttpExchange>([]), defaultServer: server };
  const x = new HttpExchange(NO_CLIENT, HeaderBlock.from(fields), listener, 0);
  x.slots = [];
  x.location = location;
  x.startTime = Date.now();
  return x;
}

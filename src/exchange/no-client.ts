/** Exchanges that the proxy creates by itself, for no client: variables about the client are empty, as in nginx. */
import { HeaderBlock } from '../http/header-block.js';
import type { LocationProgram, ServerProgram } from '../program/program.js';
import type { AcceptResults, Client, Session } from '../program/session.js';
import { ServerNames } from '../routing/server-names.js';
import { BodilessClient } from './bodiless-client.js';
import type { ClientSide } from './client-side.js';
import { ConnectionCounts } from './connection-counts.js';
import { HttpExchange } from './exchange.js';

class NoClient extends BodilessClient implements ClientSide {
  readonly counts = new ConnectionCounts();
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly unixPath: string | null;
  readonly accepted: AcceptResults | null;
  readonly secure: boolean;
  readonly since: number;
  readonly bytesSent = 0;
  readonly requests = 0;
  readonly bodyBytesSent = 0;
  readonly requestLength = 0;
  readonly closed = false;

  /** @param client a connection without a request; null: none */
  constructor(client: Client | null) {
    super();
    this.id = client?.id ?? 0;
    this.remoteAddress = client?.remoteAddress ?? '';
    this.remotePort = client?.remotePort ?? 0;
    this.localAddress = client?.localAddress ?? '';
    this.localPort = client?.localPort ?? 0;
    this.unixPath = client?.unixPath ?? null;
    this.accepted = client?.accepted ?? null;
    this.secure = client?.secure ?? false;
    this.since = client?.since ?? 0;
  }

  sendHead(): void {}
  write(): boolean {
    return true;
  }
  cork(): void {}
  uncork(): void {}
  end(): void {}
  released(): void {}
}

const NO_CLIENT = new NoClient(null);

/** Creates an exchange in a location, so that variables are evaluated anew. `fields`: those that a client would send. */
export function exchangeWithoutClient(
  server: ServerProgram,
  location: LocationProgram,
  fields: readonly (readonly [name: string, value: string])[] = [],
): HttpExchange {
  return created(NO_CLIENT, server, location, fields);
}

/**
 * Creates an exchange with the values of a session that has no request yet, such as a TLS handshake, at the level of a
 * server. The values of variables are the same ones.
 */
export function exchangeOfSession(session: Session, server: ServerProgram): HttpExchange {
  const x = created(new NoClient(session.client), server, server.base, []);
  x.slots = session.slots;
  x.captures = session.captures;
  return x;
}

function created(
  client: ClientSide,
  server: ServerProgram,
  location: LocationProgram,
  fields: readonly (readonly [name: string, value: string])[],
): HttpExchange {
  const listener = { names: new ServerNames<ServerProgram, HttpExchange>([]), defaultServer: server };
  const x = new HttpExchange(client, HeaderBlock.from(fields), listener, 0);
  x.slots = [];
  x.location = location;
  x.startTime = Date.now();
  return x;
}

/** Connection options of a location: local address, TLS identity, protocol. */
import type { HttpExchange } from '../exchange/exchange.js';
import type { OpenSession } from '../http/upstream-session.js';
import type { Connect, Transport } from '../net/transport.js';
import { logError } from '../program/error-context.js';
import type { Session } from '../program/session.js';
import type { Template } from '../program/template.js';
import type { ConnectOptions } from './connect-options.js';
import { parseLocalAddress } from './local-address.js';

/** Connections with TLS that requests may share. */
export interface SecureConnections {
  readonly key: string;
  readonly connect: Connect;
  readonly refusal: (transport: Transport) => string | null;
}

export interface LocationConnectionOptions {
  /** Local address; null: the system chooses. */
  readonly bind: Template | null;
  readonly socketKeepalive: boolean;
  /** Replaces real connections; null to use the network. */
  readonly connect: Connect | null;
  /** TLS of the connections; null for plain ones, and if nothing connects. `host`: name of the upstream. */
  readonly tls: { identity(x: Session, host: string): SecureConnections } | null;
  /** Opens sessions; null: HTTP/1. */
  readonly open: OpenSession | null;
}

export class LocationConnections {
  private readonly plain: ConnectOptions;
  /** Options of the last TLS identity; most requests have the same one. */
  private secured: ConnectOptions;

  constructor(private readonly options: LocationConnectionOptions) {
    const { socketKeepalive, connect, open } = options;
    this.plain = {
      identity: '',
      keepAlive: socketKeepalive,
      ...(connect !== null && { connect }),
      ...(open !== null && { open }),
    };
    this.secured = this.plain;
  }

  /** Options of the connections for a request. `host`: name of the upstream. */
  of(x: HttpExchange, host: string): ConnectOptions {
    const { bind, tls } = this.options;
    const options = tls === null ? this.plain : this.securedBy(tls.identity(x, host));
    if (bind === null) return options;
    const address = bind.of(x);
    if (address === '') return options;
    const local = parseLocalAddress(address);
    if (local === null) {
      logError(x, 'error', `invalid local address "${address}"`);
      return options;
    }
    return { ...options, ...local };
  }

  private securedBy({ key, connect, refusal }: SecureConnections): ConnectOptions {
    if (this.secured.identity !== key) this.secured = { ...this.plain, identity: key, connect, refusal };
    return this.secured;
  }
}

/** Protocols of client connections. */
import type { ConnectionFactory } from '../exchange/connection.js';
import { Http1Connection } from '../http1/server-connection.js';

/** Connection factories by ALPN name (RFC 7301). A protocol is added by an entry, and by listeners that name it. */
export type Protocols = Readonly<Record<string, ConnectionFactory>>;

export const PROTOCOLS: Protocols = {
  'http/1.1': (transport, host, arrived, accepted) => new Http1Connection(transport, host, arrived, accepted),
};

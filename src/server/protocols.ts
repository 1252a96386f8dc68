/** Protocols of client connections. */
import type { ConnectionFactory } from '../exchange/connection.js';
import { Http1Connection } from '../http1/server-connection.js';

/** Connection factories by ALPN name (RFC 7301). A protocol is added by an entry, and by listeners that name it. */
export type Protocols = Readonly<Record<string, ConnectionFactory>>;

let http2: ConnectionFactory | null = null;

/** Loads HTTP/2, before a table is in force whose listeners name it: a worker without it does not need the code. */
export async function loadHttp2(): Promise<void> {
  const { Http2Connection } = await import('../http2/server-connection.js');
  http2 = (transport, host, arrived, accepted) => new Http2Connection(transport, host, arrived, accepted);
}

export const PROTOCOLS: Protocols = {
  'http/1.1': (transport, host, arrived, accepted) => new Http1Connection(transport, host, arrived, accepted),
  h2(transport, host, arrived, accepted) {
    if (http2 === null) throw new Error('HTTP/2 is not loaded');
    return http2(transport, host, arrived, accepted);
  },
};

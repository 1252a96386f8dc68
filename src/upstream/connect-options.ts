/** Options of the connections of one request. */
import type { OpenSession } from '../http/upstream-session.js';
import { SocketTransport } from '../net/socket-transport.js';
import type { Connect, ConnectTarget, Transport } from '../net/transport.js';
import type { Connector } from '../tap/records.js';
import type { PeerAddress } from './peer.js';

/** Client to whose connection a connection belongs: it begins with the client's addresses (PROXY protocol). */
export interface ConnectionClient {
  /** Number of the client's connection. */
  readonly id: number;
  /** The header sent. */
  readonly header: string;
}

export interface ConnectOptions {
  /** TLS identity (name, verification, certificate): only requests with an equal one reuse the connection. Empty: no TLS. */
  readonly identity: string;
  /** Only requests with an equal one reuse the connection; it closes with the client's. Absent: clients share connections. */
  readonly client?: ConnectionClient;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly keepAlive: boolean;
  /** Opens the connection; default: `SocketTransport.connect`. Throws TlsFileError if a certificate cannot be used. */
  readonly connect?: Connect;
  /** Opens the session: the protocol; default: HTTP/1. */
  readonly open?: OpenSession;
  /** Checks an established connection before its first request. Returns the reason to refuse it, or null. */
  readonly refusal?: (transport: Transport) => string | null;
}

/** Returns the target of a connection to a peer. */
export function connectTarget({ address }: { readonly address: PeerAddress }, options: ConnectOptions): ConnectTarget {
  const { client, localAddress, localPort, keepAlive } = options;
  const preface = client === undefined ? {} : { preface: client.header };
  if ('path' in address) return { path: address.path, ...preface };
  return {
    ...preface,
    host: address.host,
    port: address.port,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(localPort === undefined ? {} : { localPort }),
    ...(keepAlive ? { keepAlive: true } : {}),
  };
}

/** Opens connections with these options to any address. */
export function connectorWith(options: ConnectOptions): Connector {
  const { connect = SocketTransport.connect, refusal } = options;
  return {
    open: (address, owner) => connect(connectTarget({ address }, options), owner),
    refusal: (transport) => refusal?.(transport) ?? null,
  };
}

/** Connections to peers: one request at a time on each. */
import { now, type Timed, unwatch, watch } from '../http/deadlines.js';
import { type Connect, Transport, type TransportOwner } from '../http/transport.js';
import type { IdleConnections } from './idle-connections.js';
import type { Peer } from './peer.js';

/** Who uses a connection at the moment. */
export interface ConnectionUser {
  onConnected(): void;
  onBytes(bytes: Buffer, length: number): void;
  onEnd(): void;
  onDrain(): void;
  onClosed(error: NodeJS.ErrnoException | null): void;
  timedOut(): void;
}

/** What a connection may be bound to. */
export interface ConnectOptions {
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly keepAlive: boolean;
  /** Opens the connection, where it is not `Transport.connect`. */
  readonly connect?: Connect;
}

export class UpstreamConnection implements TransportOwner, Timed {
  deadline = 0;
  deadlineIndex = -1;
  readonly transport: Transport;
  connected = false;
  /** Requests that were sent on it. */
  requests = 0;
  readonly since = now();
  user: ConnectionUser | null;
  /** The cache in which it is idle. */
  cache: IdleConnections | null = null;

  constructor(
    readonly peer: Peer,
    /** The location for which it was made: only that one uses it again where `keepalive` is `local`. */
    readonly origin: object,
    user: ConnectionUser,
    readonly options: ConnectOptions,
  ) {
    this.user = user;
    const { address } = peer;
    const connect = options.connect ?? Transport.connect;
    this.transport = connect(
      'path' in address
        ? { path: address.path }
        : {
            host: address.host,
            port: address.port,
            ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
            ...(options.localPort === undefined ? {} : { localPort: options.localPort }),
            ...(options.keepAlive ? { keepAlive: true } : {}),
          },
      this,
    );
    watch(this);
  }

  onConnected(): void {
    this.connected = true;
    this.user?.onConnected();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    // A peer that speaks unasked cannot be trusted to answer the next request only (RFC 9112 9.2).
    if (this.user === null) this.destroy();
    else this.user.onBytes(bytes, length);
  }

  onEnd(): void {
    if (this.user === null) this.destroy();
    else this.user.onEnd();
  }

  onDrain(): void {
    this.user?.onDrain();
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    unwatch(this);
    this.cache?.remove(this);
    const { user } = this;
    this.user = null;
    user?.onClosed(error);
  }

  timedOut(): void {
    if (this.user === null) this.destroy();
    else this.user.timedOut();
  }

  /** Ends it; its user is not told. */
  destroy(): void {
    this.user = null;
    this.cache?.remove(this);
    unwatch(this);
    this.transport.destroy();
  }

  /** Leaves the socket to somebody else (a tunnel), who must become the transport's owner. */
  detach(): Transport {
    this.user = null;
    unwatch(this);
    return this.transport;
  }
}

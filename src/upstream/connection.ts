/** Connections to peers: one request at a time on each, and a cache of idle ones for each upstream. */
import { now, type Timed, unwatch, watch } from '../http/deadlines.js';
import { Transport, type TransportOwner } from '../http/transport.js';
import type { Peer } from './peer.js';
import type { KeepaliveSettings } from './upstream.js';

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
    options: ConnectOptions,
  ) {
    this.user = user;
    const { address } = peer;
    this.transport = Transport.connect(
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

/** Idle connections of one upstream, the one used last at the end. nginx: upstream_keepalive. */
export class IdleConnections {
  private readonly idle: UpstreamConnection[] = [];
  private closed = false;

  get count(): number {
    return this.idle.length;
  }

  /** An idle connection to the peer, or null. */
  take(peer: Peer, origin: object | null): UpstreamConnection | null {
    const { idle } = this;
    for (let i = idle.length - 1; i >= 0; i--) {
      const connection = idle[i] as UpstreamConnection;
      if (connection.peer === peer && (origin === null || connection.origin === origin)) {
        if (i === idle.length - 1) idle.pop();
        else idle.splice(i, 1);
        connection.cache = null;
        connection.deadline = 0;
        return connection;
      }
    }
    return null;
  }

  /** Keeps a connection whose answer is complete; false where it is to be closed instead. */
  put(connection: UpstreamConnection, settings: KeepaliveSettings): boolean {
    if (this.closed || settings.max === 0 || connection.requests >= settings.requests || connection.transport.closed)
      return false;
    if (now() - connection.since > settings.time) return false;
    if (this.idle.length >= settings.max) this.idle[0]?.destroy();
    connection.user = null;
    connection.cache = this;
    connection.deadline = settings.timeout === 0 ? 0 : now() + settings.timeout;
    this.idle.push(connection);
    connection.transport.resume();
    return true;
  }

  remove(connection: UpstreamConnection): void {
    const i = this.idle.indexOf(connection);
    if (i >= 0) this.idle.splice(i, 1);
    connection.cache = null;
  }

  /** Closes all, and keeps none from here on: an answer may be complete after its exchange was the last of a table. */
  close(): void {
    this.closed = true;
    while (this.idle.length > 0) this.idle[0]?.destroy();
  }
}

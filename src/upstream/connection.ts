/** Connections to peers, each with at most one request at a time. */
import type { Level } from '../config/log-level.js';
import { connectionRefused } from '../net/connection-limit.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { SocketTransport } from '../net/socket-transport.js';
import { TlsFileError } from '../net/tls-files.js';
import type { Connect, Transport, TransportOwner } from '../net/transport.js';
import type { Peer } from './peer.js';

/** Current user of a connection. */
export interface ConnectionUser {
  onConnected(): void;
  /** The connection was established, and `ConnectOptions.refusal` returned this reason. */
  onRefused(reason: string): void;
  onBytes(bytes: Buffer, length: number): void;
  onEnd(): void;
  onDrain(): void;
  onClosed(error: NodeJS.ErrnoException | null): void;
  timedOut(): void;
}

/** Options of the connections of one request. */
export interface ConnectOptions {
  /** TLS identity (name, verification, certificate): only requests with an equal one reuse the connection. Empty: no TLS. */
  readonly identity: string;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly keepAlive: boolean;
  /** Opens the connection; default: `SocketTransport.connect`. Throws TlsFileError if a certificate cannot be used. */
  readonly connect?: Connect;
  /** Checks an established connection before its first request. Returns the reason to refuse it, or null. */
  readonly refusal?: (transport: Transport) => string | null;
}

export class UpstreamConnection implements TransportOwner, Timed {
  deadline = 0;
  deadlineIndex = -1;
  readonly transport: Transport;
  connected = false;
  /** Requests sent on the connection. */
  requests = 0;
  readonly since = now();
  user: ConnectionUser | null;
  /** The cache that contains the idle connection. */
  cache: { remove(connection: UpstreamConnection): void } | null = null;

  /** Opens a connection; returns level and message if this host refuses to, or cannot use the client certificate. */
  static open(
    peer: Peer,
    origin: object,
    user: ConnectionUser,
    options: ConnectOptions,
  ): UpstreamConnection | { readonly level: Level; readonly message: string } {
    const message = connectionRefused();
    if (message !== null) return { level: 'alert', message };
    try {
      return new UpstreamConnection(peer, origin, user, options);
    } catch (error) {
      if (!(error instanceof TlsFileError)) throw error;
      return { level: 'error', message: error.message };
    }
  }

  private constructor(
    readonly peer: Peer,
    /** The location that created it; with `keepalive` `local` only this location reuses it. */
    readonly origin: object,
    user: ConnectionUser,
    readonly options: ConnectOptions,
  ) {
    this.user = user;
    const { address } = peer;
    const connect = options.connect ?? SocketTransport.connect;
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

  /** nginx's words for the step of establishing the connection. */
  get establishing(): string {
    return this.transport.handshaking ? 'SSL handshaking to upstream' : 'connecting to upstream';
  }

  onConnected(): void {
    this.connected = true;
    const refusal = this.options.refusal?.(this.transport) ?? null;
    if (refusal !== null) this.user?.onRefused(refusal);
    else this.user?.onConnected();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    // A peer that sends data without a request cannot be trusted to respond only to the next one (RFC 9112 9.2).
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

  /** Closes the connection without notifying its user. */
  destroy(): void {
    this.user = null;
    this.cache?.remove(this);
    unwatch(this);
    this.transport.destroy();
  }

  /** Hands the socket over to a new user (a tunnel), which must become the transport's owner. */
  detach(): Transport {
    this.user = null;
    unwatch(this);
    return this.transport;
  }
}

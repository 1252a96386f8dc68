/**
 * Accepted sockets without a `net.Socket`. The transports take the handle from an accepted socket and leave the socket
 * behind; creating it costs a tenth of a TLS handshake (measured). `acceptHandles` replaces the function by which Node
 * creates it. The names used here are undocumented and the same in Node 20 to 26; if one is missing, Node's own function
 * remains, and its event `connection` has a `net.Socket`.
 */
import type net from 'node:net';

/** A socket without a reader: a `net.Socket`, or a `HandleSocket`. */
export type AcceptedSocket = Pick<
  net.Socket,
  'destroyed' | 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'
> & { destroy(): void };

interface Name {
  address?: string;
  port?: number;
}

/** Handle of a TCP or unix socket. Only those of TCP have names. */
interface NativeHandle {
  getpeername?(out: Name): number;
  getsockname?(out: Name): number;
  setNoDelay?(on: boolean): number;
  close(then?: () => void): void;
}

/** The fields by which a server counts its connections. */
export interface CountingServer {
  _connections: number;
  _emitCloseIfDrained?(): void;
}

interface ListeningHandle {
  onconnection?: (this: ListeningHandle, error: number, handle: NativeHandle | undefined) => void;
}

const NO_NAME: Name = {};

/** Name of one end of a socket; empty for a unix socket, and if the socket is no longer connected. */
export function socketName(handle: object, get: 'getpeername' | 'getsockname'): Name {
  const of = handle as Partial<NativeHandle>;
  if (of[get] === undefined) return NO_NAME;
  const name: Name = {};
  of[get](name);
  return name;
}

/** A connection of a server is closed: counts it, and lets a closed server end. */
export function countClosed(server: CountingServer): void {
  server._connections--;
  server._emitCloseIfDrained?.();
}

/** An accepted socket, with the fields of a `net.Socket` by which transports take the handle. */
class HandleSocket implements AcceptedSocket {
  destroyed = false;
  private peer: Name | null = null;
  private own: Name | null = null;

  constructor(
    public _handle: NativeHandle | null,
    readonly _server: CountingServer,
    readonly server: CountingServer,
  ) {}

  private name(get: 'getpeername' | 'getsockname'): Name | null {
    return this._handle === null ? null : socketName(this._handle, get);
  }
  private get peerName(): Name {
    return (this.peer ??= this.name('getpeername')) ?? NO_NAME;
  }
  private get ownName(): Name {
    return (this.own ??= this.name('getsockname')) ?? NO_NAME;
  }
  get remoteAddress(): string | undefined {
    return this.peerName.address;
  }
  get remotePort(): number | undefined {
    return this.peerName.port;
  }
  get localAddress(): string | undefined {
    return this.ownName.address;
  }
  get localPort(): number | undefined {
    return this.ownName.port;
  }

  /** Without the handle, which a transport has taken, the transport counts the connection. */
  destroy(): void {
    const { _handle: handle, _server: server } = this;
    this.destroyed = true;
    this._handle = null;
    handle?.close(() => countClosed(server));
  }
}

/**
 * Makes a listening server call `accept` instead of emitting `connection`, if Node's interface is known. To be called each
 * time it begins to listen.
 */
export function acceptHandles(server: net.Server, accept: (socket: AcceptedSocket) => void): void {
  const listening = (server as unknown as { readonly _handle?: ListeningHandle | null })._handle;
  const original = listening?.onconnection;
  const counting = server as unknown as CountingServer;
  if (listening == null || original === undefined || typeof counting._connections !== 'number') return;
  listening.onconnection = function accepting(error, handle) {
    if (error !== 0 || typeof handle?.close !== 'function') {
      original.call(this, error, handle);
      return;
    }
    handle.setNoDelay?.(true);
    counting._connections++;
    accept(new HandleSocket(handle, counting, counting));
  };
}

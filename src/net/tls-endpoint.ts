/**
 * The server's side of a TLS connection without a `TLSSocket`: its engine, with the few properties that Node expects of
 * the engine's owner. Creating and closing a `TLSSocket` costs as much CPU time as a fifth of a handshake, and 3 KB per
 * connection (measured). The names used here are undocumented and the same in Node 20 to 26; if one is missing,
 * `endpointSymbols` returns null, and a `TLSSocket` is used.
 */
import net from 'node:net';
import tls from 'node:tls';
import { type AcceptedSocket, type CountingServer, countClosed, socketName } from './accepted-socket.js';
import { READ_SIZE } from './slabs.js';
import type { EngineHandle, ServerTls, TcpHandle } from './tls-engine.js';

/** Notified by an endpoint. */
export interface EndpointEvents {
  /** First error. */
  error: NodeJS.ErrnoException | null;
  /** Whether `established` was called. */
  readonly secured: boolean;
  established(): void;
  /** Bytes 0 to `length` of the shared buffer were received. */
  received(bytes: Buffer, length: number): void;
  peerEnded(): void;
  socketClosed(): void;
}

/** Properties by which Node's code for streams reads into a buffer. */
interface EndpointSymbols {
  readonly owner: symbol;
  readonly update: symbol;
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/** The methods of Node's classes that work on an endpoint. */
interface Borrowed {
  _wrapHandle(this: TlsEndpoint, wrap: null, handle: TcpHandle, active: boolean): EngineHandle;
  _final(this: TlsEndpoint, then: (error?: Error | null) => void): void;
}
const { _wrapHandle: wrapHandle } = tls.TLSSocket.prototype as unknown as Borrowed;
const { _final: shutDown } = net.Socket.prototype as unknown as Borrowed;

const shared = Buffer.allocUnsafeSlow(READ_SIZE);
let symbols: EndpointSymbols | null | undefined;
/** Node's function for `onread` of handles. */
let streamRead: unknown;

/** Detects the symbols by a socket whose handle is an object without functions. Null: they are missing. */
export function endpointSymbols(): EndpointSymbols | null {
  if (symbols !== undefined) return symbols;
  const tcp: { onread?: unknown; useUserBuffer(): void; close(): void } = { useUserBuffer() {}, close() {} };
  const onread = { buffer: shared, callback: () => true };
  const socket = new net.Socket({ handle: tcp, manualStart: true, onread } as net.SocketConstructorOpts);
  const named = (object: object, name: string): symbol | undefined => {
    for (let each: object | null = object; each !== null; each = Object.getPrototypeOf(each) as object | null) {
      const found = Object.getOwnPropertySymbols(each).find(({ description }) => description === name);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const owner = named(tcp, 'owner_symbol');
  const [update, buffer, callback, generator] = ['kUpdateTimer', 'kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    named(socket, name),
  );
  streamRead = tcp.onread;
  const complete =
    owner !== undefined &&
    update !== undefined &&
    buffer !== undefined &&
    callback !== undefined &&
    generator !== undefined &&
    typeof streamRead === 'function' &&
    typeof wrapHandle === 'function' &&
    typeof shutDown === 'function';
  symbols = complete ? { owner, update, buffer, callback, generator } : null;
  if (symbols !== null) {
    const prototype = TlsEndpoint.prototype as unknown as Record<symbol, unknown>;
    prototype[symbols.update] = (): void => {};
    prototype[symbols.buffer] = shared;
    prototype[symbols.generator] = null;
    prototype[symbols.callback] = function (this: TlsEndpoint, length: number): boolean {
      this.events.received(shared, length);
      return true;
    };
  }
  return symbols;
}

/** Engine of a server with its callbacks. Node does not call `onhandshakestart` if it is missing. */
interface NativeEngine extends EngineHandle {
  onread: unknown;
  onhandshakedone: () => void;
  onerror: (error: NodeJS.ErrnoException) => void;
  useUserBuffer(buffer: Uint8Array): void;
  setVerifyMode(request: boolean, reject: boolean): void;
  setALPNProtocols(names: Uint8Array): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean, delay: number): void;
  close(then: () => void): void;
}

/** Events of a closed endpoint. */
const CLOSED: EndpointEvents = {
  error: null,
  secured: false,
  established() {},
  received() {},
  peerEnded() {},
  socketClosed() {},
};

export class TlsEndpoint {
  destroyed = false;
  readonly connecting = false;
  readonly pending = false;
  readableEnded = false;
  writableEnded = false;
  writableFinished = false;
  _handle: NativeEngine | null = null;
  /** Set while the engine closes: Node then frees its memory. */
  ssl: EngineHandle | null = null;
  readonly _tlsOptions: { readonly isServer: true; readonly secureContext: tls.SecureContext };
  readonly _readableState = { endEmitted: false };
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  private destroyWhenFinished = false;
  private readonly counted: CountingServer | null;

  constructor(
    accepted: AcceptedSocket,
    tcp: TcpHandle,
    { secureContext, requestCert, alpn }: ServerTls,
    { owner }: EndpointSymbols,
    public events: EndpointEvents,
  ) {
    this._tlsOptions = { isServer: true, secureContext };
    this.counted = (accepted as unknown as { readonly _server: CountingServer | null })._server;
    const { remoteAddress, localAddress } = accepted;
    // The socket has asked the kernel already, except for a socket to which a step before has moved the handle.
    const peer = remoteAddress === undefined ? socketName(tcp, 'getpeername') : null;
    this.remoteAddress = peer === null ? remoteAddress : peer.address;
    this.remotePort = peer === null ? accepted.remotePort : peer.port;
    const own = localAddress === undefined ? socketName(tcp, 'getsockname') : null;
    this.localAddress = own === null ? localAddress : own.address;
    this.localPort = own === null ? accepted.localPort : own.port;
    const engine = wrapHandle.call(this, null, tcp, false) as NativeEngine;
    this._handle = engine;
    (engine as unknown as Record<symbol, unknown>)[owner] = this;
    // The owner was the accepted socket, which is no longer used.
    (tcp as unknown as Record<symbol, unknown>)[owner] = this;
    engine.onread = streamRead;
    engine.onhandshakedone = () => this.events.established();
    engine.onerror = (error) => this.destroy(error);
    engine.useUserBuffer(shared);
    if (requestCert) engine.setVerifyMode(true, false);
    if (alpn !== null) engine.setALPNProtocols(alpn);
  }

  // -- called by Node

  listenerCount(): number {
    return 1;
  }
  on(): this {
    return this;
  }
  /** Called with null at the end of the stream. */
  push(): boolean {
    if (this.readableEnded) return false;
    this.readableEnded = true;
    this._readableState.endEmitted = true;
    this.events.peerEnded();
    if (this.writableFinished) this.destroy();
    return false;
  }
  read(): null {
    return null;
  }

  // -- as a socket

  setNoDelay(on: boolean): void {
    this._handle?.setNoDelay(on);
  }
  setKeepAlive(on: boolean): void {
    this._handle?.setKeepAlive(on, 0);
  }

  /** Sends `close_notify` and FIN; nothing is in flight. */
  end(): void {
    if (this.writableEnded || this.destroyed) return;
    this.writableEnded = true;
    shutDown.call(this, () => {
      this.writableFinished = true;
      if (this.destroyWhenFinished || this.readableEnded) this.destroy();
    });
    // The kernel has `close_notify`, and sends FIN when the socket is closed.
    if (this.destroyWhenFinished && this._handle?._parent.writeQueueSize === 0) this.destroy();
  }
  destroySoon(): void {
    this.destroyWhenFinished = true;
    this.end();
    if (this.writableFinished) this.destroy();
  }

  destroy(error?: NodeJS.ErrnoException): void {
    if (this.destroyed) return;
    this.destroyed = true;
    if (error !== undefined) this.events.error ??= error;
    const { _handle: engine } = this;
    this.ssl = engine;
    this._handle = null;
    engine?.close(() => this.closed());
  }

  private closed(): void {
    const { counted } = this;
    if (counted !== null) countClosed(counted);
    const { events } = this;
    // The engine is not freed before a major garbage collection; it must not retain the connection until then.
    this.events = CLOSED;
    events.socketClosed();
  }
}

/** `TLSSocket`s as endpoints of TLS transports: of outgoing connections, and of accepted ones without `TlsEndpoint`. */
import type net from 'node:net';
import tls from 'node:tls';
import type { AcceptedSocket } from './accepted-socket.js';
import { canWriteDirectly, probeWithoutHandle, writeLatin1 } from './direct-write.js';
import { READ_SIZE } from './slabs.js';
import type { EndpointEvents } from './tls-endpoint.js';
import { type EngineSocket, engineOn, type ServerTls, type TcpHandle } from './tls-engine.js';
import type { ConnectTarget } from './transport.js';

/** A `TLSSocket` or `TlsEndpoint`, as a transport uses it. */
export type Endpoint = Pick<
  EngineSocket,
  | '_handle'
  | 'destroyed'
  | 'connecting'
  | 'readableEnded'
  | 'writableEnded'
  | 'writableFinished'
  | 'remoteAddress'
  | 'remotePort'
  | 'localAddress'
  | 'localPort'
> & {
  end(): void;
  destroySoon(): void;
  destroy(error?: Error): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean): void;
};

/** Parameters of an outgoing connection. */
export type TlsTarget = ConnectTarget &
  Pick<tls.ConnectionOptions, 'secureContext' | 'servername' | 'session' | 'ALPNProtocols'>;

const EVENTS = Symbol('events');
type Watched = EngineSocket & { [EVENTS]?: EndpointEvents | undefined };

const shared = Buffer.allocUnsafeSlow(READ_SIZE);
const onread: net.OnReadOpts = {
  buffer: shared,
  callback(this: unknown, length: number, bytes: Uint8Array): boolean {
    (this as Watched)[EVENTS]?.received(bytes as Buffer, length);
    return true;
  },
};

function onSecure(this: Watched): void {
  this._releaseControl();
  this[EVENTS]?.established();
}
function onSecureConnect(this: Watched): void {
  this[EVENTS]?.established();
}
function onEnd(this: Watched): void {
  this[EVENTS]?.peerEnded();
}
function onError(this: Watched, error: NodeJS.ErrnoException): void {
  const events = this[EVENTS];
  if (events === undefined) return;
  // Node reports an end during the handshake of a client as a reset of its own, without an error number.
  if (events.secured || error.code !== 'ECONNRESET' || error.errno !== undefined) events.error ??= error;
  // After the handshake, errors of OpenSSL do not close the socket.
  if (!this.destroyed) this.destroy();
}
function onClose(this: Watched): void {
  const events = this[EVENTS];
  // The engine keeps its socket until a full collection.
  this[EVENTS] = undefined;
  events?.socketClosed();
}

function watch(socket: EngineSocket, events: EndpointEvents): EngineSocket {
  (socket as Watched)[EVENTS] = events;
  return socket.on('end', onEnd).on('error', onError).on('close', onClose);
}

/** Creates the server's side on the handle of `accepted`; see `engineOn`. */
export function acceptedSocket(
  accepted: AcceptedSocket,
  handle: TcpHandle,
  settings: ServerTls,
  session: Buffer | null,
  events: EndpointEvents,
): EngineSocket {
  return watch(engineOn(accepted, handle, settings, onread, session), events).on('secure', onSecure);
}

/** Opens a connection. Certificates are not checked. */
export function outgoingSocket(target: TlsTarget, events: EndpointEvents): EngineSocket {
  const options = {
    ...target,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    allowHalfOpen: true,
    onread,
  };
  const socket = tls.connect(options as tls.ConnectionOptions) as EngineSocket;
  // `tls.connect` ignores the options `noDelay` and `keepAlive`.
  socket.setNoDelay(true);
  if ('keepAlive' in target && target.keepAlive === true) socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  const { preface = '' } = target;
  // The listener that begins the handshake follows.
  if (preface !== '') socket.prependOnceListener('connect', () => sendPreface(socket, preface));
  return watch(socket, events).on('secureConnect', onSecureConnect);
}

/** Idle time before the first probe of TCP keep-alive, ms; that of Linux. */
const KEEP_ALIVE_DELAY = 7_200_000;

/** Writes to the handle below TLS. A failed write is a failure of the connection, which the handshake reports. */
function sendPreface(socket: EngineSocket, preface: string): void {
  probeWithoutHandle();
  if (!canWriteDirectly())
    socket.destroy(new Error('PROXY protocol before TLS is not supported by this version of Node'));
  else if (socket._handle !== null) writeLatin1(socket._handle._parent, preface);
}

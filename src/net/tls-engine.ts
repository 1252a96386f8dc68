/**
 * Node's TLS engine (`TLSWrap`) and its handle: the undocumented parts of Node that the TLS transport uses, in one file.
 * They are the same in Node 20 to 26, but for one name. The engine sits on a connection's TCP handle; everything else
 * about a connection (certificates, protocol, session) is read from the engine's handle.
 */
import type net from 'node:net';
import tls from 'node:tls';
import type { AcceptedSocket } from './accepted-socket.js';
import type { StreamHandle } from './direct-write.js';

/** Handle of an accepted TCP or unix socket. */
export interface TcpHandle extends StreamHandle {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly fd?: number;
  /** Called for each read; with a user buffer the length is the growth of `bytesRead`, none at the end or an error. */
  onread: (this: TcpHandle) => void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  close(then?: () => void): void;
  /** TCP only. Returns a negative errno if a reset is impossible. */
  reset?(then?: () => void): number;
}

/** Certificate of a peer as the engine returns it, with the certificates of its chain. */
export type PeerCertificate = tls.DetailedPeerCertificate;

/** The engine of one connection. */
export interface EngineHandle extends StreamHandle {
  readonly _parent: TcpHandle;
  /** Whether Node believes that the handle reads; kept in step with `readStart` and `readStop`. */
  reading: boolean;
  /** Passes bytes that were read before the engine existed; copies them. */
  receive(bytes: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  verifyError(): (Error & { code?: string }) | null;
  getCipher(): { readonly name: string; readonly standardName: string; readonly version: string } | undefined;
  getProtocol(): string | null;
  getALPNNegotiatedProtocol(): string | false | undefined;
  getPeerCertificate(detailed: boolean): PeerCertificate | undefined;
  getSession(): Buffer | undefined;
  getSharedSigalgs(): string[];
  isSessionReused(): boolean;
  setMaxSendFragment(bytes: number): number;
  /** Enables reports of sessions; the handshake then waits after the ClientHello for `endParser`. */
  enableSessionCallbacks(): void;
  onclienthello?: () => void;
  /** Continues the handshake; named `clientHelloDone` in newer versions of Node 24 and in Node 26. */
  endParser?(): void;
  clientHelloDone?(): void;
  loadSession(session: Buffer): void;
  onnewsession?: (id: Buffer, session: Buffer) => void;
  newSessionDone(): void;
  /** DER of the response for the client's certificate status request. */
  setOCSPResponse(response: Buffer): void;
  enableKeylogCallback(): void;
  onkeylog?: (line: Buffer) => void;
}

/** Encodes a list of ALPN names. */
export function alpnList(names: readonly string[]): Buffer {
  return Buffer.concat(names.map((name) => Buffer.from(String.fromCharCode(name.length) + name, 'latin1')));
}

/** A `TLSSocket` whose engine is accessible. */
export type EngineSocket = tls.TLSSocket & { _handle: EngineHandle | null; _releaseControl(): boolean };

/** Settings of the server's side of a connection. */
export interface ServerTls {
  readonly secureContext: tls.SecureContext;
  /** Whether the client is asked for a certificate. Verification failures do not end the handshake. */
  readonly requestCert: boolean;
  /** Protocols for ALPN, preferred first, each preceded by its length (RFC 7301 3.1); null: the extension is ignored. */
  readonly alpn: Buffer | null;
  /** Maximum bytes of a record, 512 to 16384. */
  readonly maxFragment: number;
  /** Cache of sessions for clients without tickets; null: none. */
  readonly sessions: SessionStore | null;
  /** OCSP response to send to clients that ask for it; null: none. */
  readonly ocspResponse: Buffer | null;
  /** Receives the secrets of connections (NSS key log format); null: none. */
  readonly keyLog: ((line: Buffer) => void) | null;
}

/** Sessions of TLS 1.2 and older by identifier. */
export interface SessionStore {
  find(id: Buffer): Buffer | null | Promise<Buffer | null>;
  add(id: Buffer, session: Buffer): void;
}

interface WithHandle<H> {
  _handle: H | null;
  _server: unknown;
  server: unknown;
}

/** Takes the handle of a socket, which must not be used any more. Null if it is closed. */
export function takeHandle(socket: AcceptedSocket): TcpHandle | null {
  const holder = socket as unknown as WithHandle<TcpHandle>;
  const handle = holder._handle;
  holder._handle = null;
  return handle;
}

/** Gives a socket the handle back that `takeHandle` took. */
export function giveHandle(socket: AcceptedSocket, handle: TcpHandle): void {
  (socket as unknown as WithHandle<TcpHandle>)._handle = handle;
}

interface WrapOptions extends tls.TLSSocketOptions {
  readonly tcpHandle: TcpHandle;
  readonly onread: net.OnReadOpts;
  readonly allowHalfOpen: true;
}

/** The methods of `TLSSocket` that `HandleSocket` replaces or calls. */
interface Wrapping {
  _tlsOptions: WrapOptions;
  _wrapHandle(wrap: unknown, handle: TcpHandle | undefined, active: boolean): unknown;
}

/**
 * A `TLSSocket` on an accepted TCP handle. With a socket in between, Node 20 would ignore `onread`, and each connection
 * would consist of two sockets.
 */
class HandleSocket extends tls.TLSSocket {
  constructor(options: WrapOptions) {
    super(undefined as never, options);
    // A socket without a handle is regarded as connecting.
    (this as { connecting: boolean }).connecting = false;
  }
  _wrapHandle(_wrap: unknown, handle: TcpHandle | undefined, active: boolean): unknown {
    const tcp = handle ?? (this as unknown as Wrapping)._tlsOptions.tcpHandle;
    const { prototype } = tls.TLSSocket as unknown as { prototype: Wrapping };
    return prototype._wrapHandle.call(this, null, tcp, active);
  }
}

/** Creates the server's side of a connection on the handle of `accepted`, which is taken from it. */
export function engineOn(
  accepted: AcceptedSocket,
  tcpHandle: TcpHandle,
  settings: ServerTls,
  onread: net.OnReadOpts,
  session: Buffer | null,
): EngineSocket {
  const { secureContext, requestCert, alpn } = settings;
  const options: WrapOptions = {
    isServer: true,
    secureContext,
    requestCert,
    rejectUnauthorized: false,
    ...(alpn !== null && { ALPNProtocols: alpn }),
    tcpHandle,
    onread,
    allowHalfOpen: true,
  };
  const socket = new HandleSocket(options) as unknown as EngineSocket;
  const [from, to] = [accepted, socket] as unknown as WithHandle<unknown>[] as [
    WithHandle<unknown>,
    WithHandle<unknown>,
  ];
  // The server uses this field to count its connections when the socket closes.
  to._server = from._server;
  to.server = from.server;
  if (socket._handle !== null) configure(socket._handle, settings, session);
  return socket;
}

/** Applies the settings that are no options of `TLSSocket`. */
export function configure(engine: EngineHandle, settings: ServerTls, session: Buffer | null): void {
  const { maxFragment, sessions, ocspResponse, keyLog } = settings;
  if (maxFragment < 16384) engine.setMaxSendFragment(maxFragment);
  if (ocspResponse !== null) engine.setOCSPResponse(ocspResponse);
  if (keyLog !== null) {
    engine.onkeylog = keyLog;
    engine.enableKeylogCallback();
  }
  if (sessions === null) return;
  engine.enableSessionCallbacks();
  engine.onclienthello = () => {
    if (session !== null) engine.loadSession(session);
    if (engine.clientHelloDone === undefined) engine.endParser?.();
    else engine.clientHelloDone();
  };
  engine.onnewsession = (id, der) => {
    sessions.add(id, der);
    engine.newSessionDone();
  };
}

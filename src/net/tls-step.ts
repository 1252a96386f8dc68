/**
 * Accept step of TLS listeners: reads the ClientHello on the socket's handle, lets the listener select the settings for
 * it, and performs the handshake with them.
 */
import { errnoText } from '../diagnostics/errno.js';
import { type Abortable, AcceptKey, type Incoming, type TransportStep } from './accept-step.js';
import type { AcceptedSocket } from './accepted-socket.js';
import { type ClientHello, ClientHelloReader, COMPLETE, MORE, PLAIN } from './client-hello.js';
import { READ_SIZE } from './slabs.js';
import { SocketTransport } from './socket-transport.js';
import { giveHandle, type ServerTls, type TcpHandle, takeHandle } from './tls-engine.js';
import { callFailed, handshakeErrorLevel, isOpensslError } from './tls-errors.js';
import { handshakes } from './tls-handshakes.js';
import { TlsTransport } from './tls-transport.js';
import type { Transport } from './transport.js';

/** Fatal alerts (RFC 8446 6). */
const ILLEGAL_PARAMETER = 47;
const DECODE_ERROR = 50;
const INTERNAL_ERROR = 80;
export const UNRECOGNIZED_NAME = 112;

/** A handshake that is refused with an alert; `message` is logged. */
export interface Refused {
  readonly alert: number;
  readonly level: 'info' | 'error' | 'crit';
  readonly message: string;
}

/** The TLS connection of a client, for variables. */
export interface TlsClient<S extends ServerTls = ServerTls> {
  readonly transport: TlsTransport;
  readonly hello: ClientHello;
  /** Settings with which the handshake was performed. */
  readonly settings: S;
}

/** Result of the step; absent: the client sent a plain request. */
export const TLS_CLIENT = new AcceptKey<TlsClient>('TLS');

/** Selects the settings of a listener for a client, or refuses it. */
export type SelectTls = (hello: ClientHello, incoming: Incoming) => ServerTls | Refused;

/** Validates a client whose handshake is complete. */
export type Validate = (incoming: Incoming) => Promise<void> | null;

const shared = Buffer.allocUnsafeSlow(READ_SIZE);
const IGNORE = (): void => {};

export class TlsStep implements TransportStep {
  readonly activity = 'SSL handshaking';

  constructor(
    private readonly select: SelectTls,
    /** Whether connections to a local address use TLS; others that share the socket do not. */
    private readonly applies: (localAddress: string) => boolean,
    /** Called if the client sends data that is not TLS, before the connection proceeds without it. */
    private readonly plain: (incoming: Incoming) => void,
    /** Called after the handshake; the connection proceeds when the promise is settled. Null: at once. */
    private readonly validate: Validate,
  ) {}

  wrap(socket: AcceptedSocket, early: Buffer, incoming: Incoming): Abortable {
    const applies = this.applies(incoming.localAddress);
    return new Handshake(socket, early, incoming, this.select, this.plain, this.validate, applies);
  }
}

/**
 * Reference from the handle's callback, cleared when the ClientHello is complete. V8 treats a closed engine, with its handle
 * and callbacks, as live until the next full collection, and with it everything to which they refer.
 */
interface Reading {
  handshake: Handshake | null;
}

class Handshake implements Abortable {
  private readonly reader = new ClientHelloReader();
  private readonly handle: TcpHandle | null;
  private transport: TlsTransport | null = null;
  private reading: Reading | null = null;
  /** Value of `bytesRead` before the current read. */
  private readBefore = 0;
  private hello!: ClientHello; // set before a transport exists
  private settings!: ServerTls; // as above
  private done = false;

  constructor(
    private readonly socket: AcceptedSocket,
    early: Buffer,
    private readonly incoming: Incoming,
    private readonly select: SelectTls,
    private readonly plain: (incoming: Incoming) => void,
    private readonly validate: Validate,
    applies: boolean,
  ) {
    this.handle = takeHandle(socket);
    if (this.handle === null) {
      // Reset meanwhile.
      socket.destroy();
      this.incoming.refuse('info', 'client closed connection');
      return;
    }
    if (!applies) this.proceedPlain(early);
    else if (early.length === 0 || this.add(early) === MORE) this.read(this.handle);
  }

  /** Reads the ClientHello into a shared buffer. */
  private read(tcp: TcpHandle): void {
    this.readBefore = tcp.bytesRead;
    const reading: Reading = { handshake: this };
    this.reading = reading;
    tcp.onread = () => reading.handshake?.received(tcp);
    tcp.useUserBuffer(shared);
    tcp.readStart();
  }

  private received(tcp: TcpHandle): void {
    const length = tcp.bytesRead - this.readBefore;
    this.readBefore = tcp.bytesRead;
    if (length <= 0) this.ended(tcp);
    else this.add(shared.subarray(0, length));
  }

  private ended(tcp: TcpHandle): void {
    tcp.readStop();
    const begun = this.reader.bytes.length > 0;
    this.incoming.refuse('info', begun ? 'peer closed connection in SSL handshake' : 'client closed connection');
  }

  private add(bytes: Buffer): typeof MORE | typeof COMPLETE {
    const result = this.reader.add(bytes);
    if (result === MORE) return MORE;
    if (this.handle !== null) this.handle.onread = IGNORE;
    this.forget();
    if (result === COMPLETE) this.negotiate();
    else {
      this.handle?.readStop();
      if (result === PLAIN) {
        this.plain(this.incoming);
        this.proceedPlain(this.reader.bytes);
      } else this.refuse(TOO_LONG_HELLO);
    }
    return COMPLETE;
  }

  /** Nothing more is read here. */
  private forget(): void {
    if (this.reading !== null) this.reading.handshake = null;
  }

  private negotiate(): void {
    const hello = this.reader.parse();
    const settings = hello.badServerName ? BAD_NAME : this.select(hello, this.incoming);
    if ('alert' in settings) {
      this.handle?.readStop();
      this.refuse(settings);
      return;
    }
    this.hello = hello;
    this.settings = settings;
    const { sessionId } = hello;
    const session = settings.sessions === null || sessionId.length === 0 ? null : settings.sessions.find(sessionId);
    // Reading is not stopped before the engine takes over the handle, which saves two system calls.
    if (!(session instanceof Promise)) this.shake(session, this.reader.bytes);
    else {
      this.handle?.readStop();
      const bytes = Buffer.from(this.reader.bytes);
      void session.then((found) => this.shake(found, bytes));
    }
  }

  private shake(session: Buffer | null, received: Buffer): void {
    const { handle, socket, settings } = this;
    if (handle === null || this.done) return;
    this.transport = TlsTransport.accept(socket, handle, settings, received, this, session);
  }

  /** Passes the connection on without TLS. */
  private proceedPlain(unread: Buffer): void {
    if (this.handle === null || this.done) return;
    this.done = true;
    const transport = this.plainTransport(this.handle);
    this.incoming.proceed(transport, unread);
  }

  private plainTransport(handle: TcpHandle): SocketTransport {
    giveHandle(this.socket, handle);
    return SocketTransport.adopt(this.socket, this);
  }

  private refuse({ alert, level, message }: Refused): void {
    if (this.handle === null || this.done) return;
    this.done = true;
    handshakes.recorder?.failed();
    const transport = this.plainTransport(this.handle);
    transport.write(Buffer.from([21, 3, 3, 0, 2, 2, alert]));
    transport.destroySoon();
    this.incoming.refuse(level, message);
  }

  destroy(): void {
    if (this.done) return;
    this.done = true;
    this.forget();
    const { transport, handle, socket } = this;
    if (transport !== null) transport.destroy();
    else if (handle !== null) {
      giveHandle(socket, handle);
      socket.destroy();
    }
  }

  // -- events of the TLS transport

  onConnected(): void {
    const { transport, incoming, hello, settings } = this;
    if (transport === null || this.done) return;
    handshakes.recorder?.completed(transport);
    incoming.accepted.set(TLS_CLIENT, { transport, hello, settings });
    const pending = this.validate(incoming);
    if (pending === null) {
      this.done = true;
      incoming.proceed(transport);
    } else {
      transport.pause();
      void pending.then(() => {
        if (this.done) return;
        this.done = true;
        incoming.proceed(transport);
        transport.resume();
      });
    }
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    if (this.done) return;
    this.done = true;
    handshakes.recorder?.failed();
    const { incoming } = this;
    if (error !== null && isOpensslError(error)) {
      incoming.refuse(handshakeErrorLevel(error), callFailed('SSL_do_handshake', error));
    } else {
      const reason = error === null ? '' : ` (${errnoText(error)})`;
      incoming.refuse('info', `peer closed connection in SSL handshake${reason}`);
    }
  }

  onBytes(): void {}
  onEnd(): void {}
  onDrain(): void {}
}

const TOO_LONG_HELLO: Refused = {
  alert: ILLEGAL_PARAMETER,
  level: 'info',
  message: 'SSL_do_handshake() failed (SSL: error:0A000098:SSL routines::excessive message size)',
};
const BAD_NAME: Refused = {
  alert: DECODE_ERROR,
  level: 'info',
  message: 'SSL_do_handshake() failed (SSL: error:0A0000E2:SSL routines::clienthello tlsext)',
};
/** Refusal of a client for which no settings can be found. */
export function internalError(message: string): Refused {
  return { alert: INTERNAL_ERROR, level: 'error', message };
}

/** HTTP/1 to a server: a session with one stream at a time. */
import type { OpenSession, SessionHost, StreamUser, UpstreamSession } from '../http/upstream-session.js';
import type { Connect, ConnectTarget, Transport, TransportOwner } from '../net/transport.js';
import { type Http1UpstreamStream, type StreamSession, takeStream } from './upstream-stream.js';

export class Http1UpstreamSession implements UpstreamSession, StreamSession, TransportOwner {
  readonly transport: Transport;
  /** The current stream; null if the session is idle. */
  stream: Http1UpstreamStream | null;
  connected = false;

  static readonly open: OpenSession = (host, user, target, connect) => {
    const stream = takeStream();
    return { session: new Http1UpstreamSession(host, stream, user, target, connect), stream };
  };

  private constructor(
    readonly host: SessionHost,
    stream: Http1UpstreamStream,
    user: StreamUser,
    target: ConnectTarget,
    connect: Connect,
  ) {
    this.stream = stream;
    stream.user = user;
    this.transport = connect(target, this);
    stream.attach(this, user);
  }

  get available(): boolean {
    return this.stream === null && this.connected && !this.transport.closing;
  }

  get idle(): boolean {
    return this.stream === null;
  }

  readonly waiting = -1;

  peerLeft(): boolean {
    return this.transport.peerLeft();
  }

  open(user: StreamUser): Http1UpstreamStream {
    const stream = takeStream();
    this.stream = stream;
    stream.attach(this, user);
    return stream;
  }

  destroy(): void {
    this.stream = null;
    this.host.onClosed(this);
    this.transport.destroy();
  }

  // -- the stream

  /** The stream is over. `reusable`: the connection can be used for another request (RFC 9112 9.3). */
  streamOver(reusable: boolean): void {
    this.stream = null;
    const { transport } = this;
    if (reusable && transport.writable && this.host.onAvailable(this)) transport.resume();
    else if (transport.secure && this.connected && transport.pending === 0) {
      // The peer is notified of the end (close_notify), which takes a moment.
      this.host.onClosed(this);
      transport.destroySoon();
    } else this.destroy();
  }

  detach(): Transport {
    this.stream = null;
    this.host.onClosed(this);
    return this.transport;
  }

  // -- the transport

  onConnected(): void {
    this.connected = true;
    const refusal = this.host.refusal(this.transport);
    if (refusal !== null) this.stream?.fail('refused', refusal);
    else this.stream?.user?.onReady();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    // A peer that sends data without a request cannot be trusted to respond only to the next one (RFC 9112 9.2).
    if (this.stream === null) this.destroy();
    else this.stream.received(bytes, length);
  }

  onEnd(): void {
    if (this.stream === null) this.destroy();
    else this.stream.peerEnded();
  }

  onDrain(): void {
    this.stream?.user?.onDrain();
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    const { stream } = this;
    this.stream = null;
    this.host.onClosed(this);
    stream?.connectionClosed(error, this.connected);
  }
}

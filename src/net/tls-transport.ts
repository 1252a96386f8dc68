/**
 * Transport over TLS. All connections read into one shared buffer, as TCP connections do; the engine calls `onread` once
 * per record. Borrowed bytes are encrypted before a write returns and need no copy. Descriptors are not used: bytes
 * written to them would be plain text in the middle of TLS.
 *
 * The engine permits one write in flight (a second one aborts the process) and reports its completion one phase of the
 * event loop later. Writes in the meantime are copied to a queue and sent together, in parts of at most MAX_WRITE bytes,
 * because the engine encrypts a write as a whole into memory.
 */
import type tls from 'node:tls';
import type { AcceptedSocket } from './accepted-socket.js';
import { ByteQueue } from './byte-queue.js';
import { descriptorHasInput } from './descriptor-input.js';
import {
  canWriteDirectly,
  probeHandle,
  probeWithoutHandle,
  trackWrite,
  type WriteWaiter,
  writeBytes,
  writeError,
  writeLatin1,
} from './direct-write.js';
import { READ_SIZE } from './slabs.js';
import { type EndpointEvents, endpointSymbols, TlsEndpoint } from './tls-endpoint.js';
import { configure, type EngineHandle, type EngineSocket, type ServerTls, type TcpHandle } from './tls-engine.js';
import { acceptedSocket, type Endpoint, outgoingSocket, type TlsTarget } from './tls-sockets.js';
import { countTransports, type Transport, type TransportOwner } from './transport.js';

/** Maximum bytes of one write. */
const MAX_WRITE = 65536;
/** Pending bytes at which the source of a slow peer must stop. */
const MAX_PENDING = 65536;

const shared = Buffer.allocUnsafeSlow(READ_SIZE);
/** Bytes of one write that consists of several parts. */
const scratch = Buffer.allocUnsafeSlow(MAX_WRITE);

export class TlsTransport implements Transport, WriteWaiter, EndpointEvents {
  /** First error; set before the owner is notified. */
  error: NodeJS.ErrnoException | null = null;
  closed = false;
  waiting = false;
  readonly writePieces = null;
  paused = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** Whether the handshake is complete. */
  secured = false;
  /** Error after which the peer accepts no more data. Data received before is still read if it may be a response. */
  private broken: NodeJS.ErrnoException | null = null;
  /** Plain bytes of the write in flight; 0: none. */
  private inFlight = 0;
  private readonly queue = new ByteQueue();
  private ending = false;
  private destroyWhenFlushed = false;
  /** Received while paused: the engine delivers the records of bytes that it has read already. */
  private pushback: ByteQueue | null = null;
  /** The peer has ended while the transport was paused. */
  private endWaits = false;
  private accepted = 0;
  private onFlushed: (() => void)[] | null = null;

  private socket!: Endpoint; // set by `accept` and `connect`, before anything else is called

  private constructor(
    public owner: TransportOwner,
    private readonly outgoing: boolean,
  ) {
    countTransports(1);
  }

  /**
   * Begins a handshake as the server. `early`: bytes of the client read before. The owner's `onConnected` is called when
   * the connection is established, `onClosed` if that fails; reading begins with the handshake.
   *
   * @param accepted the socket from which `handle` was taken
   * @param session the session to resume, from `settings.sessions`
   */
  static accept(
    accepted: AcceptedSocket,
    handle: TcpHandle,
    settings: ServerTls,
    early: Buffer,
    owner: TransportOwner,
    session: Buffer | null = null,
  ): TlsTransport {
    const transport = new TlsTransport(owner, false);
    const symbols = endpointSymbols();
    if (symbols !== null) probeWithoutHandle();
    if (symbols !== null && canWriteDirectly()) {
      const endpoint = new TlsEndpoint(accepted, handle, settings, symbols, transport);
      transport.socket = endpoint;
      const { engine } = transport;
      if (engine !== null) {
        configure(engine, settings, session);
        engine.reading = true;
        engine.readStart();
      }
    } else {
      transport.socket = acceptedSocket(accepted, handle, settings, session, transport);
    }
    if (early.length > 0) transport.engine?.receive(early);
    return transport;
  }

  /**
   * Opens a connection. Certificates are requested but not checked: the owner does that in `onConnected`, with
   * `engine.verifyError()`.
   */
  static connect(target: TlsTarget, owner: TransportOwner): TlsTransport {
    const transport = new TlsTransport(owner, true);
    transport.socket = outgoingSocket(target, transport);
    return transport;
  }

  /** Protocol, certificates and session of the connection; null after it has closed. */
  get engine(): EngineHandle | null {
    return this.socket._handle;
  }
  /** The socket of an outgoing connection, for its events `session` and `keylog`, and for the events of connecting. */
  get tlsSocket(): tls.TLSSocket {
    return this.socket as EngineSocket;
  }
  private get tcp(): TcpHandle | null {
    return this.socket._handle?._parent ?? null;
  }

  get secure(): boolean {
    return true;
  }
  get handshaking(): boolean {
    return !this.secured && !this.closed && !this.socket.connecting;
  }
  get remoteAddress(): string {
    return this.socket.remoteAddress ?? '';
  }
  get remotePort(): number {
    return this.socket.remotePort ?? 0;
  }
  get localAddress(): string {
    return this.socket.localAddress ?? '';
  }
  get localPort(): number {
    return this.socket.localPort ?? 0;
  }
  get closing(): boolean {
    return this.closed || this.socket.destroyed;
  }
  get writable(): boolean {
    return !this.closed && this.broken === null;
  }
  /** Encrypted bytes count as pending only while the kernel has not accepted them. */
  get pending(): number {
    return this.inFlight === 0 ? this.queue.length : this.queue.length + (this.tcp?.writeQueueSize ?? 0);
  }

  madeProgress(): boolean {
    const { tcp, accepted } = this;
    if (tcp !== null) this.accepted = tcp.bytesWritten - tcp.writeQueueSize;
    return this.accepted > accepted;
  }

  // -- reading

  received(bytes: Buffer, length: number): void {
    if (this.closed) return;
    if (this.paused || this.pushback !== null) {
      this.pushback ??= new ByteQueue();
      this.pushback.push(bytes, 0, length);
      return;
    }
    this.bytesRead += length;
    this.owner.onBytes(this, bytes, length);
  }

  peerEnded(): void {
    if (this.closed) return;
    if (!this.secured) {
      // The owner learns of it by `onClosed` without an error.
      this.socket.destroy();
    } else if (this.wasReset()) this.socket.destroy(this.broken ?? undefined);
    else if (this.paused || this.pushback !== null) this.endWaits = true;
    else this.owner.onEnd(this);
  }

  /** Whether the peer of an outgoing connection has reset it rather than sent FIN; see `SocketTransport.wasReset`. */
  private wasReset(): boolean {
    const { tcp } = this;
    if (this.outgoing && this.broken === null && tcp !== null && this.pending === 0 && canWriteDirectly()) {
      const result = writeLatin1(tcp, '');
      if (typeof result === 'number' && result < 0) this.broken = writeError(result);
    }
    return this.broken?.code === 'ECONNRESET';
  }

  pause(): void {
    if (this.paused || this.closed) return;
    this.paused = true;
    this.stopReading();
  }
  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    this.deliver();
    if (this.paused || this.closing) return;
    const { engine } = this;
    if (engine === null || engine.reading) return;
    engine.reading = true;
    engine.readStart();
  }

  private stopReading(): void {
    const { engine } = this;
    if (engine === null || !engine.reading) return;
    engine.reading = false;
    engine.readStop();
  }

  /** Delivers what arrived while the transport was paused. */
  private deliver(): void {
    const { pushback } = this;
    if (pushback !== null) {
      while (pushback.length > 0 && !this.paused && !this.closing) {
        // Copied: the owner may reuse the block's memory while it is called.
        const first = pushback.first();
        const length = Math.min(first.length, shared.length);
        first.copy(shared, 0, 0, length);
        pushback.drop(length);
        this.bytesRead += length;
        this.owner.onBytes(this, shared, length);
      }
      if (pushback.length > 0) return;
      this.pushback = null;
    }
    if (!this.endWaits || this.paused || this.closing) return;
    this.endWaits = false;
    // Not within the call.
    setImmediate(() => {
      if (this.paused) this.endWaits = true;
      else if (!this.closed) this.owner.onEnd(this);
    });
  }

  // -- writing

  writeText(text: string): boolean {
    const { length } = text;
    if (!this.writable || length === 0) return true;
    if (length > MAX_WRITE) return this.write(Buffer.from(text, 'latin1'));
    scratch.latin1Write(text, 0);
    return this.send(scratch, 0, length);
  }

  writeBorrowed(bytes: Buffer, start: number, end: number): boolean {
    return this.send(bytes, start, end);
  }

  writeFramed(before: string, bytes: Buffer, start: number, end: number, after: string): boolean {
    const length = before.length + end - start + after.length;
    if (length > MAX_WRITE || !this.writable) {
      this.writeText(before);
      const more = this.send(bytes, start, end);
      return this.writeText(after) && more;
    }
    let at = before.length === 0 ? 0 : scratch.latin1Write(before, 0);
    at += bytes.copy(scratch, at, start, end);
    if (after.length > 0) scratch.latin1Write(after, at);
    return this.send(scratch, 0, length);
  }

  write(bytes: Buffer, before = ''): boolean {
    return before.length === 0
      ? this.send(bytes, 0, bytes.length)
      : this.writeFramed(before, bytes, 0, bytes.length, '');
  }

  /** Encrypts as much as possible and copies the rest to the queue. */
  private send(bytes: Buffer, start: number, end: number): boolean {
    if (!this.writable || end === start || this.ending) return true;
    this.bytesWritten += end - start;
    const { queue } = this;
    let from = start;
    if (this.inFlight === 0 && queue.length === 0 && this.secured && canWriteDirectly()) {
      from = Math.min(end, start + MAX_WRITE);
      this.dispatch(start === 0 && from === bytes.length ? bytes : bytes.subarray(start, from));
    }
    if (from < end && this.writable) {
      queue.push(bytes, from, end);
      if (this.inFlight === 0) this.sendQueue();
    }
    const { pending } = this;
    if (pending < MAX_PENDING) return !this.waiting;
    this.waiting = true;
    return false;
  }

  /** Sends the next part of the queue; nothing is in flight. */
  private sendQueue(): void {
    const { queue } = this;
    if (!this.secured || queue.length === 0) return;
    const direct = canWriteDirectly();
    const length = Math.min(queue.length, MAX_WRITE);
    let part = queue.first();
    if (part.length < length) {
      let at = 0;
      for (const piece of queue.front(length)) at += piece.copy(scratch, at);
      part = scratch.subarray(0, length);
    } else part = part.subarray(0, length);
    if (direct) {
      this.dispatch(part);
      queue.drop(length);
    } else this.sendByStream(part, length);
  }

  /** The first write of the process detects the interface of handles; if it is unknown, all writes use the stream. */
  private sendByStream(part: Buffer, length: number): void {
    const { engine, queue } = this;
    if (engine !== null) probeHandle(engine);
    this.inFlight = length;
    (this.socket as EngineSocket).write(part.latin1Slice(), 'latin1', (error) => this.written(error ? -1 : 0));
    queue.drop(length);
  }

  private dispatch(part: Buffer): void {
    const { engine } = this;
    if (engine === null) return;
    const result = writeBytes(engine, part);
    if (typeof result === 'number') {
      if (result < 0) this.failed(writeError(result));
      return;
    }
    this.inFlight = part.length;
    trackWrite(result, this, null, null);
  }

  /** The write in flight is complete. */
  written(status: number): void {
    this.inFlight = 0;
    if (this.closed) return;
    if (status < 0) this.failed(this.error ?? writeError(status));
    else if (this.queue.length > 0) this.sendQueue();
    if (this.inFlight > 0 || this.closing) return;
    this.flushed();
    if (this.ending) this.finish();
    else if (this.waiting) {
      this.waiting = false;
      this.owner.onDrain(this);
    }
  }

  private failed(error: NodeJS.ErrnoException): void {
    this.broken = error;
    this.queue.clear();
    // An upstream may have responded before closing, and its response may still be unread.
    const left = this.outgoing && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
    if (!left || this.socket.readableEnded) this.socket.destroy(error);
  }

  whenFlushed(then: () => void): void {
    if (this.closed || this.pending === 0) then();
    else (this.onFlushed ??= []).push(then);
  }

  private flushed(): void {
    const { onFlushed } = this;
    this.onFlushed = null;
    if (onFlushed !== null) for (const then of onFlushed) then();
  }

  // -- the end

  /** `close_notify` would be lost if it were sent while a write is in flight. */
  private get idle(): boolean {
    return this.inFlight === 0 && this.queue.length === 0 && (this.secured || this.bytesWritten === 0);
  }

  private finish(): void {
    if (this.destroyWhenFlushed) this.socket.destroySoon();
    else this.socket.end();
  }

  end(): void {
    this.ending = true;
    if (!this.closed && this.idle) this.finish();
  }
  destroySoon(): void {
    this.destroyWhenFlushed = true;
    this.end();
  }
  destroy(): void {
    if (!this.closed) this.socket.destroy();
  }
  reset(): void {
    const { socket, tcp } = this;
    if (this.closed || socket.destroyed) return;
    const shutting = socket.writableEnded && !socket.writableFinished;
    if (tcp?.reset !== undefined && !shutting && !socket.connecting) {
      // `destroy` closes the TCP handle; it resets instead, once.
      tcp.close = function resetting(this: TcpHandle, then) {
        delete (this as { close?: unknown }).close;
        if (this.reset?.(then) !== 0) this.close(then);
      };
    }
    socket.destroy();
  }

  // -- events of the socket

  established(): void {
    // TLS 1.3 reports the end of the handshake again when tickets are sent.
    if (this.closed || this.secured) return;
    this.secured = true;
    this.owner.onConnected(this);
    if (this.closing) return;
    if (this.inFlight === 0) this.sendQueue();
    if (this.ending && this.idle) this.finish();
  }

  socketClosed(): void {
    if (this.closed) return;
    this.closed = true;
    this.queue.clear();
    this.pushback?.clear();
    countTransports(-1);
    this.owner.onClosed(this, this.error);
    this.flushed();
  }

  /**
   * Whether the peer of an idle connection has closed it, reset it or sent data, as the kernel knows before the event
   * loop reports it. Unread session tickets count as data.
   */
  peerLeft(): boolean {
    if (this.closing || this.endWaits || this.socket.readableEnded) return true;
    return this.pushback !== null || descriptorHasInput(this.tcp?.fd ?? -1);
  }

  setNoDelay(on: boolean): void {
    this.socket.setNoDelay(on);
  }
  setKeepAlive(on: boolean): void {
    this.socket.setKeepAlive(on);
  }
}

/**
 * Transport over a stream of HTTP/2: the bytes of a tunnel are the payload of its DATA frames (RFC 9113 8.5, RFC 8441 5).
 * Either role of HTTP/2 provides the stream (`TunnelStream`) and reports its events to the transport.
 *
 * - Backpressure: bytes that the windows or the connection do not accept stay pending here. Received bytes are given back
 *   to the windows when the owner has read them, so that a paused transport holds one window at most.
 * - The end of a direction is END_STREAM. `reset` is RST_STREAM with CANCEL, the counterpart of a TCP reset.
 * - Closing without waiting for the peer is END_STREAM and RST_STREAM with NO_ERROR, which loses nothing that was sent.
 */
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import { ErrorCode } from './error-codes.js';

/** A stream as used by its transport. No method emits an event of the transport before it has returned. */
export interface TunnelStream {
  /** Transport of the connection, for addresses. */
  readonly connection: Transport;
  /**
   * Sends bytes `start` to `end` of a borrowed buffer as DATA frames, as far as the windows and the output of the connection
   * permit. Returns the number of bytes taken; if there are more, `StreamTransport.onWritable` follows.
   */
  sendData(bytes: Buffer, start: number, end: number): number;
  /** Sends END_STREAM. */
  sendEnd(): void;
  /** Sends RST_STREAM; no event follows. */
  sendReset(code: number): void;
  /** Received bytes no longer take memory: the windows of the peer may be reopened. */
  consumed(length: number): void;
  /** Both directions have ended, or the stream was lost: the stream is not used any more. */
  closed(): void;
}

/** Bytes that are joined for one DATA frame. */
const JOINED = 16384;
const joined = Buffer.allocUnsafeSlow(JOINED);

export class StreamTransport implements Transport {
  closed = false;
  closing = false;
  waiting = false;
  paused = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** Written bytes that the stream has not taken. */
  private outbox: ByteQueue | null = null;
  /** Received bytes that the owner has not read. */
  private inbox: ByteQueue | null = null;
  private peerEnded = false;
  private endEmitted = false;
  private ending = false;
  private endSent = false;
  private destroyWhenFlushed = false;
  /** Whether the peer accepts no more bytes. */
  private broken = false;
  private accepted = 0;
  private acceptedBefore = 0;
  private scheduled = false;
  private onFlushed: (() => void)[] | null = null;

  constructor(
    private readonly stream: TunnelStream,
    public owner: TransportOwner,
  ) {}

  get pending(): number {
    return this.outbox === null ? 0 : this.outbox.length;
  }
  get writable(): boolean {
    return !this.closing && !this.broken;
  }
  get handshaking(): boolean {
    return false;
  }
  get secure(): boolean {
    return this.stream.connection.secure;
  }
  get remoteAddress(): string {
    return this.stream.connection.remoteAddress;
  }
  get remotePort(): number {
    return this.stream.connection.remotePort;
  }
  get localAddress(): string {
    return this.stream.connection.localAddress;
  }
  get localPort(): number {
    return this.stream.connection.localPort;
  }

  // -- writing

  writeText(text: string): boolean {
    return this.writeFramed(text, joined, 0, 0, '');
  }

  writeBorrowed(bytes: Buffer, start: number, end: number): boolean {
    if (start === end || this.refused) return true;
    this.bytesWritten += end - start;
    let from = start;
    if (this.pending === 0) {
      from += this.stream.sendData(bytes, start, end);
      this.accepted += from - start;
      if (from === end) return true;
    }
    this.outbox ??= new ByteQueue();
    this.outbox.push(bytes, from, end);
    this.waiting = true;
    return false;
  }

  writeFramed(before: string, bytes: Buffer, start: number, end: number, after: string): boolean {
    const length = before.length + end - start + after.length;
    if (length > JOINED) {
      const own = Buffer.allocUnsafe(length);
      join(own, before, bytes, start, end, after);
      return this.writeBorrowed(own, 0, length);
    }
    join(joined, before, bytes, start, end, after);
    return this.writeBorrowed(joined, 0, length);
  }

  write(bytes: Buffer, before = ''): boolean {
    if (before === '') return this.writeBorrowed(bytes, 0, bytes.length);
    return this.writeFramed(before, bytes, 0, bytes.length, '');
  }

  private get refused(): boolean {
    return this.closing || this.broken || this.ending;
  }

  /** The stream takes bytes again. */
  onWritable(): void {
    const { outbox } = this;
    if (this.closing || outbox === null) return;
    while (outbox.length > 0) {
      const piece = outbox.first();
      const taken = this.stream.sendData(piece, 0, piece.length);
      this.accepted += taken;
      outbox.drop(taken);
      if (taken < piece.length) return;
    }
    this.outbox = null;
    this.flushed();
  }

  /** Nothing is pending any more. */
  private flushed(): void {
    if (this.ending) {
      this.sendEnd();
      // An end that was called earlier completes the close now.
      if (this.destroyWhenFlushed || this.endEmitted) this.finish();
    }
    this.runFlushed();
    if (!this.waiting || this.closing || this.pending > 0) return;
    this.waiting = false;
    this.owner.onDrain(this);
  }

  private runFlushed(): void {
    const callbacks = this.onFlushed;
    this.onFlushed = null;
    if (callbacks !== null) for (const then of callbacks) then();
  }

  whenFlushed(then: () => void): void {
    if (this.closed || this.pending === 0) then();
    else if (this.onFlushed === null) this.onFlushed = [then];
    else this.onFlushed.push(then);
  }

  madeProgress(): boolean {
    const before = this.acceptedBefore;
    this.acceptedBefore = this.accepted;
    return this.accepted > before;
  }

  // -- reading

  /** Bytes `start` to `end` were received, borrowed. */
  received(bytes: Buffer, start: number, end: number): void {
    if (this.closing) {
      this.stream.consumed(end - start);
      return;
    }
    if (this.paused || this.inbox !== null) {
      this.inbox ??= new ByteQueue();
      this.inbox.push(bytes, start, end);
      return;
    }
    const length = end - start;
    this.bytesRead += length;
    this.owner.onBytes(this, start === 0 ? bytes : bytes.subarray(start, end), length);
    this.stream.consumed(length);
  }

  /** The peer has sent END_STREAM. */
  receivedEnd(): void {
    if (this.closing || this.peerEnded) return;
    this.peerEnded = true;
    if (!this.paused && this.inbox === null) this.emitEnd();
  }

  /** The peer has sent RST_STREAM. */
  receivedReset(code: number): void {
    // After END_STREAM it only refuses the bytes that are sent to it (RFC 9113 8.1).
    if (code === ErrorCode.NoError && this.peerEnded && !this.endEmitted) this.broken = true;
    else if (code === ErrorCode.NoError && this.peerEnded) this.lost(this.ending ? null : failure('write', 'EPIPE'));
    else this.lost(failure('read', 'ECONNRESET'));
  }

  /** The stream has ended with its connection, or with an error. */
  lost(error: NodeJS.ErrnoException | null): void {
    this.close(error);
  }

  private emitEnd(): void {
    this.endEmitted = true;
    if (this.broken) this.close(this.ending ? null : failure('write', 'EPIPE'));
    else {
      this.owner.onEnd(this);
      if (this.endSent && !this.closing) this.finish();
    }
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.inbox !== null || (this.peerEnded && !this.endEmitted)) this.schedule();
  }

  /** Delivers received bytes in the event loop's next phase: no event is emitted within a call of the owner. */
  private schedule(): void {
    if (this.scheduled || this.closing) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.deliver();
    });
  }

  private deliver(): void {
    const { inbox } = this;
    if (inbox !== null) {
      while (inbox.length > 0) {
        if (this.paused || this.closing) return;
        const piece = inbox.first();
        const { length } = piece;
        this.bytesRead += length;
        this.owner.onBytes(this, piece, length);
        if (this.closing) return;
        inbox.drop(length);
        this.stream.consumed(length);
      }
      this.inbox = null;
    }
    if (this.peerEnded && !this.paused && !this.closing && !this.endEmitted) this.emitEnd();
  }

  peerLeft(): boolean {
    return this.closing || this.inbox !== null || this.peerEnded || this.broken;
  }

  // -- closing

  end(): void {
    if (this.ending || this.closing || this.broken) return;
    this.ending = true;
    if (this.pending > 0) return;
    this.sendEnd();
    if (this.endEmitted) this.finish();
  }

  destroySoon(): void {
    if (this.closing) return;
    this.destroyWhenFlushed = true;
    this.end();
    if (this.pending === 0 || this.broken) this.finish();
  }

  destroy(): void {
    if (this.closing) return;
    // As for sockets, unread or unsent bytes turn the end into a reset.
    if (this.pending > 0 || this.inbox !== null) this.reset();
    else this.finish();
  }

  reset(): void {
    if (this.closing) return;
    if (!this.endSent || !this.peerEnded) this.stream.sendReset(ErrorCode.Cancel);
    this.close(null);
  }

  private sendEnd(): void {
    if (this.endSent || this.broken) return;
    this.endSent = true;
    this.stream.sendEnd();
  }

  /** Closes after everything was sent. A peer that has not ended its side is told that nothing more is read. */
  private finish(): void {
    if (this.closing) return;
    this.sendEnd();
    if (!this.peerEnded) this.stream.sendReset(ErrorCode.NoError);
    this.close(null);
  }

  private close(error: NodeJS.ErrnoException | null): void {
    if (this.closing) return;
    this.closing = true;
    this.outbox?.clear();
    this.outbox = null;
    this.inbox?.clear();
    this.inbox = null;
    this.stream.closed();
    setImmediate(() => {
      this.closed = true;
      this.owner.onClosed(this, error);
      this.runFlushed();
    });
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}
}

function join(to: Buffer, before: string, bytes: Buffer, start: number, end: number, after: string): void {
  const at = before === '' ? 0 : to.latin1Write(before, 0);
  bytes.copy(to, at, start, end);
  if (after !== '') to.latin1Write(after, at + end - start);
}

function failure(syscall: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

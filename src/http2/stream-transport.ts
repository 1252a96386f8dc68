/**
 * Transport over a stream of HTTP/2: the bytes of a tunnel are the payload of its DATA frames (RFC 9113 8.5, RFC 8441 5).
 * Either role of HTTP/2 provides the stream (`TunnelStream`) and reports its events to the transport.
 *
 * - Backpressure: bytes that the windows or the connection do not accept stay pending in the stream. Received bytes are given
 *   back to the windows when the owner has read them, so that a paused transport holds one window at most.
 * - The end of a direction is END_STREAM. `reset` is RST_STREAM with CANCEL, the counterpart of a TCP reset.
 * - Closing without waiting for the peer is END_STREAM and RST_STREAM with NO_ERROR, which loses nothing that was sent.
 */
import { constants } from 'node:os';
import { ByteQueue } from '../net/byte-queue.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import { ErrorCode } from './error-codes.js';

/**
 * A stream as used by its transport, whose `onDrain`, `onEndSent`, `onData`, `onEnd`, `onReset` and `lost` it calls; never within
 * a call of its own methods.
 */
export interface TunnelStream {
  /** Transport of the connection, for addresses. */
  readonly connection: Transport;
  /** Bytes that were written and not sent. */
  readonly pending: number;
  /**
   * Sends bytes `start` to `end` of a borrowed buffer in DATA frames; those that the windows and the connection do not accept
   * are copied. Returns false if the writer should wait for `onDrain`.
   */
  write(bytes: Buffer, start: number, end: number): boolean;
  /** Whether bytes were sent since the last call. */
  madeProgress(): boolean;
  /** Sends END_STREAM after all bytes. */
  end(): void;
  /** Sends RST_STREAM. */
  reset(code: number): void;
  /** Received bytes no longer take memory: the windows of the peer may be reopened. */
  consumed(length: number): void;
  /** The stream is not used any more: both directions have ended, or it was reset or lost. */
  closed(): void;
}

/** Bytes that are joined for one DATA frame. */
const JOINED = 16384;
const joined = Buffer.allocUnsafeSlow(JOINED);

export class StreamTransport implements Transport {
  closed = false;
  closing = false;
  waiting = false;
  readonly writePieces = null;
  paused = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** Received bytes that the owner has not read. */
  private inbox: ByteQueue | null = null;
  private peerEnded = false;
  private endEmitted = false;
  private ending = false;
  private destroyWhenFlushed = false;
  /** Whether the peer accepts no more bytes. */
  private broken = false;
  private scheduled = false;
  private onFlushed: (() => void)[] | null = null;

  constructor(
    private readonly stream: TunnelStream,
    public owner: TransportOwner,
  ) {}

  get pending(): number {
    return this.closing ? 0 : this.stream.pending;
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
    if (start === end || this.closing || this.broken || this.ending) return true;
    this.bytesWritten += end - start;
    if (this.stream.write(bytes, start, end)) return true;
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

  /** Nothing is pending any more, after a write that returned false. */
  onDrain(): void {
    this.runFlushed();
    if (!this.waiting || this.closing || this.pending > 0) return;
    this.waiting = false;
    this.owner.onDrain(this);
  }

  /** END_STREAM was sent after pending bytes. */
  onEndSent(): void {
    if (this.closing) return;
    if (this.destroyWhenFlushed || this.endEmitted) this.finish();
    this.onDrain();
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
    return !this.closing && this.stream.madeProgress();
  }

  // -- reading

  /** Bytes `start` to `end` were received, borrowed. */
  onData(bytes: Buffer, start: number, end: number): void {
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
  onEnd(): void {
    if (this.closing || this.peerEnded) return;
    this.peerEnded = true;
    if (!this.paused && this.inbox === null) this.emitEnd();
  }

  /** The peer has sent RST_STREAM. */
  onReset(code: number): void {
    // After END_STREAM it only refuses the bytes that are sent to it (RFC 9113 8.1).
    if (code === ErrorCode.NoError && this.peerEnded && !this.endEmitted) this.broken = true;
    else if (code === ErrorCode.NoError && this.peerEnded) this.lost(this.ending ? null : failure('write', 'EPIPE'));
    else this.lost(failure('read', 'ECONNRESET'));
  }

  /** The stream has ended with its connection. */
  lost(error: NodeJS.ErrnoException | null): void {
    this.close(error);
  }

  private emitEnd(): void {
    this.endEmitted = true;
    if (this.broken) this.close(this.ending ? null : failure('write', 'EPIPE'));
    else {
      this.owner.onEnd(this);
      if (this.ending && this.pending === 0) this.finish();
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
    this.stream.end();
    if (this.endEmitted && this.pending === 0) this.finish();
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
    if (!this.ending || this.pending > 0 || !this.peerEnded) this.stream.reset(ErrorCode.Cancel);
    this.close(null);
  }

  /** Closes after everything was sent. A peer that has not ended its side is told that nothing more is read. */
  private finish(): void {
    if (this.closing) return;
    this.end();
    if (this.closing) return;
    if (!this.peerEnded) this.stream.reset(ErrorCode.NoError);
    this.close(null);
  }

  private close(error: NodeJS.ErrnoException | null): void {
    if (this.closing) return;
    this.closing = true;
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

/** The error that a socket would have. */
function failure(syscall: string, code: 'ECONNRESET' | 'EPIPE'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall, errno: -constants.errno[code] });
}

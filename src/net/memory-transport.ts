/**
 * In-memory connections, with the flow control, half-close, reset and event order of sockets: `tsproxy explain` uses
 * them instead of a network, and tests use them for states that are hard to reach with sockets.
 */
import { READ_SIZE } from './slabs.js';
import type { Transport, TransportOwner } from './transport.js';

/** Addresses of a connection, as in `net.Socket`. */
export interface Endpoints {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Whether the connection stands for one with TLS. Default false. */
  readonly secure?: boolean;
}

/** Bytes that each direction accepts before the receiver reads them: the counterpart of the kernel's buffers. */
const CAPACITY = 65536;
/** Received bytes are passed on from this buffer, so that an owner that keeps borrowed bytes is noticed. */
const shared = Buffer.allocUnsafeSlow(READ_SIZE);
const UNKNOWN: Endpoints = { remoteAddress: '', remotePort: 0, localAddress: '', localPort: 0 };

/** Two connected ends. */
export interface MemoryPair {
  /** Connected in the next turn of the event loop; emits `onConnected`. */
  readonly outgoing: MemoryTransport;
  readonly accepted: MemoryTransport;
}

/** Creates a connection; `endpoints` are those of the accepted end. */
export function memoryPair(
  outgoingOwner: TransportOwner,
  acceptedOwner: TransportOwner,
  endpoints: Endpoints = UNKNOWN,
): MemoryPair {
  const { remoteAddress, remotePort, localAddress, localPort, secure = false } = endpoints;
  const mirrored = {
    remoteAddress: localAddress,
    remotePort: localPort,
    localAddress: remoteAddress,
    localPort: remotePort,
    secure,
  };
  const outgoing = new MemoryTransport(outgoingOwner, mirrored, true);
  const accepted = new MemoryTransport(acceptedOwner, endpoints, false);
  outgoing.connectTo(accepted);
  accepted.connectTo(outgoing);
  return { outgoing, accepted };
}

export class MemoryTransport implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly secure: boolean;
  closed = false;
  closing = false;
  waiting = false;
  readonly writePieces = null;
  paused = false;
  bytesRead = 0;
  bytesWritten = 0;
  pending = 0;
  private peer!: MemoryTransport; // set by memoryPair
  private connecting: boolean;
  /** Written, not yet accepted by the peer's inbox. */
  private readonly outbox: Buffer[] = [];
  /** Accepted from the peer, not yet passed to the owner. */
  private readonly inbox: Buffer[] = [];
  private inboxLength = 0;
  /** Whether the peer's end of stream follows the inbox. */
  private inboxEnded = false;
  private endEmitted = false;
  private ending = false;
  private endSent = false;
  private destroyWhenFlushed = false;
  /** Whether the peer refuses further bytes. */
  private broken = false;
  private acceptedBytes = 0;
  private acceptedBefore = 0;
  private scheduled = false;
  private readonly onFlushed: (() => void)[] = [];

  constructor(
    public owner: TransportOwner,
    endpoints: Endpoints,
    private readonly outgoing: boolean,
  ) {
    this.remoteAddress = endpoints.remoteAddress;
    this.remotePort = endpoints.remotePort;
    this.localAddress = endpoints.localAddress;
    this.localPort = endpoints.localPort;
    this.secure = endpoints.secure === true;
    this.connecting = outgoing;
  }

  /** Called once, by `memoryPair`. */
  connectTo(peer: MemoryTransport): void {
    this.peer = peer;
    if (!this.connecting) return;
    setImmediate(() => {
      this.connecting = false;
      if (this.closing) return;
      this.owner.onConnected(this);
      this.transmit();
      this.schedule();
    });
  }

  get handshaking(): boolean {
    return false;
  }
  get writable(): boolean {
    return !this.closed && !this.broken;
  }

  writeText(text: string): boolean {
    return this.enqueue(Buffer.from(text, 'latin1'));
  }
  writeBorrowed(bytes: Buffer, start: number, end: number): boolean {
    return this.enqueue(Buffer.from(bytes.subarray(start, end)));
  }
  writeFramed(before: string, bytes: Buffer, start: number, end: number, after: string): boolean {
    const parts = [Buffer.from(before, 'latin1'), bytes.subarray(start, end), Buffer.from(after, 'latin1')];
    return this.enqueue(Buffer.concat(parts));
  }
  write(bytes: Buffer, before = ''): boolean {
    return this.enqueue(before === '' ? bytes : Buffer.concat([Buffer.from(before, 'latin1'), bytes]));
  }

  private enqueue(bytes: Buffer): boolean {
    if (this.closing || this.broken || bytes.length === 0) return true;
    if (this.ending) {
      this.close(failure('write', 'ERR_STREAM_WRITE_AFTER_END'));
      return true;
    }
    this.bytesWritten += bytes.length;
    if (this.peer.closing) {
      this.broken = true;
      // As for sockets: the response of an upstream that has closed is still read.
      if (!this.outgoing || this.endEmitted) this.close(failure('write', 'EPIPE'));
      return true;
    }
    this.outbox.push(bytes);
    this.pending += bytes.length;
    this.transmit();
    if (this.pending === 0) return true;
    this.waiting = true;
    return false;
  }

  /** Moves pending bytes to the peer, as far as its inbox has room, and then the end of the stream. */
  private transmit(): void {
    const { peer, outbox } = this;
    if (this.connecting || this.closing) return;
    for (let first = outbox[0]; first !== undefined && peer.inboxLength < CAPACITY; first = outbox[0]) {
      const part = first.subarray(0, Math.min(CAPACITY - peer.inboxLength, READ_SIZE));
      if (part.length === first.length) outbox.shift();
      else outbox[0] = first.subarray(part.length);
      this.pending -= part.length;
      this.acceptedBytes += part.length;
      if (!peer.closing) {
        peer.inbox.push(part);
        peer.inboxLength += part.length;
      }
    }
    if (this.pending === 0 && this.ending && !this.endSent) {
      this.endSent = true;
      peer.inboxEnded = true;
      // An end flushed later than `end` was called completes the close in the event loop's next turn.
      this.schedule();
    }
    peer.schedule();
  }

  /** Schedules `process` for the next turn of the event loop: no event is emitted within a call of the owner. */
  private schedule(): void {
    if (this.scheduled || this.closed) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.process();
    });
  }

  private process(): void {
    if (this.connecting) return;
    this.deliver();
    if (this.closing) return;
    if (this.pending === 0) this.flushed();
    if (this.closing) return;
    if (this.endSent && (this.destroyWhenFlushed || this.endEmitted)) this.close(null);
  }

  private deliver(): void {
    const { inbox, peer } = this;
    for (let part = inbox[0]; part !== undefined && !this.paused && !this.closing; part = inbox[0]) {
      inbox.shift();
      this.inboxLength -= part.length;
      part.copy(shared);
      this.bytesRead += part.length;
      this.owner.onBytes(this, shared, part.length);
      peer.transmit();
      if (peer.pending === 0) peer.schedule();
    }
    if (this.paused || this.closing || inbox.length > 0 || !this.inboxEnded || this.endEmitted) return;
    this.endEmitted = true;
    if (this.broken) this.close(failure('write', 'EPIPE'));
    else this.owner.onEnd(this);
  }

  private flushed(): void {
    for (const then of this.onFlushed.splice(0)) then();
    if (!this.waiting || this.pending > 0 || this.closing) return;
    this.waiting = false;
    this.owner.onDrain(this);
  }

  whenFlushed(then: () => void): void {
    if (this.closed || this.pending === 0) then();
    else this.onFlushed.push(then);
  }

  madeProgress(): boolean {
    const before = this.acceptedBefore;
    this.acceptedBefore = this.acceptedBytes;
    return this.acceptedBytes > before;
  }

  peerLeft(): boolean {
    return this.closing || this.inboxLength > 0 || this.inboxEnded || this.peer.closing;
  }

  pause(): void {
    this.paused = true;
  }
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.schedule();
  }

  end(): void {
    if (this.ending || this.closing) return;
    this.ending = true;
    this.transmit();
  }

  destroySoon(): void {
    this.destroyWhenFlushed = true;
    this.end();
    this.schedule();
  }

  destroy(): void {
    // As for sockets, closing with unread bytes resets the connection.
    if (this.inboxLength > 0) this.reset();
    else this.close(null);
  }

  reset(): void {
    if (this.closing) return;
    this.peer.inbox.length = 0;
    this.peer.inboxLength = 0;
    this.peer.close(failure('read', 'ECONNRESET'));
    this.close(null);
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}

  private close(error: NodeJS.ErrnoException | null): void {
    if (this.closing) return;
    this.closing = true;
    this.outbox.length = 0;
    this.pending = 0;
    this.inbox.length = 0;
    this.inboxLength = 0;
    this.peer.inboxEnded = true;
    this.peer.schedule();
    setImmediate(() => {
      this.closed = true;
      this.owner.onClosed(this, error);
      for (const then of this.onFlushed.splice(0)) then();
    });
  }
}

function failure(syscall: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

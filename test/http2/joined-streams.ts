/** Two streams joined in memory, with the windows and the bounded output of a connection, for tests of their transports. */
import { StreamTransport, type TunnelStream } from '../../src/http2/stream-transport.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';

const WINDOW = 65_535;
/** DATA frames are delivered from this buffer, so that an owner that keeps borrowed bytes is noticed. */
const shared = Buffer.alloc(16_384 + 9);

type Frame = { readonly data: Buffer } | { readonly end: true } | { readonly reset: number };

const NO_CONNECTION = {
  secure: false,
  remoteAddress: '127.0.0.1',
  remotePort: 1,
  localAddress: '127.0.0.1',
  localPort: 2,
} as unknown as Transport;

export class JoinedStream implements TunnelStream {
  readonly connection = NO_CONNECTION;
  transport!: StreamTransport; // set by joinStreams
  peer!: JoinedStream;
  window = WINDOW;
  private queue = Buffer.alloc(0);
  private full = false;
  private ending = false;
  private endSent = false;
  private sent = 0;
  private sentBefore = 0;
  private over = false;
  private readonly frames: Frame[] = [];
  private scheduled = false;

  get pending(): number {
    return this.queue.length;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    this.queue = Buffer.concat([this.queue, bytes.subarray(start, end)]);
    this.transmit();
    this.full = this.queue.length > 0;
    return !this.full;
  }

  /** Sends queued bytes as far as the window permits, and then the end. */
  private transmit(): void {
    const taken = Math.max(0, Math.min(this.queue.length, this.window));
    this.window -= taken;
    this.sent += taken;
    for (let at = 0; at < taken; at += 16_384) {
      this.send({ data: Buffer.from(this.queue.subarray(at, Math.min(at + 16_384, taken))) });
    }
    this.queue = this.queue.subarray(taken);
    if (!this.ending || this.endSent || this.queue.length > 0) return;
    this.endSent = true;
    this.send({ end: true });
  }

  madeProgress(): boolean {
    const before = this.sentBefore;
    this.sentBefore = this.sent;
    return this.sent > before;
  }

  end(): void {
    this.ending = true;
    this.transmit();
  }

  reset(code: number): void {
    this.queue = Buffer.alloc(0);
    this.send({ reset: code });
  }

  consumed(length: number): void {
    const { peer } = this;
    setImmediate(() => peer.windowOpened(length));
  }

  private windowOpened(length: number): void {
    this.window += length;
    if (this.over || this.queue.length === 0) return;
    this.transmit();
    if (this.queue.length > 0) return;
    if (this.endSent) this.transport.onEndSent();
    else if (this.full) this.transport.onDrain();
    this.full = false;
  }

  closed(): void {
    this.over = true;
  }

  private send(frame: Frame): void {
    this.frames.push(frame);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      for (const each of this.frames.splice(0)) this.peer.receive(each);
    });
  }

  private receive(frame: Frame): void {
    if (this.over) return;
    if ('end' in frame) this.transport.onEnd();
    else if ('reset' in frame) this.transport.onReset(frame.reset);
    else {
      frame.data.copy(shared, 9);
      this.transport.onData(shared, 9, 9 + frame.data.length);
      shared.fill(0);
    }
  }
}

export interface JoinedTransports {
  readonly outgoing: StreamTransport;
  readonly accepted: StreamTransport;
  readonly outgoingStream: JoinedStream;
  readonly acceptedStream: JoinedStream;
}

/** Joins two streams; the outgoing one is connected in the next turn of the event loop. */
export function joinStreams(outgoingOwner: TransportOwner, acceptedOwner: TransportOwner): JoinedTransports {
  const [outgoingStream, acceptedStream] = [new JoinedStream(), new JoinedStream()];
  outgoingStream.peer = acceptedStream;
  acceptedStream.peer = outgoingStream;
  const outgoing = new StreamTransport(outgoingStream, outgoingOwner);
  const accepted = new StreamTransport(acceptedStream, acceptedOwner);
  outgoingStream.transport = outgoing;
  acceptedStream.transport = accepted;
  setImmediate(() => outgoing.owner.onConnected(outgoing));
  return { outgoing, accepted, outgoingStream, acceptedStream };
}

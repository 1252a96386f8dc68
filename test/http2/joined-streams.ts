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
  private blocked = false;
  private over = false;
  private readonly frames: Frame[] = [];
  private scheduled = false;

  sendData(bytes: Buffer, start: number, end: number): number {
    const taken = Math.max(0, Math.min(end - start, this.window));
    this.window -= taken;
    for (let at = start; at < start + taken; at += 16_384) {
      this.send({ data: Buffer.from(bytes.subarray(at, Math.min(at + 16_384, start + taken))) });
    }
    if (taken < end - start) this.blocked = true;
    return taken;
  }
  sendEnd(): void {
    this.send({ end: true });
  }
  sendReset(code: number): void {
    this.send({ reset: code });
  }
  consumed(length: number): void {
    const { peer } = this;
    setImmediate(() => {
      peer.window += length;
      if (!peer.blocked || peer.over) return;
      peer.blocked = false;
      peer.transport.onWritable();
    });
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
    if (this.over) {
      // As a connection: the windows of a closed stream do not matter.
      return;
    }
    if ('end' in frame) this.transport.receivedEnd();
    else if ('reset' in frame) this.transport.receivedReset(frame.reset);
    else {
      frame.data.copy(shared, 9);
      this.transport.received(shared, 9, 9 + frame.data.length);
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

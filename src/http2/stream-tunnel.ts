/** A stream of either role that has become a tunnel, as its transport uses it. */
import type { Transport, TransportOwner } from '../net/transport.js';
import type { ReceiveWindow } from './flow-window.js';
import type { StreamOutput } from './stream-output.js';
import { StreamTransport, type TunnelStream } from './stream-transport.js';

/** Minimum receive window of a tunnel, bytes: what a sender may have in flight, and what a paused tunnel holds. */
export const TUNNEL_WINDOW = 131_072;

/** A stream as seen by its tunnel. */
export interface TunnelHost {
  /** Transport of the connection. */
  readonly connectionTransport: Transport;
  readonly output: StreamOutput;
  readonly receiveWindow: ReceiveWindow;
  /** Sends a WINDOW_UPDATE of the stream. */
  openWindow(increment: number): void;
  /** Bytes could not be sent at once. */
  awaitOutput(): void;
  /** Sends RST_STREAM, and ends the stream. */
  resetTunnel(code: number): void;
  /** The tunnel has ended in both directions. */
  tunnelClosed(): void;
}

class StreamTunnel implements TunnelStream {
  constructor(private readonly host: TunnelHost) {}

  get connection(): Transport {
    return this.host.connectionTransport;
  }
  get pending(): number {
    return this.host.output.queued;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    const { host } = this;
    const more = host.output.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
    if (!more) host.awaitOutput();
    return more;
  }

  madeProgress(): boolean {
    return this.host.output.madeProgress();
  }

  end(): void {
    this.host.output.end(false);
  }

  reset(code: number): void {
    this.host.resetTunnel(code);
  }

  consumed(length: number): void {
    const { host } = this;
    const increment = host.receiveWindow.consume(length);
    if (increment > 0) host.openWindow(increment);
  }

  closed(): void {
    this.host.tunnelClosed();
  }
}

/** Owner of a transport until the tunnel takes it over. */
const NO_OWNER: TransportOwner = {
  onBytes() {},
  onEnd() {},
  onDrain() {},
  onClosed() {},
  onConnected() {},
};

/** Creates the transport of a stream, whose window is enlarged for the tunnel. */
export function tunnelOver(host: TunnelHost, peerEnded: boolean): StreamTransport {
  const { receiveWindow, output } = host;
  if (!peerEnded && receiveWindow.size < TUNNEL_WINDOW) {
    const increment = receiveWindow.resize(TUNNEL_WINDOW);
    if (increment > 0) host.openWindow(increment);
  }
  output.frameSize = Math.max(output.frameSize, FRAME_SIZE);
  return new StreamTransport(new StreamTunnel(host), NO_OWNER);
}

/** Maximum payload of the DATA frames of a tunnel, bytes: they alternate with those of other streams. */
const FRAME_SIZE = 16_384;

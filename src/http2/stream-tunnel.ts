/** A stream of either role that has become a tunnel, as its transport uses it. */
import type { Transport, TransportOwner } from '../net/transport.js';
import type { ReceiveWindow } from './flow-window.js';
import { StreamTransport, type TunnelStream } from './stream-transport.js';

/** Minimum receive window of a tunnel, bytes: what a sender may have in flight, and what a paused tunnel holds. */
export const TUNNEL_WINDOW = 131_072;

/** Maximum payload of the DATA frames of a tunnel, bytes: they alternate with those of other streams. */
export const TUNNEL_FRAME = 16_384;

/** A stream as seen by its tunnel. */
export interface TunnelHost {
  /** Transport of the connection. */
  readonly connectionTransport: Transport;
  readonly receiveWindow: ReceiveWindow;
  /** Bytes that wait for the windows or the connection. */
  readonly queued: number;
  /** Sends bytes `start` to `end`, borrowed. Returns false if some have to wait. */
  sendData(bytes: Buffer, start: number, end: number): boolean;
  /** Whether bytes were sent since the last call. */
  sendProgress(): boolean;
  /** Sends END_STREAM after all bytes. */
  sendEnd(): void;
  /** Sends a WINDOW_UPDATE of the stream. */
  openWindow(increment: number): void;
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
    return this.host.queued;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    return this.host.sendData(bytes, start, end);
  }

  madeProgress(): boolean {
    return this.host.sendProgress();
  }

  end(): void {
    this.host.sendEnd();
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
  const { receiveWindow } = host;
  if (!peerEnded && receiveWindow.size < TUNNEL_WINDOW) {
    const increment = receiveWindow.resize(TUNNEL_WINDOW);
    if (increment > 0) host.openWindow(increment);
  }
  return new StreamTransport(new StreamTunnel(host), NO_OWNER);
}

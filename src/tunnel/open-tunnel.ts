/**
 * Opens tunnels. The two ends are transports of any kind: an upgraded HTTP/1 connection, a stream, or a raw connection. This
 * file knows no HTTP.
 */
import type { Transport } from '../net/transport.js';
import { Tunnel, type TunnelEnd, type TunnelSettings } from './tunnel.js';

/** One side of a tunnel, whose transport the tunnel takes over. */
export interface TunnelSide {
  readonly transport: Transport;
  /** Bytes already received from it; valid during the call only. */
  readonly early: Buffer;
  /** Whether it has sent FIN after those bytes. */
  readonly peerEnded: boolean;
}

/** Result of a tunnel with the bytes that it received from the upstream and sent to it. */
export interface TunnelResult extends TunnelEnd {
  readonly received: number;
  readonly sent: number;
}

/**
 * Connects the two sides: forwards the early bytes, then reads from both. `opened` receives the tunnel before the first byte
 * is forwarded; `ended` is called once, possibly before this function returns.
 */
export function openTunnel(
  client: TunnelSide,
  upstream: TunnelSide,
  settings: TunnelSettings,
  opened: (tunnel: Tunnel) => void,
  ended: (result: TunnelResult) => void,
): void {
  const { transport } = upstream;
  // A pooled connection may have been used for previous requests.
  const { bytesRead: received, bytesWritten: sent } = transport;
  const tunnel = new Tunnel(client.transport, transport, settings, ({ by, error }) => {
    ended({ by, error, received: transport.bytesRead - received, sent: transport.bytesWritten - sent });
  });
  opened(tunnel);
  tunnel.start(client.early, upstream.early);
  if (client.peerEnded) tunnel.onEnd(client.transport);
  if (upstream.peerEnded) tunnel.onEnd(transport);
}

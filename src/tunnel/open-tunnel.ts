/**
 * Opens tunnels. The two ends are transports of any kind: an upgraded HTTP/1 connection, a stream, or a raw connection. This
 * file knows no HTTP.
 */
import type { Transport } from '../net/transport.js';
import { Tunnel } from './tunnel.js';
import type { TunnelSettings } from './tunnel-settings.js';

/** One side of a tunnel, whose transport the tunnel takes over. */
export interface TunnelSide {
  readonly transport: Transport;
  /** Bytes already received from it; valid during the call only. */
  readonly early: Buffer;
  /** Whether it has sent FIN after those bytes. */
  readonly peerEnded: boolean;
}

/**
 * Connects the two sides: forwards the early bytes, then reads from both. `opened` receives the tunnel before the first byte
 * is forwarded, and sets its owner.
 */
export function openTunnel(
  client: TunnelSide,
  upstream: TunnelSide,
  settings: TunnelSettings,
  opened: (tunnel: Tunnel) => void,
): void {
  const tunnel = new Tunnel(client.transport, upstream.transport, settings);
  opened(tunnel);
  tunnel.start(client.early, upstream.early);
  if (client.peerEnded) tunnel.onEnd(client.transport);
  if (upstream.peerEnded) tunnel.onEnd(upstream.transport);
}

/** Observation of TLS handshakes with clients, for metrics. */
import type { TlsTransport } from './tls-transport.js';

export interface HandshakeRecorder {
  completed(transport: TlsTransport): void;
  /** The handshake was refused, or has failed. */
  failed(): void;
}

/** Null if handshakes are not recorded. */
export const handshakes: { recorder: HandshakeRecorder | null } = { recorder: null };

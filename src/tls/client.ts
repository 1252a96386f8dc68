/** Facts about the TLS connection of a client. */
import { AcceptKey } from '../net/accept-step.js';
import type { ClientHello } from '../net/client-hello.js';
import type { EngineHandle, PeerCertificate } from '../net/tls-engine.js';
import { TLS_CLIENT } from '../net/tls-step.js';
import type { Session } from '../program/session.js';

/** Set before the settings for the handshake are selected. */
export const CLIENT_HELLO = new AcceptKey<ClientHello>('ClientHello');

/** Reason why OCSP refuses the certificate of a client, in nginx's words; absent: it does not. */
export const STATUS_REFUSAL = new AcceptKey<string>('certificate status');

/** The engine of a client's connection; null without TLS, and after the connection has closed. */
export function engineOf({ client }: Session): EngineHandle | null {
  return client.accepted?.get(TLS_CLIENT)?.transport.engine ?? null;
}

export function helloOf({ client }: Session): ClientHello | undefined {
  return client.accepted?.get(CLIENT_HELLO);
}

/** Certificate of the client, with its chain; null if it sent none. */
export function clientCertificate(x: Session): PeerCertificate | null {
  const certificate = engineOf(x)?.getPeerCertificate(true);
  return certificate === undefined || certificate.raw === undefined ? null : certificate;
}

/** Verification of client certificates (`ssl_verify_client`); those of upstreams are verified in `upstream-tls.ts`. */
import type { PeerCertificate } from '../net/tls-engine.js';
import type { Refusal } from '../program/admission.js';
import type { Exchange } from '../program/exchange.js';
import type { Session } from '../program/session.js';
import { clientCertificate, engineOf, STATUS_REFUSAL } from './client.js';
import { SERVER_SSL, type ServerSsl } from './server-ssl.js';
import { CHAIN_TOO_LONG, intermediates, type VerifyError, verifyErrorOf } from './verify-errors.js';

/** Errors that `optional_no_ca` accepts: the certificate is not signed by a trusted authority. */
const OPTIONAL: ReadonlySet<number> = new Set([18, 19, 20, 21, 27]);

/** Error of the verification of the client's certificate; null if it is valid. */
export function verifyError(x: Session, certificate: PeerCertificate, { verifyDepth }: ServerSsl): VerifyError | null {
  const error = engineOf(x)?.verifyError() ?? null;
  if (error !== null) return verifyErrorOf(error);
  return intermediates(certificate) > verifyDepth ? CHAIN_TOO_LONG : null;
}

/** Whether a mode accepts a certificate with this error. */
function accepts({ verify }: ServerSsl, { number }: VerifyError): boolean {
  return verify === 'optional_no_ca' && OPTIONAL.has(number);
}

/** nginx: ngx_http_process_request. */
export function refusesCertificate(x: Session, ssl: ServerSsl): Refusal | null {
  const certificate = clientCertificate(x);
  if (certificate === null) {
    return ssl.verify === 'on' ? { status: 496, reason: 'client sent no required SSL certificate' } : null;
  }
  const error = verifyError(x, certificate, ssl);
  if (error === null || accepts(ssl, error)) {
    const status = x.client.accepted?.get(STATUS_REFUSAL);
    return status === undefined ? null : { status: 495, reason: `client SSL certificate verify error: ${status}` };
  }
  return { status: 495, reason: `client SSL certificate verify error: (${error.number}:${error.text})` };
}

/** `$ssl_client_verify`. */
export function clientVerify(x: Exchange): string | undefined {
  if (engineOf(x) === null) return undefined;
  const certificate = clientCertificate(x);
  if (certificate === null) return 'NONE';
  const ssl = x.location.settings.get(SERVER_SSL);
  const error = ssl === null ? null : verifyError(x, certificate, ssl);
  const reason = error?.text ?? x.client.accepted?.get(STATUS_REFUSAL);
  return reason === undefined ? 'SUCCESS' : `FAILED:${reason}`;
}

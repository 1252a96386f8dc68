/** Errors of certificate verification, with the numbers and texts of OpenSSL; depth of chains. */
import type { PeerCertificate } from '../net/tls-engine.js';

/** Result of a verification: OpenSSL's number and text. */
export interface VerifyError {
  readonly number: number;
  readonly text: string;
}

/** Numbers and texts of OpenSSL (X509_V_ERR_…), by the names that Node uses. */
const ERRORS: Readonly<Record<string, VerifyError>> = Object.fromEntries(
  `2 UNABLE_TO_GET_ISSUER_CERT unable to get issuer certificate
3 UNABLE_TO_GET_CRL unable to get certificate CRL
4 UNABLE_TO_DECRYPT_CERT_SIGNATURE unable to decrypt certificate's signature
5 UNABLE_TO_DECRYPT_CRL_SIGNATURE unable to decrypt CRL's signature
6 UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY unable to decode issuer public key
7 CERT_SIGNATURE_FAILURE certificate signature failure
8 CRL_SIGNATURE_FAILURE CRL signature failure
9 CERT_NOT_YET_VALID certificate is not yet valid
10 CERT_HAS_EXPIRED certificate has expired
11 CRL_NOT_YET_VALID CRL is not yet valid
12 CRL_HAS_EXPIRED CRL has expired
13 ERROR_IN_CERT_NOT_BEFORE_FIELD format error in certificate's notBefore field
14 ERROR_IN_CERT_NOT_AFTER_FIELD format error in certificate's notAfter field
15 ERROR_IN_CRL_LAST_UPDATE_FIELD format error in CRL's lastUpdate field
16 ERROR_IN_CRL_NEXT_UPDATE_FIELD format error in CRL's nextUpdate field
17 OUT_OF_MEM out of memory
18 DEPTH_ZERO_SELF_SIGNED_CERT self-signed certificate
19 SELF_SIGNED_CERT_IN_CHAIN self-signed certificate in certificate chain
20 UNABLE_TO_GET_ISSUER_CERT_LOCALLY unable to get local issuer certificate
21 UNABLE_TO_VERIFY_LEAF_SIGNATURE unable to verify the first certificate
22 CERT_CHAIN_TOO_LONG certificate chain too long
23 CERT_REVOKED certificate revoked
24 INVALID_CA invalid CA certificate
25 PATH_LENGTH_EXCEEDED path length constraint exceeded
26 INVALID_PURPOSE unsuitable certificate purpose
27 CERT_UNTRUSTED certificate not trusted
28 CERT_REJECTED certificate rejected
62 HOSTNAME_MISMATCH hostname mismatch`
    .split('\n')
    .map((line) => {
      const [, number, code = '', text = ''] = /^(\d+) (\w+) (.*)$/.exec(line) ?? [];
      return [code, { number: Number(number), text }];
    }),
);

/** The error of a verification as OpenSSL numbers it; the text of one that is unknown here is Node's. */
export function verifyErrorOf(error: Error & { code?: string }): VerifyError {
  return ERRORS[error.code ?? ''] ?? { number: 1, text: error.message };
}

/** Number of intermediate certificates: without the certificate itself and a root. */
export function intermediates(certificate: PeerCertificate): number {
  let count = 0;
  for (
    let each = certificate.issuerCertificate;
    each?.raw !== undefined && each.issuerCertificate !== undefined && each.issuerCertificate !== each;
    each = each.issuerCertificate
  ) {
    count++;
  }
  return count;
}

/**
 * Error of a chain that is longer than permitted, for which Node has no option. OpenSSL finds CERT_CHAIN_TOO_LONG first,
 * but continues and reports the missing issuer.
 */
export const CHAIN_TOO_LONG: VerifyError = { number: 20, text: 'unable to get local issuer certificate' };

import type { X509Certificate } from 'node:crypto';
import { fieldsOf } from '../tls/certificate-fields.js';
import { tlsServers } from './engine/certificates.js';
import { defineLint } from './engine/lint.js';

const MIN_RSA_BITS = 2048;

/** Signature algorithms that can be forged, by OID. */
const BROKEN: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
};

export default defineLint({
  code: 'certificate-weak',
  severity: 'warning',
  on: 'ssl_certificate',
  story:
    'The certificate has an RSA key of less than 2,048 bits, or is signed with SHA-1 or MD5: browsers and current versions of OpenSSL refuse it. Request a new one, with an ECDSA key (P-256) or an RSA key of at least 2,048 bits.',
  async probe(c) {
    const seen = new Set<unknown>();
    for (const { pairs } of await tlsServers(c)) {
      for (const { certificate } of pairs) {
        const { statement, path, x509 } = certificate;
        if (seen.has(statement)) continue;
        seen.add(statement);
        const weakness = weaknessOf(x509);
        if (weakness === null) continue;
        c.report(statement.args[0] ?? statement, `the certificate in "${path}" ${weakness}`, {
          help: 'clients refuse it; request a new one, for example with a P-256 key',
        });
      }
    }
  },
});

function weaknessOf(x509: X509Certificate): string | null {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = x509.publicKey;
  const bits = details?.modulusLength ?? 0;
  if (type?.startsWith('rsa') === true && bits < MIN_RSA_BITS) return `has an RSA key of only ${bits} bits`;
  const digest = BROKEN[fieldsOf(x509).signatureAlgorithm];
  // The signature of a certificate by itself proves nothing.
  const selfSigned = x509.issuer === x509.subject;
  return digest === undefined || selfSigned ? null : `is signed with ${digest}`;
}

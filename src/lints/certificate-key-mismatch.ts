import { tlsServers } from './engine/certificates.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'certificate-key-mismatch',
  severity: 'error',
  on: 'ssl_certificate',
  story:
    'The private key does not belong to the certificate, so every handshake would fail; nginx does not start with such a pair. Often one of the two files was renewed and the other was not, or several `ssl_certificate` and `ssl_certificate_key` are in a different order.',
  async probe(c) {
    const seen = new Set<unknown>();
    for (const { pairs } of await tlsServers(c)) {
      for (const { certificate, key, keyStatement } of pairs) {
        if (key === undefined || keyStatement === undefined || seen.has(certificate.statement)) continue;
        seen.add(certificate.statement);
        if (certificate.x509.checkPrivateKey(key)) continue;
        const word = keyStatement.args[0] ?? keyStatement;
        const path = keyStatement.args[0]?.text ?? '';
        c.report(word, `SSL_CTX_use_PrivateKey("${path}") failed (SSL: key values mismatch)`, {
          help: `the key does not belong to the certificate in "${certificate.path}"`,
          related: [{ at: certificate.statement, message: 'the certificate' }],
        });
      }
    }
  },
});

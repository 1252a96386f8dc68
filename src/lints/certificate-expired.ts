import { tlsServers } from './engine/certificates.js';
import { defineLint } from './engine/lint.js';

const DAY = 86_400_000;
/** Time before the expiry at which reports begin, ms. */
const EXPIRY_NOTICE = 14 * DAY;

export default defineLint({
  code: 'certificate-expired',
  severity: 'warning',
  on: 'ssl_certificate',
  story:
    'The certificate is not currently valid: it has expired, or its validity period has not begun. Servers start with it anyway, but clients that verify it close the connection. It is also reported if it expires soon, within two weeks or a sixth of its validity period: programs that renew certificates do so earlier.',
  async probe(c) {
    const seen = new Set<unknown>();
    const now = Date.now();
    for (const { pairs } of await tlsServers(c)) {
      for (const { certificate } of pairs) {
        const { statement, path, x509 } = certificate;
        if (seen.has(statement)) continue;
        seen.add(statement);
        const from = Date.parse(x509.validFrom);
        const to = Date.parse(x509.validTo);
        const at = statement.args[0] ?? statement;
        if (to < now)
          c.report(at, `the certificate in "${path}" has expired`, { help: `it was valid until ${x509.validTo}` });
        else if (to - now < Math.min(EXPIRY_NOTICE, (to - from) / 6)) {
          const days = Math.floor((to - now) / DAY);
          c.report(at, `the certificate in "${path}" expires ${days < 1 ? 'today' : `in ${days} days`}`, {
            severity: 'hint',
            help: `it is valid until ${x509.validTo}; check why it was not renewed`,
          });
        }
        if (from > now)
          c.report(at, `the certificate in "${path}" is not valid yet`, {
            help: `it is valid from ${x509.validFrom} on`,
          });
      }
    }
  },
});

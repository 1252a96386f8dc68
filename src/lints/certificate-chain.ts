import type { X509Certificate } from 'node:crypto';
import { tlsServers } from './engine/certificates.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'certificate-chain',
  severity: 'warning',
  on: 'ssl_certificate',
  story:
    'The file of the certificate lacks the intermediate certificates, or contains them in another order: each must have issued the one before it. Browsers often have the missing ones in a cache, so that the mistake is not noticed until another client (an app, `curl`, a webhook) refuses the connection. Certificates of private authorities are not reported.',
  async probe(c) {
    const seen = new Set<unknown>();
    for (const { pairs } of await tlsServers(c)) {
      for (const { certificate } of pairs) {
        const { statement, path, chain } = certificate;
        if (seen.has(statement)) continue;
        seen.add(statement);
        const at = statement.args[0] ?? statement;
        const misplaced = chain.findIndex((each, i) => i > 0 && !chain[i - 1]?.checkIssued(each));
        if (misplaced > 0) {
          c.report(at, `certificate ${misplaced + 1} in "${path}" has not issued certificate ${misplaced}`, {
            help: 'write the certificate of the server first, then the one that has issued it, and so on',
          });
        } else if (await isIncomplete(chain.at(-1))) {
          c.report(at, `the intermediate certificate is missing in "${path}"`, {
            help: `add the certificate of "${commonName(chain.at(-1)?.issuer ?? '')}" after it (often "fullchain.pem")`,
          });
        }
      }
    }
  },
});

/** Whether the issuer of the last certificate is an intermediate authority: published, and not a known root. */
async function isIncomplete(last: X509Certificate | undefined): Promise<boolean> {
  if (last === undefined || last.issuer === last.subject) return false;
  // Only authorities with intermediate certificates publish them.
  if (last.infoAccess?.includes('CA Issuers - URI:') !== true) return false;
  const [{ rootCertificates }, { X509Certificate: Certificate }] = await Promise.all([
    import('node:tls'),
    import('node:crypto'),
  ]);
  return !rootCertificates.some((root) => last.checkIssued(new Certificate(root)));
}

function commonName(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', ');
}

/** Certificates that the servers of a table use, for status pages. */
import { X509Certificate } from 'node:crypto';
import type { CertificateChain } from '../net/tls-files.js';
import type { SharedObjects } from '../program/module-definition.js';

const KEY = 'used certificates';

/** Plain data; byte strings. */
export interface UsedCertificate {
  /** File as configured, or `data:`. */
  readonly source: string;
  /** DNS names and addresses of the subject, or its common name. */
  readonly names: readonly string[];
  /** ms since 1970. */
  readonly validFrom: number;
  readonly validTo: number;
  /** First names of the servers. */
  readonly servers: readonly string[];
}

type Uses = Map<string, { readonly chain: CertificateChain; readonly servers: Set<string> }>;

/** Records that a server uses a certificate. */
export function useCertificate(shared: SharedObjects, chain: CertificateChain, server: string): void {
  const uses = shared.get<Uses>(KEY) ?? shared.set<Uses>(KEY, new Map());
  const known = uses.get(chain.pem) ?? { chain, servers: new Set() };
  known.servers.add(server);
  uses.set(chain.pem, known);
}

/** The certificates, without those whose file names contain variables. */
export function usedCertificates(shared: SharedObjects): UsedCertificate[] {
  return [...(shared.get<Uses>(KEY)?.values() ?? [])].flatMap(({ chain, servers }) => {
    const [block = ''] = chain.blocks;
    // Node's class does not read the trust settings that follow a TRUSTED CERTIFICATE.
    if (!block.startsWith('-----BEGIN CERT') && !block.startsWith('-----BEGIN X509')) return [];
    const certificate = new X509Certificate(block);
    return {
      source: chain.source.startsWith('data:') ? 'data:' : chain.source,
      names: namesOf(certificate),
      validFrom: Date.parse(certificate.validFrom),
      validTo: Date.parse(certificate.validTo),
      servers: [...servers],
    };
  });
}

function namesOf({ subjectAltName = '', subject }: X509Certificate): string[] {
  const alternatives = subjectAltName.split(', ').flatMap((each) => /^(?:DNS|IP Address):(.+)$/.exec(each)?.[1] ?? []);
  return alternatives.length > 0 ? alternatives : (/^CN=(.+)$/m.exec(subject) ?? []).slice(1);
}

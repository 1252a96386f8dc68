import { type Certificate, tlsServers } from './engine/certificates.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'certificate-name',
  severity: 'warning',
  on: 'ssl_certificate',
  story:
    'A `server_name` is not among the names that the certificate of its server covers: clients that request it show a warning or refuse to connect. A `*` in a certificate matches one label only, so `*.example.com` covers neither `example.com` nor `a.b.example.com`.',
  async probe(c) {
    for (const { scope, pairs, complete } of await tlsServers(c)) {
      const [first] = pairs;
      if (first === undefined || !complete) continue;
      const certificates = pairs.map(({ certificate }) => certificate);
      for (const word of scope.own('server_name').flatMap(({ args }) => args)) {
        const uncovered = hostsOf(word.text).find((host) => !certificates.some((one) => covers(one, host)));
        if (uncovered === undefined) continue;
        c.report(word, `the certificate in "${first.certificate.path}" does not cover "${word.text}"`, {
          help: `it covers ${namesIn(certificates)}`,
          related: [{ at: first.certificate.statement, message: 'the certificate' }],
        });
      }
    }
  },
});

/** Hosts that a name matches, as far as known; none for catch-alls, expressions and single labels. */
function hostsOf(name: string): string[] {
  const lower = name.toLowerCase();
  if (!/^[\w.*-]+\.[\w*-]+$/.test(lower) || lower.endsWith('*')) return [];
  // The names that exist below a wildcard are unknown; a certificate can cover one label.
  if (lower.startsWith('*.')) return [`any${lower.slice(1)}`];
  return lower.startsWith('.') ? [lower.slice(1), `any${lower}`] : [lower];
}

function covers({ x509 }: Certificate, host: string): boolean {
  if (/^[\d.]+$/.test(host)) return x509.checkIP(host) !== undefined;
  return x509.checkHost(host) !== undefined;
}

function namesIn(certificates: readonly Certificate[]): string {
  const names = certificates.flatMap(({ x509 }) => x509.subjectAltName?.split(', ') ?? [x509.subject]);
  const shown = [...new Set(names.map((name) => name.replace(/^DNS:|^IP Address:/, '')))];
  return shown.length > 6 ? `${shown.slice(0, 6).join(', ')} and ${shown.length - 6} more` : shown.join(', ');
}

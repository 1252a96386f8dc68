/**
 * The certificates and the key of the local CA: a root, which browsers are told to trust, and an issuer below it, which
 * signs certificates of servers.
 *
 * Both have the same name constraints. Verifiers need not apply those of a root (RFC 5280 6.1.1: a trust anchor is a name
 * and a key), but they apply those of every other certificate. The root's key signs the issuer and is never stored, so
 * that the only key on the disk belongs to a certificate whose constraints are applied everywhere. Constraints cannot be
 * changed: for further names both certificates are issued again, and have to be trusted again.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { constraintsWith } from './permitted-names.js';
import { type DistinguishedName, writeCertificate } from './x509.js';

const DAY = 86_400_000;
/** Validity of root and issuer: ten years. */
const AUTHORITY_DAYS = 3650;
/** Validity of certificates of servers: browsers accept up to 398 days. */
const SERVER_DAYS = 397;

/** Organization in the certificates. */
export const CA_NAME = 'tsproxy local CA';
/** Beginning of the root's common name, by which trust stores find it. */
export const ROOT_NAME = 'tsproxy local root';

/** A CA that can issue certificates. */
export interface Authority {
  readonly root: X509Certificate;
  readonly issuer: X509Certificate;
  readonly key: KeyObject;
  /** Domains that are permitted besides the local ones. */
  readonly domains: readonly string[];
}

/** Creates a CA; returns the text of its file, which `readAuthority` reads. */
export function createAuthority(domains: readonly string[], now = Date.now()): string {
  const root = generateKey();
  const issuer = generateKey();
  // Different names for each CA: verifiers find an issuer by its name.
  const mark = randomBytes(4).toString('hex');
  const rootName = { organization: CA_NAME, commonName: `${ROOT_NAME} ${mark}` };
  const issuerName = { organization: CA_NAME, commonName: `tsproxy local issuer ${mark}` };
  const constraints = constraintsWith(domains);
  const common = { issuer: rootName, issuerKey: root.publicKey, ...validity(now, AUTHORITY_DAYS) };
  const certificates = [
    { subject: issuerName, publicKey: issuer.publicKey, authority: { constraints, pathLength: 0 } },
    { subject: rootName, publicKey: root.publicKey, authority: { constraints, pathLength: 1 } },
  ].map((own) => writeCertificate({ ...common, ...own, serial: newSerial() }, root.privateKey));
  return [`Domains: ${domains.join(' ')}\n`, pemOf(issuer.privateKey), ...certificates].join('');
}

/** Reads a CA from its file's text. Throws if it is invalid. */
export function readAuthority(text: string): Authority {
  const [key = ''] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(text) ?? [];
  const [issuer = '', root = ''] = certificatesIn(text);
  const domains = /^Domains: (.*)$/m.exec(text)?.[1] ?? '';
  const authority = {
    root: new X509Certificate(root),
    issuer: new X509Certificate(issuer),
    key: createPrivateKey(key),
    domains: domains.split(' ').filter((name) => name !== ''),
  };
  if (!authority.issuer.checkPrivateKey(authority.key)) throw new Error('the key is not that of the certificate');
  if (!authority.issuer.verify(authority.root.publicKey)) throw new Error('the certificate is not signed by the root');
  return authority;
}

/** Certificates of a text, as PEM. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** Issues a certificate for names that the CA permits; returns its key, it, and its issuer as PEM. */
export function issueCertificate({ issuer, key }: Authority, names: readonly string[], now = Date.now()): string {
  const server = generateKey();
  const { from, to } = validity(now, SERVER_DAYS);
  const issuerName = nameOf(issuer);
  const certificate = writeCertificate(
    {
      serial: newSerial(),
      issuer: issuerName,
      subject: { organization: CA_NAME, commonName: (names[0] ?? '').slice(0, MAX_COMMON_NAME) },
      from,
      to: new Date(Math.min(to.getTime(), expiryOf(issuer))),
      publicKey: server.publicKey,
      issuerKey: issuer.publicKey,
      names,
    },
    key,
  );
  return pemOf(server.privateKey) + certificate + issuer.toString();
}

/** ub-common-name (RFC 5280 A.1). */
const MAX_COMMON_NAME = 64;

/** End of validity, in ms since 1970. */
export function expiryOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

function nameOf(certificate: X509Certificate): DistinguishedName {
  return { organization: CA_NAME, commonName: commonNameOf(certificate) };
}

/** Common name of the subject; empty without one. */
export function commonNameOf(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '';
}

/** Valid for a number of days, an hour of which has passed: other clocks may be slow. */
function validity(now: number, days: number): { readonly from: Date; readonly to: Date } {
  const from = now - DAY / 24;
  return { from: new Date(from), to: new Date(from + days * DAY) };
}

/** 16 random bytes that are a positive integer without a leading zero byte. */
function newSerial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes;
}

function generateKey(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Fields of certificates (RFC 5280 4.1) for which Node's `X509Certificate` has no accessor, in their encoding. */
import type { X509Certificate } from 'node:crypto';
import { bitsOf, DerError, DerReader, explicit, implicit, OBJECT_IDENTIFIER, OCTET_STRING, oidOf } from './der.js';

/** Encoded fields of a certificate. */
export interface CertificateFields {
  /** The integer's encoding. */
  readonly serial: Buffer;
  /** OID of the algorithm with which it was signed. */
  readonly signatureAlgorithm: string;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Bits of the public key, without its algorithm. */
  readonly publicKey: Buffer;
  /** URLs of OCSP responders, in their order (RFC 5280 4.2.2.1); byte strings. */
  readonly responders: readonly string[];
}

const INFO_ACCESS = '1.3.6.1.5.5.7.1.1';
const OCSP = '1.3.6.1.5.5.7.48.1';
/** GeneralName of the kind `uniformResourceIdentifier`. */
const URL = implicit(6);

const known = new WeakMap<X509Certificate, CertificateFields>();

/** Reads the fields of a certificate. Throws DerError. */
export function fieldsOf(certificate: X509Certificate): CertificateFields {
  let fields = known.get(certificate);
  if (fields === undefined) known.set(certificate, (fields = read(certificate.raw)));
  return fields;
}

function read(raw: Buffer): CertificateFields {
  const body = new DerReader(raw).enter().enter();
  body.optional(explicit(0)); // version
  const serial = body.next().encoding;
  const signatureAlgorithm = oidOf(body.enter().next(OBJECT_IDENTIFIER));
  const issuer = body.next().encoding;
  body.next(); // validity
  const subject = body.next().encoding;
  const keyInfo = body.enter();
  keyInfo.next(); // algorithm
  const publicKey = bitsOf(keyInfo.next());
  let responders: readonly string[] = [];
  while (!body.atEnd) {
    const { tag, content } = body.next();
    if (tag === explicit(3)) responders = respondersIn(content);
  }
  return { serial, signatureAlgorithm, issuer, subject, publicKey, responders };
}

/** As in OpenSSL, an extension that cannot be read names no responders. */
function respondersIn(content: Buffer): readonly string[] {
  try {
    return namedIn(new DerReader(content).enter());
  } catch (error) {
    if (error instanceof DerError) return [];
    throw error;
  }
}

function namedIn(extensions: DerReader): string[] {
  const urls: string[] = [];
  while (!extensions.atEnd) {
    const extension = extensions.enter();
    if (oidOf(extension.next(OBJECT_IDENTIFIER)) !== INFO_ACCESS) continue;
    while (extension.tag !== OCTET_STRING) extension.next(); // critical
    const descriptions = new DerReader(extension.next().content).enter();
    while (!descriptions.atEnd) {
      const description = descriptions.enter();
      const method = oidOf(description.next(OBJECT_IDENTIFIER));
      const { tag, content } = description.next();
      if (method === OCSP && tag === URL) urls.push(content.latin1Slice());
    }
  }
  return urls;
}

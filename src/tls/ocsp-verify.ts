/** Verification of OCSP responses, by the rules of OpenSSL (OCSP_basic_verify, OCSP_check_validity). */
import { constants, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { fieldsOf } from './certificate-fields.js';
import { DerReader, explicit, INTEGER, OBJECT_IDENTIFIER, oidOf } from './der.js';
import {
  type BasicResponse,
  type CertificateStatus,
  digest,
  type Issued,
  identifies,
  namesIssuer,
  parseResponse,
  ResponseError,
} from './ocsp-message.js';

/** Certificates that decide whether the signer of a response is trusted. */
export interface OcspTrust {
  /** Certificates that were sent with the certificate being verified. */
  readonly chain: readonly X509Certificate[];
  /** Trusted certificates. */
  readonly store: readonly X509Certificate[];
  /**
   * `signature`: any certificate may have signed (OCSP_NOVERIFY). `trustChain`: those of the chain are trusted without
   * verification (OCSP_TRUSTOTHER). `full`: the signer's certificate is verified in any case.
   */
  readonly level: 'signature' | 'trustChain' | 'full';
}

/** Status of a certificate, from a response that was verified. */
export interface VerifiedStatus {
  readonly status: CertificateStatus;
  /** ms since 1970; infinite without `nextUpdate`. */
  readonly valid: number;
}

/** Tolerated clock skew, as in nginx, ms. */
const CLOCK_SKEW = 300_000;
/** Maximum number of certificates in a chain. */
const MAX_CHAIN = 10;
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};
const PSS = '1.2.840.113549.1.1.10';
const PSS_DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** Status of a certificate in a response. `now` in ms since 1970. Throws ResponseError with nginx's message. */
export function verifiedStatus(bytes: Buffer, issued: Issued, trust: OcspTrust, now: number): VerifiedStatus {
  const response = parseResponse(bytes);
  verifyResponse(response, trust, now);
  const single = response.responses.find(({ id }) => identifies(id, issued));
  if (single === undefined) throw new ResponseError('certificate status not found in the OCSP response');
  const { status, thisUpdate, nextUpdate } = single;
  const invalid = (reason: string): ResponseError =>
    new ResponseError(`OCSP_check_validity() failed (SSL: error:${reason})`);
  if (thisUpdate > now + CLOCK_SKEW) throw invalid('1380007E:OCSP routines::status not yet valid');
  if (nextUpdate !== null) {
    if (nextUpdate < now - CLOCK_SKEW) throw invalid('1380007D:OCSP routines::status expired');
    if (nextUpdate < thisUpdate) throw invalid('1380007C:OCSP routines::nextupdate before thisupdate');
  }
  return { status, valid: nextUpdate ?? Number.POSITIVE_INFINITY };
}

function failed(reason: string): ResponseError {
  return new ResponseError(`OCSP_basic_verify() failed (SSL: error:${reason})`);
}

function verifyResponse(response: BasicResponse, { chain, store, level }: OcspTrust, now: number): void {
  const included = response.certificates.flatMap(parsed);
  const isSigner = (each: X509Certificate): boolean => names(response.responder, each);
  const known = chain.find(isSigner);
  const signer = known ?? included.find(isSigner);
  if (signer === undefined) throw failed('13800076:OCSP routines::signer certificate not found');
  if (!hasSigned(response, signer.publicKey)) throw failed('13800075:OCSP routines::signature failure');
  if (level === 'signature' || (known !== undefined && level === 'trustChain')) return;
  const path = pathOf(signer, [...included, ...chain], store, now);
  if (path === null) throw failed('13800065:OCSP routines::certificate verify error');
  const issuer = path[1];
  const { responses } = response;
  if (responses.length === 0) throw failed('1380006F:OCSP routines::response contains no revocation data');
  // A responder to which the authority has delegated the signing, or the authority itself.
  if (issuer !== undefined && responses.every(({ id }) => namesIssuer(id, issuer))) {
    if (signer.keyUsage?.includes(OCSP_SIGNING) === true) return;
    throw failed('13800067:OCSP routines::missing ocspsigning usage');
  }
  if (responses.every(({ id }) => namesIssuer(id, signer))) return;
  throw failed('13800070:OCSP routines::root ca not trusted');
}

/** Certificates of a response; those that cannot be parsed are ignored. */
function parsed(raw: Buffer): X509Certificate[] {
  try {
    const certificate = new X509Certificate(raw);
    fieldsOf(certificate);
    return certificate.publicKey.type === 'public' ? [certificate] : [];
  } catch {
    return [];
  }
}

function names(responder: BasicResponse['responder'], certificate: X509Certificate): boolean {
  const { subject, publicKey } = fieldsOf(certificate);
  return 'name' in responder ? responder.name.equals(subject) : responder.keyHash.equals(digest('sha1', publicKey));
}

function hasSigned({ signed, algorithm, signature }: BasicResponse, key: KeyObject): boolean {
  try {
    const reader = new DerReader(algorithm).enter();
    const oid = oidOf(reader.next(OBJECT_IDENTIFIER));
    if (oid === PSS) {
      const { hash, saltLength } = pssParameters(reader);
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return verify(hash, signed, { key, padding, saltLength }, signature);
    }
    const hash = DIGESTS[oid];
    return hash !== undefined && verify(hash, signed, key, signature);
  } catch {
    // The key type does not match the algorithm.
    return false;
  }
}

/** `RSASSA-PSS-params` (RFC 4055 3.1). */
function pssParameters(reader: DerReader): { readonly hash: string; readonly saltLength: number } {
  let hash = 'sha1';
  let saltLength = 20;
  const parameters = reader.enter();
  while (!parameters.atEnd) {
    const { tag, content } = parameters.next();
    const inner = new DerReader(content);
    if (tag === explicit(0)) hash = PSS_DIGESTS[oidOf(inner.enter().next(OBJECT_IDENTIFIER))] ?? 'sha1';
    else if (tag === explicit(2)) saltLength = inner.next(INTEGER).content[0] ?? 20;
  }
  return { hash, saltLength };
}

/** Whether one certificate has issued another. */
export function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // The signature algorithm does not match the key type.
    return false;
  }
}

/** A time that cannot be read is outside of every period. */
function isValidAt({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo);
}

/** Path from a certificate to a self-signed one of the store; null if there is none that is valid. */
function pathOf(
  certificate: X509Certificate,
  untrusted: readonly X509Certificate[],
  store: readonly X509Certificate[],
  now: number,
): readonly X509Certificate[] | null {
  const path: X509Certificate[] = [];
  for (let each = certificate; path.length < MAX_CHAIN; ) {
    if (!isValidAt(each, now)) return null;
    if (path.length > 0 && !each.ca) return null;
    path.push(each);
    const current = each;
    if (hasIssued(current, current)) return store.some(({ raw }) => raw.equals(current.raw)) ? path : null;
    const issuer =
      store.find((other) => hasIssued(other, current)) ?? untrusted.find((other) => hasIssued(other, current));
    if (issuer === undefined) return null;
    each = issuer;
  }
  return null;
}

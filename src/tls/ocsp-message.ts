/** OCSP requests and responses (RFC 6960 4). */
import { createHash, type X509Certificate } from 'node:crypto';
import { fieldsOf } from './certificate-fields.js';
import {
  bitsOf,
  DerError,
  DerReader,
  type DerValue,
  der,
  ENUMERATED,
  encodeOid,
  explicit,
  GENERALIZED_TIME,
  implicit,
  NULL,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  oidOf,
  SEQUENCE,
  timeOf,
} from './der.js';

/** A certificate whose status is requested, and the authority that issued it. */
export interface Issued {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
}

/** OIDs of digests in identifiers of certificates, by Node's names. */
const DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const SHA1 = '1.3.14.3.2.26';
const BASIC = '1.3.6.1.5.5.7.48.1.1';

export function digest(algorithm: string, bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest();
}

/** Identifier of a certificate: `CertID`, with SHA-1 as all responders accept it. */
export function certificateId({ certificate, issuer }: Issued): Buffer {
  const { serial, issuer: name } = fieldsOf(certificate);
  return der(
    SEQUENCE,
    der(SEQUENCE, encodeOid(SHA1), der(NULL)),
    der(OCTET_STRING, digest('sha1', name)),
    der(OCTET_STRING, digest('sha1', fieldsOf(issuer).publicKey)),
    serial,
  );
}

/** Request for the status of one certificate. */
export function encodeRequest(issued: Issued): Buffer {
  return der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, certificateId(issued)))));
}

/** `OCSPResponseStatus`, as OpenSSL names it. */
const STATUS: Readonly<Record<number, string>> = {
  0: 'successful',
  1: 'malformedrequest',
  2: 'internalerror',
  3: 'trylater',
  5: 'sigrequired',
  6: 'unauthorized',
};

export type CertificateStatus = 'good' | 'revoked' | 'unknown';

/** Identifier of a certificate in a response. */
export interface CertId {
  /** Name of the digest; null: unknown. */
  readonly digest: string | null;
  readonly nameHash: Buffer;
  readonly keyHash: Buffer;
  /** The integer's encoding. */
  readonly serial: Buffer;
}

/** Status of one certificate; times in ms since 1970. */
export interface SingleResponse {
  readonly id: CertId;
  readonly status: CertificateStatus;
  readonly thisUpdate: number;
  readonly nextUpdate: number | null;
}

/** A basic response. */
export interface BasicResponse {
  /** The signed bytes. */
  readonly signed: Buffer;
  /** The responder: encoding of its name, or SHA-1 of its public key. */
  readonly responder: { readonly name: Buffer } | { readonly keyHash: Buffer };
  readonly responses: readonly SingleResponse[];
  /** Encoding of `AlgorithmIdentifier`. */
  readonly algorithm: Buffer;
  readonly signature: Buffer;
  /** Encoded certificates in the response. */
  readonly certificates: readonly Buffer[];
}

/** Error of a response without a usable status; the message is nginx's. */
export class ResponseError extends Error {}

const ASN1 = 'asn1 encoding routines';

/** OpenSSL's error for an encoding that it cannot read. */
function asn1Error(call: string, error: unknown): ResponseError {
  if (!(error instanceof DerError)) throw error;
  const numbers: Readonly<Record<string, string>> = { 'wrong tag': '068000A8', 'not enough data': '0680008E' };
  const number = numbers[error.message] ?? '0680009B';
  return new ResponseError(`${call}() failed (SSL: error:${number}:${ASN1}::${error.message})`);
}

/** Reads a response. Throws ResponseError. */
export function parseResponse(bytes: Buffer): BasicResponse {
  let status: number;
  let type: string;
  let basic: Buffer;
  try {
    const response = new DerReader(bytes).enter();
    status = response.next(ENUMERATED).content[0] ?? -1;
    const typed = response.atEnd ? null : response.enter(explicit(0)).enter();
    type = typed === null ? '' : oidOf(typed.next(OBJECT_IDENTIFIER));
    basic = typed === null ? Buffer.alloc(0) : typed.next(OCTET_STRING).content;
  } catch (error) {
    throw asn1Error('d2i_OCSP_RESPONSE', error);
  }
  if (status !== 0) {
    throw new ResponseError(`OCSP response not successful (${status}: ${STATUS[status] ?? '(UNKNOWN)'})`);
  }
  if (type !== BASIC) {
    const reason =
      type === ''
        ? 'error:1380006C:OCSP routines::no response data'
        : 'error:13800068:OCSP routines::not basic response';
    throw new ResponseError(`OCSP_response_get1_basic() failed (SSL: ${reason})`);
  }
  try {
    return parseBasic(new DerReader(basic).enter());
  } catch (error) {
    throw asn1Error('OCSP_response_get1_basic', error);
  }
}

function parseBasic(reader: DerReader): BasicResponse {
  const { encoding: signed, content } = reader.next(SEQUENCE);
  const algorithm = reader.next(SEQUENCE).encoding;
  const signature = bitsOf(reader.next());
  const certificates: Buffer[] = [];
  if (!reader.atEnd) {
    const list = reader.enter(explicit(0)).enter();
    while (!list.atEnd) certificates.push(list.next(SEQUENCE).encoding);
  }
  const data = new DerReader(content);
  data.optional(explicit(0)); // version
  const responder = parseResponder(data.next());
  data.next(GENERALIZED_TIME); // producedAt
  const responses: SingleResponse[] = [];
  const list = data.enter();
  while (!list.atEnd) responses.push(parseSingle(list.enter()));
  return { signed, responder, responses, algorithm, signature, certificates };
}

function parseResponder({ tag, content }: DerValue): BasicResponse['responder'] {
  if (tag === explicit(1)) return { name: new DerReader(content).next(SEQUENCE).encoding };
  if (tag === explicit(2)) return { keyHash: new DerReader(content).next(OCTET_STRING).content };
  throw new DerError('wrong tag');
}

function parseSingle(reader: DerReader): SingleResponse {
  const id = reader.enter();
  const algorithm = oidOf(id.enter().next(OBJECT_IDENTIFIER));
  const nameHash = id.next(OCTET_STRING).content;
  const keyHash = id.next(OCTET_STRING).content;
  const serial = id.next().encoding;
  const status = statusOf(reader.next().tag);
  const thisUpdate = timeOf(reader.next(GENERALIZED_TIME));
  const next = reader.optional(explicit(0));
  const nextUpdate = next === null ? null : timeOf(new DerReader(next.content).next(GENERALIZED_TIME));
  return { id: { digest: DIGESTS[algorithm] ?? null, nameHash, keyHash, serial }, status, thisUpdate, nextUpdate };
}

function statusOf(tag: number): CertificateStatus {
  if (tag === implicit(0)) return 'good';
  if (tag === explicit(1)) return 'revoked';
  if (tag === implicit(2)) return 'unknown';
  throw new DerError('wrong tag');
}

/** Whether an identifier is that of a certificate. */
export function identifies(id: CertId, { certificate, issuer }: Issued): boolean {
  const { serial } = fieldsOf(certificate);
  return id.serial.equals(serial) && namesIssuer(id, issuer);
}

/** Whether the certificate of an identifier was issued by that authority. */
export function namesIssuer({ digest: algorithm, nameHash, keyHash }: CertId, issuer: X509Certificate): boolean {
  if (algorithm === null) return false;
  const { subject, publicKey } = fieldsOf(issuer);
  return nameHash.equals(digest(algorithm, subject)) && keyHash.equals(digest(algorithm, publicKey));
}

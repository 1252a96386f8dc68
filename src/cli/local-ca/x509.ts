/** Certificates of the local CA (X.509 version 3, RFC 5280), with keys on the curve P-256. */
import { createHash, type KeyObject, sign } from 'node:crypto';
import { type Cidr, ipBytes } from '../../config/cidr.js';
import {
  BIT_STRING,
  BOOLEAN,
  bitsOf,
  DerReader,
  der,
  encodeOid,
  explicit,
  GENERALIZED_TIME,
  INTEGER,
  implicit,
  OCTET_STRING,
  SEQUENCE,
  SET,
  UTC_TIME,
  UTF8_STRING,
} from '../../tls/der.js';
import type { NameConstraints } from './permitted-names.js';

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const EXTENSIONS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Bits of `KeyUsage`, with the number of unused bits first: digitalSignature; keyCertSign and cRLSign. */
const SIGNS_HANDSHAKES = Buffer.from([7, 0x80]);
const SIGNS_CERTIFICATES = Buffer.from([1, 0x06]);

const TRUE = der(BOOLEAN, Buffer.from([0xff]));

/** Subject or issuer. */
export interface DistinguishedName {
  readonly organization: string;
  readonly commonName: string;
}

/** Fields of a certificate. */
export interface CertificateContent {
  /** Positive, at most 20 bytes. */
  readonly serial: Buffer;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** Whole seconds are kept. */
  readonly from: Date;
  readonly to: Date;
  readonly publicKey: KeyObject;
  /** Public key of the issuer. */
  readonly issuerKey: KeyObject;
  /** Of a CA: its constraints, and the maximum number of CAs below it. */
  readonly authority?: { readonly constraints: NameConstraints; readonly pathLength: number };
  /** Of a server: DNS names and IP addresses. */
  readonly names?: readonly string[];
}

/** Encodes and signs a certificate; returns it as PEM. */
export function writeCertificate(content: CertificateContent, signer: KeyObject): string {
  const algorithm = der(SEQUENCE, encodeOid(ECDSA_WITH_SHA256));
  const signed = der(
    SEQUENCE,
    der(explicit(0), der(INTEGER, Buffer.from([2]))),
    der(INTEGER, content.serial),
    algorithm,
    distinguishedName(content.issuer),
    der(SEQUENCE, time(content.from), time(content.to)),
    distinguishedName(content.subject),
    content.publicKey.export({ type: 'spki', format: 'der' }),
    der(explicit(3), der(SEQUENCE, ...extensionsOf(content))),
  );
  const signature = sign('sha256', signed, signer);
  return pem('CERTIFICATE', der(SEQUENCE, signed, algorithm, der(BIT_STRING, Buffer.from([0]), signature)));
}

function* extensionsOf(content: CertificateContent): Generator<Buffer> {
  const { authority, names, publicKey, issuerKey } = content;
  if (authority !== undefined) {
    const pathLength = der(INTEGER, Buffer.from([authority.pathLength]));
    yield critical('basicConstraints', der(SEQUENCE, TRUE, pathLength));
    yield critical('keyUsage', der(BIT_STRING, SIGNS_CERTIFICATES));
    yield critical('nameConstraints', nameConstraints(authority.constraints));
  } else {
    yield critical('basicConstraints', der(SEQUENCE));
    yield critical('keyUsage', der(BIT_STRING, SIGNS_HANDSHAKES));
  }
  // In a CA, too: most verifiers then accept nothing but certificates of servers below it.
  yield extension('extendedKeyUsage', der(SEQUENCE, encodeOid(SERVER_AUTHENTICATION)));
  yield extension('subjectKeyIdentifier', der(OCTET_STRING, keyIdentifier(publicKey)));
  yield extension('authorityKeyIdentifier', der(SEQUENCE, der(implicit(0), keyIdentifier(issuerKey))));
  if (names !== undefined) yield extension('subjectAltName', der(SEQUENCE, ...names.map(generalName)));
}

function extension(name: keyof typeof EXTENSIONS, value: Buffer): Buffer {
  return der(SEQUENCE, encodeOid(EXTENSIONS[name]), der(OCTET_STRING, value));
}

function critical(name: keyof typeof EXTENSIONS, value: Buffer): Buffer {
  return der(SEQUENCE, encodeOid(EXTENSIONS[name]), TRUE, der(OCTET_STRING, value));
}

/** RFC 5280 4.2.1.10: names of another form than DNS names and addresses are not constrained, and never used. */
function nameConstraints({ domains, networks }: NameConstraints): Buffer {
  const subtrees = [...domains.map(generalName), ...networks.map(network)].map((base) => der(SEQUENCE, base));
  return der(SEQUENCE, der(explicit(0), ...subtrees));
}

/** `dNSName` or `iPAddress`. */
function generalName(name: string): Buffer {
  const address = ipBytes(name);
  return address === null ? der(implicit(2), Buffer.from(name, 'latin1')) : der(implicit(7), Buffer.from(address));
}

/** Address and mask as an `iPAddress`. */
function network({ bytes, length }: Cidr): Buffer {
  const mask = bytes.map((_, i) => 0xff & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))));
  return der(implicit(7), Buffer.from(bytes), Buffer.from(mask));
}

function distinguishedName({ organization, commonName }: DistinguishedName): Buffer {
  const part = (type: string, value: string): Buffer =>
    der(SET, der(SEQUENCE, encodeOid(type), der(UTF8_STRING, Buffer.from(value, 'utf8'))));
  return der(SEQUENCE, part(ORGANIZATION, organization), part(COMMON_NAME, commonName));
}

/** RFC 5280 4.1.2.5: `UTCTime` until 2049. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050
    ? der(UTC_TIME, Buffer.from(digits.slice(2), 'latin1'))
    : der(GENERALIZED_TIME, Buffer.from(digits, 'latin1'));
}

/** RFC 7093 2, method 1: the first 160 bits of the hash of the key's bits. */
function keyIdentifier(key: KeyObject): Buffer {
  const info = new DerReader(key.export({ type: 'spki', format: 'der' })).enter();
  info.next();
  return createHash('sha256')
    .update(bitsOf(info.next(BIT_STRING)))
    .digest()
    .subarray(0, 20);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

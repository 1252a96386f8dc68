/**
 * OCSP responses, and the HTTP responses that carry them: the result is always a ResponseError, or a status that the
 * authority has signed for this certificate and this time.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { fieldsOf } from '../../src/tls/certificate-fields.js';
import {
  BIT_STRING,
  der,
  ENUMERATED,
  encodeOid,
  explicit,
  GENERALIZED_TIME,
  INTEGER,
  implicit,
  NULL,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  SEQUENCE,
} from '../../src/tls/der.js';
import { certificateId, digest, type Issued, parseResponse, ResponseError } from '../../src/tls/ocsp-message.js';
import { responseIn } from '../../src/tls/ocsp-responder.js';
import { verifiedStatus } from '../../src/tls/ocsp-verify.js';
import type { Random } from '../stress/random.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

const UTC_TIME = 0x17;
const SET = 0x31;
const UTF8_STRING = 0x0c;
const SHA256_ECDSA = der(SEQUENCE, encodeOid('1.2.840.10045.4.3.2'));
const NOW = Date.UTC(2030, 0, 2);

interface Signer {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

function nameOf(text: string): Buffer {
  const attribute = der(SEQUENCE, encodeOid('2.5.4.3'), der(UTF8_STRING, Buffer.from(text)));
  return der(SEQUENCE, der(SET, attribute));
}

function signedBy(key: KeyObject, body: Buffer): Buffer[] {
  const signature = sign('sha256', body, key);
  return [body, SHA256_ECDSA, der(BIT_STRING, Buffer.from([0]), signature)];
}

/** A certificate; `purpose`: OID of its extended key usage. */
function certify(name: string, serial: number, issuer: Signer | null, purpose = ''): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extension = (oid: string, value: Buffer): Buffer => der(SEQUENCE, encodeOid(oid), der(OCTET_STRING, value));
  const extensions = [
    extension('2.5.29.19', der(SEQUENCE, ...(issuer === null ? [der(0x01, Buffer.from([255]))] : []))),
    ...(purpose === '' ? [] : [extension('2.5.29.37', der(SEQUENCE, encodeOid(purpose)))]),
  ];
  const body = der(
    SEQUENCE,
    der(explicit(0), der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.from([serial])),
    SHA256_ECDSA,
    issuer === null ? nameOf(name) : fieldsOf(issuer.certificate).subject,
    der(SEQUENCE, der(UTC_TIME, Buffer.from('200101000000Z')), der(UTC_TIME, Buffer.from('400101000000Z'))),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(explicit(3), der(SEQUENCE, ...extensions)),
  );
  const raw = der(SEQUENCE, ...signedBy(issuer?.key ?? privateKey, body));
  return { key: privateKey, certificate: new X509Certificate(raw) };
}

const AUTHORITY = certify('authority', 1, null);
const DELEGATE = certify('delegate', 2, AUTHORITY, '1.3.6.1.5.5.7.3.9');
const LEAF = certify('leaf', 3, AUTHORITY);
const OTHER = certify('other', 4, AUTHORITY);
const STRANGER = certify('authority', 1, null);

const GOOD = der(implicit(0));
const REVOKED = der(explicit(1), der(GENERALIZED_TIME, Buffer.from('20291231000000Z')));
const UNKNOWN = der(implicit(2));
const STATUSES: Readonly<Record<string, Buffer>> = { good: GOOD, revoked: REVOKED, unknown: UNKNOWN };

function issued({ certificate }: Signer): Issued {
  return { certificate, issuer: AUTHORITY.certificate };
}

function time(text: string): Buffer {
  return der(GENERALIZED_TIME, Buffer.from(text));
}

function single(of: Signer, status: Buffer, from = '20300101000000Z', to = '20300103000000Z'): Buffer {
  const end = to === '' ? [] : [der(explicit(0), time(to))];
  return der(SEQUENCE, certificateId(issued(of)), status, time(from), ...end);
}

/** A successful response; `byKey`: the signer is named by its key. */
function responseOf(signer: Signer, singles: readonly Buffer[], byKey = false, included = [signer]): string {
  const { subject, publicKey } = fieldsOf(signer.certificate);
  const responder = byKey ? der(explicit(2), der(OCTET_STRING, digest('sha1', publicKey))) : der(explicit(1), subject);
  const data = der(SEQUENCE, responder, time('20300101000000Z'), der(SEQUENCE, ...singles));
  const certificates = der(explicit(0), der(SEQUENCE, ...included.map(({ certificate }) => certificate.raw)));
  const basic = der(SEQUENCE, ...signedBy(signer.key, data), ...(included.length > 0 ? [certificates] : []));
  const typed = der(SEQUENCE, encodeOid('1.3.6.1.5.5.7.48.1.1'), der(OCTET_STRING, basic));
  return der(SEQUENCE, der(ENUMERATED, Buffer.from([0])), der(explicit(0), typed)).latin1Slice();
}

/** Responses that state the status of the leaf, of those that may do so. */
const HONEST: ReadonlyMap<string, string> = new Map(
  Object.entries(STATUSES).flatMap(([name, status]) => [
    [responseOf(AUTHORITY, [single(LEAF, status)]), name],
    [responseOf(AUTHORITY, [single(OTHER, GOOD), single(LEAF, status)], true), name],
    [responseOf(DELEGATE, [single(LEAF, status, '20300101000000Z', '')], true), name],
  ]),
);
/** Others, none of which is one for the leaf at this time. */
const OTHERS = [
  responseOf(AUTHORITY, [single(OTHER, GOOD)]),
  responseOf(AUTHORITY, [single(LEAF, GOOD, '20291201000000Z', '20300101000000Z')]),
  responseOf(AUTHORITY, [single(LEAF, GOOD, '20300103000000Z', '20300104000000Z')]),
  responseOf(AUTHORITY, []),
  responseOf(OTHER, [single(LEAF, GOOD)]),
  responseOf(LEAF, [single(LEAF, GOOD)]),
  responseOf(STRANGER, [single(LEAF, GOOD)]),
  responseOf(STRANGER, [single(LEAF, GOOD)], true, [STRANGER, AUTHORITY]),
  der(SEQUENCE, der(ENUMERATED, Buffer.from([3]))).latin1Slice(),
];
const TEXTS = [...HONEST.keys(), ...OTHERS];

const WORDS = [
  GOOD,
  REVOKED,
  UNKNOWN,
  SHA256_ECDSA,
  certificateId(issued(LEAF)),
  certificateId(issued(OTHER)),
  single(LEAF, GOOD),
  fieldsOf(LEAF.certificate).serial,
  fieldsOf(OTHER.certificate).serial,
  AUTHORITY.certificate.raw,
  STRANGER.certificate.raw,
  der(SEQUENCE, encodeOid('1.2.840.113549.1.1.10'), der(SEQUENCE, der(explicit(2), der(INTEGER, Buffer.from([255]))))),
  der(SEQUENCE, encodeOid('1.3.101.112')),
  der(NULL),
  der(OBJECT_IDENTIFIER),
  time('20300102000000.999Z'),
  time('20309999999999Z'),
  Buffer.from('30840000000031', 'hex'),
  Buffer.from('3080', 'hex'),
  Buffer.from('3084ffffffff', 'hex'),
  Buffer.from('ff', 'hex'),
].map((bytes) => bytes.latin1Slice());

/** What is signed in a response that can be read. */
function signedIn(text: string): string {
  return parseResponse(Buffer.from(text, 'latin1')).signed.latin1Slice();
}

/** By the signed bytes: all that a valid response can state. */
const STATED: ReadonlyMap<string, string> = new Map([...HONEST].map(([text, status]) => [signedIn(text), status]));

export function checkOcspResponse(text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  const { certificate } = AUTHORITY;
  const trust = { chain: [LEAF.certificate], store: [certificate], level: 'full' } as const;
  let status: string;
  try {
    ({ status } = verifiedStatus(bytes, issued(LEAF), trust, NOW));
  } catch (error) {
    assert.ok(error instanceof ResponseError, error as Error);
    assert.match(error.message, /^[ -~]+$/);
    assert.ok(!HONEST.has(text), error);
    return;
  }
  assert.equal(status, STATED.get(signedIn(text)));
}

export const ocspResponses: FuzzTarget = {
  name: 'ocsp-responses',
  make: (random) => mutatedBytes(TEXTS, WORDS, random),
  check: checkOcspResponse,
};

const HEAD = 'HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: application/ocsp-response\r\n';
const MESSAGES = [
  `${HEAD}Content-Length: 3\r\n\r\n0\x01\0`,
  `${HEAD}\r\n0\x01\0`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\n0\x01\0\r\n0\r\n\r\n`,
  'HTTP/1.0 302 Found\nLocation: http://a.test/\nContent-Type: text/html\n\n',
  'HTTP/1.1 503\r\nContent-Type: application/ocsp-response\r\n\r\n',
];
const PIECES = ['\r\n', '\n', '\r', ':', ' ', '    '.repeat(500), 'Content-Length: 1\r\n', 'HTTP/', '\0', '\xff', '9'];

/** A response is read alike in pieces of any size. */
export function checkOcspResponder(text: string, cuts: readonly number[]): void {
  const bytes = Buffer.from(text, 'latin1');
  const whole = responseIn(bytes, true);
  assert.ok(whole !== null);
  let known: Buffer | string | null = null;
  for (const cut of cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b)) {
    known = responseIn(bytes.subarray(0, cut), false);
    if (known !== null) break;
  }
  if (known !== null) assert.deepEqual(known, whole);
  if (typeof whole !== 'string') {
    assert.match(text, /^HTTP\/[1-9]\d*\.\d+ +200/);
    assert.ok(text.endsWith(whole.latin1Slice()) || /content-length/i.test(text));
  }
}

export const ocspResponders: FuzzTarget = {
  name: 'ocsp-responders',
  make: (random) => mutatedBytes(MESSAGES, PIECES, random),
  check: (text: string, random: Random) => checkOcspResponder(text, places(random)),
};

/** TLS settings of nginx's directives as a context of OpenSSL, for servers and clients. */
import { constants } from 'node:crypto';
import tls from 'node:tls';
import { isOpensslError, opensslText } from './tls-errors.js';
import { type CertifiedKey, TlsFileError } from './tls-files.js';

/** Protocols that OpenSSL still implements, oldest first. */
export const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

const DISABLE: Readonly<Record<TlsVersion, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  'TLSv1.1': constants.SSL_OP_NO_TLSv1_1,
  'TLSv1.2': constants.SSL_OP_NO_TLSv1_2,
  'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
};

/** OpenSSL's default suites of TLS 1.3, which its list of older ciphers does not contain. */
const DEFAULT_SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
/** Names that Node lacks on some versions. */
const SSL_OP_NO_RENEGOTIATION = 0x40000000;
const SSL_OP_IGNORE_UNEXPECTED_EOF = 0x80;

/** Parameters of a context. Plain values: equal parameters give equal contexts. */
export interface ContextSpec {
  /** Certificates with their keys, of different kinds (RSA, ECDSA). */
  readonly certificates: readonly CertifiedKey[];
  /** PEM blocks of trusted certificates; a server also sends their names to clients. */
  readonly trusted: readonly string[];
  /** PEM blocks of revocation lists. */
  readonly crls: readonly string[];
  readonly protocols: readonly TlsVersion[];
  /** OpenSSL's list of ciphers for TLS 1.2 and older. */
  readonly ciphers: string;
  /** Suites of TLS 1.3; null: OpenSSL's. */
  readonly suites: string | null;
  /** Groups for key exchange, separated by colons; `auto`: OpenSSL's. */
  readonly curves: string;
  /** Signature algorithms, separated by colons; null: OpenSSL's. */
  readonly signatureAlgorithms: string | null;
  /** PEM of Diffie-Hellman parameters with the name of their file; null: no DHE ciphers. */
  readonly dhparam: { readonly path: string; readonly pem: string } | null;
  readonly preferServerCiphers: boolean;
  /** Options of OpenSSL to set and to clear in addition. */
  readonly options: number;
  /** s; lifetime of sessions. */
  readonly sessionTimeout: number;
  readonly sessionTickets: boolean;
  /** 48 bytes: name, HMAC key and AES key of tickets; null: random. */
  readonly ticketKeys: Buffer | null;
  /** Sessions are only resumed with the same value; at most 32 bytes. */
  readonly sessionIdContext: string;
}

/** Parameters that clients do not set. */
export const CLIENT_CONTEXT = {
  suites: null,
  curves: 'auto',
  signatureAlgorithms: null,
  dhparam: null,
  preferServerCiphers: false,
  options: 0,
  /** OpenSSL's default. */
  sessionTimeout: 300,
  sessionTickets: true,
  ticketKeys: null,
  sessionIdContext: '',
} as const satisfies Partial<ContextSpec>;

/** Creates a context. Throws TlsFileError with nginx's message for the directive that OpenSSL refuses. */
export function createContext(spec: ContextSpec): tls.SecureContext {
  const { protocols } = spec;
  const [first = 'TLSv1.2'] = TLS_VERSIONS.filter((each) => protocols.includes(each));
  const last = TLS_VERSIONS.filter((each) => protocols.includes(each)).at(-1) ?? 'TLSv1.3';
  let options = SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | spec.options;
  for (const each of TLS_VERSIONS) if (!protocols.includes(each)) options |= DISABLE[each];
  if (spec.preferServerCiphers) options |= constants.SSL_OP_CIPHER_SERVER_PREFERENCE;
  if (!spec.sessionTickets) options |= constants.SSL_OP_NO_TICKET;
  const ciphers = spec.ciphers
    .split(':')
    .filter((each) => !each.startsWith('TLS_'))
    .join(':');
  try {
    return tls.createSecureContext({
      cert: spec.certificates.map(({ certificate }) => certificate.pem),
      key: spec.certificates.map(({ key }) => key),
      // An empty list, so that Node does not add its own.
      ca: [...spec.trusted],
      ...(spec.crls.length > 0 && { crl: [...spec.crls] }),
      ciphers: `${spec.suites ?? DEFAULT_SUITES}:${ciphers}`,
      ecdhCurve: spec.curves,
      ...(spec.signatureAlgorithms !== null && { sigalgs: spec.signatureAlgorithms }),
      ...(spec.dhparam !== null && { dhparam: spec.dhparam.pem }),
      minVersion: first,
      maxVersion: last,
      // Node passes the number as an unsigned one.
      secureOptions: options >>> 0,
      sessionTimeout: spec.sessionTimeout,
      sessionIdContext: spec.sessionIdContext,
      ...(spec.ticketKeys !== null && { ticketKeys: spec.ticketKeys }),
    });
  } catch (error) {
    throw contextError(error as NodeJS.ErrnoException, spec, ciphers);
  }
}

/** nginx's message for the call that OpenSSL refused. */
function contextError(error: NodeJS.ErrnoException, spec: ContextSpec, ciphers: string): TlsFileError {
  const { code = '', message } = error;
  const reason = isOpensslError(error) ? opensslText(error) : `SSL: ${message}`;
  if (/NO_CIPHER_MATCH/.test(code)) {
    const call = trySuites(spec.suites)
      ? `SSL_CTX_set_cipher_list("${ciphers}")`
      : `SSL_CONF_cmd("Ciphersuites", "${spec.suites}")`;
    return new TlsFileError(`${call} failed (${reason})`);
  }
  if (/ECDH curve/i.test(message) || /curve|group/i.test(code)) {
    const unknown = `error:0A080106:SSL routines::passed invalid argument`;
    return new TlsFileError(`SSL_CTX_set1_curves_list("${spec.curves}") failed (SSL: ${unknown})`);
  }
  if (spec.dhparam !== null && /DH|dh /.test(`${code} ${message}`)) {
    return new TlsFileError(`SSL_CTX_set0_tmp_dh_pkey("${spec.dhparam.path}") failed (${reason})`);
  }
  if (/KEY_VALUES_MISMATCH/.test(code)) {
    const source = spec.certificates.at(-1)?.certificate.source ?? '';
    return new TlsFileError(`SSL_CTX_use_PrivateKey() failed for certificate "${source}" (${reason})`);
  }
  const source = spec.certificates[0]?.certificate.source;
  return new TlsFileError(
    source === undefined
      ? `SSL_CTX_new() failed (${reason})`
      : `SSL_CTX_use_certificate("${source}") failed (${reason})`,
  );
}

/** Whether OpenSSL accepts a list of TLS 1.3 suites. */
function trySuites(suites: string | null): boolean {
  if (suites === null) return true;
  try {
    tls.createSecureContext({ ciphers: suites });
    return true;
  } catch {
    return false;
  }
}

/** `ssl_stapling` without a file: the responses of a server's certificates, and the one for a client. */
import { createHash, type X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import type { ClientHello } from '../../net/client-hello.js';
import type { ContextSpec } from '../../net/tls-context.js';
import type { Compiler } from '../../program/module.js';
import { fieldsOf } from '../../tls/certificate-fields.js';
import { type OcspConnections, parseResponder, type Responder } from '../../tls/ocsp-responder.js';
import { certificatesOf, issuerOf, Staple, type StapleSource } from '../../tls/stapling.js';
import { cipherName, cipherNames } from './names.js';

/** A certificate of a server. */
interface Stapled {
  readonly certificate: X509Certificate;
  /** OCSP response for the certificate; null: none is available. */
  readonly staple: Staple | null;
}

/** Directives of a server. */
export interface StaplingSettings {
  readonly responder: string;
  readonly verify: boolean;
  readonly connections: () => OcspConnections;
}

/** Selects the response for a client; null: none. */
export type SelectResponse = (hello: ClientHello) => Buffer | null;

/** Compiles the responses of a server's certificates; null if there are none. */
export function compileStapling(
  spec: ContextSpec,
  settings: StaplingSettings,
  compiler: Compiler,
): SelectResponse | null {
  const store = certificatesOf(spec.trusted);
  const stapled = spec.certificates.flatMap(({ certificate: { blocks, source } }): Stapled[] => {
    const [certificate, ...chain] = certificatesOf(blocks);
    if (certificate === undefined) return [];
    const found = sourceOf(certificate, chain, store, source, settings, compiler);
    return [{ certificate, staple: found === null ? null : stapleOf(found, settings, compiler) }];
  });
  if (stapled.every(({ staple }) => staple === null)) return null;
  const [only] = stapled;
  if (stapled.length === 1 && only !== undefined) return () => only.staple?.current() ?? null;
  return (hello) => selected(hello, stapled, spec)?.staple?.current() ?? null;
}

/** Warns, as nginx does, if the issuer or the responder is unknown. */
function sourceOf(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  store: readonly X509Certificate[],
  name: string,
  { responder: written, verify }: StaplingSettings,
  { errorLog }: Compiler,
): StapleSource | null {
  const ignored = (reason: string): null => {
    errorLog.write('warn', `"ssl_stapling" ignored, ${reason} certificate "${name}"`);
    return null;
  };
  const issuer = issuerOf(certificate, chain, store);
  if (issuer === undefined) return ignored('issuer certificate not found for');
  const url = written === '' ? fieldsOf(certificate).responders[0] : written;
  if (url === undefined) return ignored('no OCSP responder URL in the');
  const responder = parseResponder(url);
  if ('mistake' in responder) {
    return ignored(`${responder.mistake} in OCSP responder "${responder.shown}" in the`);
  }
  return { certificate, issuer, name, responder, trust: { chain, store, level: verify ? 'trustChain' : 'signature' } };
}

/** Servers with the same certificate and settings share a response, also over reloads. */
function stapleOf(source: StapleSource, { connections }: StaplingSettings, { shared, previous }: Compiler): Staple {
  const { certificate, issuer, name, responder, trust } = source;
  const hash = createHash('sha256').update(JSON.stringify([name, responder satisfies Responder, trust.level]));
  for (const each of [certificate, issuer, ...trust.chain, ...trust.store]) hash.update(each.raw);
  const key = `staple ${hash.digest('base64')}`;
  const known = shared.get<Staple>(key);
  if (known !== undefined) return known;
  const staple = previous?.get<Staple>(key) ?? new Staple(source, connections);
  staple.connections = connections;
  return shared.set(key, staple);
}

const TLS_1_3 = 0x0304;

/** Kinds of keys that signature algorithms of TLS 1.3 need: type, and curve. */
const SIGNATURES: Readonly<Record<number, string>> = {
  1027: 'ec prime256v1',
  1283: 'ec secp384r1',
  1539: 'ec secp521r1',
  2052: 'rsa',
  2053: 'rsa',
  2054: 'rsa',
  2055: 'ed25519',
  2056: 'ed448',
  2057: 'rsa-pss',
  2058: 'rsa-pss',
  2059: 'rsa-pss',
};
/** OpenSSL's order, for servers that prefer their own. */
const OWN_ORDER = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806,
] as const satisfies readonly number[];

function kindOf({ publicKey }: X509Certificate): string {
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: details } = publicKey;
  return type === 'ec' ? `ec ${details?.namedCurve ?? ''}` : type;
}

/**
 * The certificate that OpenSSL will select: Node does not report it, and needs the response before the handshake.
 * Undefined if it cannot be known: then no response is sent.
 */
function selected(hello: ClientHello, all: readonly Stapled[], spec: ContextSpec): Stapled | undefined {
  const { signatureAlgorithms: offered } = hello;
  if (spec.signatureAlgorithms !== null) return undefined;
  if (spec.protocols.includes('TLSv1.3') && hello.offersVersion(TLS_1_3)) {
    const order = spec.preferServerCiphers ? OWN_ORDER.filter((each) => offered.includes(each)) : offered;
    for (const each of order) {
      const kind = SIGNATURES[each];
      const found = kind === undefined ? undefined : all.find(({ certificate }) => kindOf(certificate) === kind);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [rsa, ec] = [/^rsa/, /^e[cd]/].map((kind) => all.find(({ certificate }) => kind.test(kindOf(certificate))));
  // The second byte names the signature in TLS 1.2.
  const signs = (second: number): boolean =>
    offered.length === 0 || offered.some((each) => (each & 0xff) === second && each >> 8 < 8);
  const usable = { rsa: rsa !== undefined && (signs(1) || offered.some(isPss)), ec: ec !== undefined && signs(3) };
  if (!usable.rsa || !usable.ec) {
    if (usable.rsa) return rsa;
    return usable.ec ? ec : undefined;
  }
  if (spec.preferServerCiphers) return undefined;
  for (const number of hello.ciphers) {
    const name = cipherName(number);
    if (/^(0x|TLS_|ADH|AECDH|.*(PSK|SRP|DSS))/.test(name) || !enables(spec.ciphers, name)) continue;
    return name.includes('ECDSA') ? ec : rsa;
  }
  return undefined;
}

function isPss(algorithm: number): boolean {
  return algorithm >= 0x0804 && algorithm <= 0x0806;
}

const enabled = new Map<string, boolean>();

/** Whether a list of ciphers contains one, as OpenSSL reads it. */
function enables(list: string, cipher: string): boolean {
  const key = `${cipher} ${list}`;
  let result = enabled.get(key);
  if (result === undefined) {
    const others = cipherNames().filter((each) => each !== cipher && !each.startsWith('TLS_'));
    try {
      tls.createSecureContext({
        ciphers: [list, ...others.map((each) => `-${each}`)].join(':'),
        maxVersion: 'TLSv1.2',
      });
      result = true;
    } catch {
      result = false;
    }
    enabled.set(key, result);
  }
  return result;
}

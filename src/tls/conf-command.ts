/** `ssl_conf_command`: the commands of OpenSSL's SSL_CONF_cmd that Node has an option for. */
import { constants, createPrivateKey } from 'node:crypto';
import tls from 'node:tls';
import { type ContextSpec, TLS_VERSIONS, type TlsVersion } from '../net/tls-context.js';
import { loadCertifiedKey, TlsFileError } from '../net/tls-files.js';
import type { ConfCommand } from './arguments.js';

/** Commands of OpenSSL for which Node has no option. */
const UNAVAILABLE: ReadonlySet<string> = new Set(
  [
    'ClientSignatureAlgorithms',
    'RecordPadding',
    'ECDHParameters',
    'ChainCAFile',
    'ChainCAPath',
    'VerifyCAFile',
    'VerifyCAPath',
    'ServerInfoFile',
    'ClientCAFile',
    'ClientCAPath',
    'RequestCAFile',
    'RequestCAPath',
    'DHParameters',
    'NumTickets',
    'VerifyMode',
    'TxCertificateCompression',
    'RxCertificateCompression',
  ].map((name) => name.toLowerCase()),
);

let suites: ReadonlySet<string> | null = null;

function isSuite(name: string): boolean {
  suites ??= new Set(tls.getCiphers());
  return suites.has(name.toLowerCase());
}

/** Bits of the command `Options`. */
const OPTIONS: Readonly<Record<string, number>> = {
  serverpreference: constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  prioritizechacha: 1 << 21,
  middleboxcompat: 1 << 20,
  noresumptiononrenegotiation: constants.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION,
  norenegotiation: 0x40000000,
  legacyserverconnect: 4,
  unsafelegacyrenegotiation: 1 << 18,
  encryptthenmac: 1 << 19,
  nocompression: 1 << 17,
  bugs: 0,
  compression: 0,
  ecdhsingle: 0,
  dhsingle: 0,
  sessionticket: constants.SSL_OP_NO_TICKET,
  emptyfragments: 1 << 11,
};
/** Options whose bit disables what they are named after. */
const INVERTED: ReadonlySet<string> = new Set(['sessionticket', 'encryptthenmac', 'emptyfragments']);

/** Applies the commands in order. Throws TlsFileError with nginx's message. */
export function applyCommands(spec: ContextSpec, commands: readonly ConfCommand[]): ContextSpec {
  return replaceCertificate(commands.reduce(apply, spec), commands);
}

/** `Certificate` and `PrivateKey` replace the certificate of the same kind. */
function replaceCertificate(spec: ContextSpec, commands: readonly ConfCommand[]): ContextSpec {
  const last = (wanted: string): ConfCommand | undefined =>
    commands.findLast(({ name }) => name.toLowerCase() === wanted);
  const certificate = last('certificate');
  if (certificate === undefined) return spec;
  const pair = loadCertifiedKey(certificate.path, (last('privatekey') ?? certificate).path, []);
  const kind = createPrivateKey(pair.key).asymmetricKeyType;
  const others = spec.certificates.filter(({ key }) => createPrivateKey(key).asymmetricKeyType !== kind);
  return { ...spec, certificates: [...others, pair] };
}

function apply(spec: ContextSpec, { name, value }: ConfCommand): ContextSpec {
  const refuse = (reason: string): never => {
    throw new TlsFileError(`SSL_CONF_cmd("${name}", "${value}") failed (SSL: ${reason})`);
  };
  const badValue = (): never => refuse(`error:0A000180:SSL routines::bad value:cmd=${name}, value=${value}`);
  switch (name.toLowerCase()) {
    case 'ciphersuites':
      if (value.split(':').every((suite) => suite.startsWith('TLS_') && isSuite(suite))) {
        return { ...spec, suites: value };
      }
      return refuse(
        `error:0A0000B9:SSL routines::no cipher match error:0A000180:SSL routines::bad value:cmd=${name}, value=${value}`,
      );
    case 'cipherstring':
      return { ...spec, ciphers: value };
    case 'groups':
    case 'curves':
      return { ...spec, curves: value };
    case 'signaturealgorithms':
      return { ...spec, signatureAlgorithms: value };
    case 'minprotocol': {
      const from = TLS_VERSIONS.indexOf(value as TlsVersion);
      return from < 0
        ? badValue()
        : { ...spec, protocols: spec.protocols.filter((each) => TLS_VERSIONS.indexOf(each) >= from) };
    }
    case 'maxprotocol': {
      const to = TLS_VERSIONS.indexOf(value as TlsVersion);
      return to < 0
        ? badValue()
        : { ...spec, protocols: spec.protocols.filter((each) => TLS_VERSIONS.indexOf(each) <= to) };
    }
    case 'protocol':
      return { ...spec, protocols: protocolsOf(value, spec.protocols) ?? badValue() };
    case 'certificate':
    case 'privatekey':
      return spec;
    case 'options':
      return applyOptions(spec, value) ?? badValue();
  }
  if (UNAVAILABLE.has(name.toLowerCase())) return refuse('Node.js has no interface to this command');
  return refuse(`error:0A000182:SSL routines::unknown cmd name:cmd=${name}`);
}

function* signed(value: string): Generator<{ readonly on: boolean; readonly word: string }> {
  for (const each of value.split(',')) {
    const trimmed = each.trim();
    yield { on: !trimmed.startsWith('-'), word: trimmed.replace(/^[-+]/, '') };
  }
}

function protocolsOf(value: string, before: readonly TlsVersion[]): readonly TlsVersion[] | null {
  const chosen = new Set<TlsVersion>(before);
  for (const { on, word } of signed(value)) {
    const found = word.toLowerCase() === 'all' ? TLS_VERSIONS : TLS_VERSIONS.filter((each) => each === word);
    if (found.length === 0 && !/^SSLv[23]$/.test(word)) return null;
    for (const each of found) {
      if (on) chosen.add(each);
      else chosen.delete(each);
    }
  }
  return TLS_VERSIONS.filter((each) => chosen.has(each));
}

function applyOptions(spec: ContextSpec, value: string): ContextSpec | null {
  let { options, preferServerCiphers, sessionTickets } = spec;
  for (const { on, word } of signed(value)) {
    const name = word.toLowerCase();
    const bit = OPTIONS[name];
    if (bit === undefined) return null;
    if (name === 'serverpreference') preferServerCiphers = on;
    else if (name === 'sessionticket') sessionTickets = on;
    else if (on !== INVERTED.has(name)) options |= bit;
    else options &= ~bit;
  }
  return { ...spec, options, preferServerCiphers, sessionTickets };
}
